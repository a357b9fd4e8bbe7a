import type { VNode } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { type Alert, mayAct, METHODS, type WatchAlertsResponse } from "../../api/index.ts";
import { CloseDialog } from "../../alerting/index.ts";
import { go, place, setQuery } from "../../route/index.ts";
import {
  Card,
  Choice,
  Empty,
  Failure,
  Liveness,
  Loading,
  Page as Frame,
  RangePicker,
  Text,
  useWatch,
  valueIn,
} from "../../show/index.ts";
import { counted, SEVERITIES, shortId } from "../../text/index.ts";
import { foldsOf, requestOf, STATES, stateOf } from "./asked.ts";
import { useAlerts } from "./list.ts";
import { AlertRow, FoldRow } from "./row.tsx";
import { acknowledge, close } from "./work.ts";

export function Page(): VNode {
  const { query } = place.value;
  const [nowMs] = useState(() => Date.now());
  const request = useMemo(() => requestOf(query, nowMs), [query, nowMs]);
  const list = useAlerts(request);
  const fresh = useRef(new Set<string>());
  const take = ({ change, dropped }: WatchAlertsResponse): void => {
    const alert = change?.alert;
    if (Number(dropped ?? 0) > 0) list.again();
    if (alert === undefined || !isAsked(alert, query)) return;
    if (change?.kind === "KIND_OPENED") fresh.current.add(alert.id ?? "");
    list.change(alert);
  };
  const live = useWatch(
    METHODS.watchAlerts,
    { hostId: request.hostId, ...(request.severityMin && { severityMin: request.severityMin }) },
    take,
    list.again,
  );
  const isFolding = query.get("fold") !== "no";
  return (
    <Frame name="Alerts" actions={<Liveness state={live} />}>
      <div class="row">
        <Choice
          label="State"
          value={stateOf(query)}
          options={STATES.map((state) => [state, state])}
          onChoose={(state) => setQuery({ state: state === "active" ? "" : state })}
        />
        <label class="row">
          <span class="soft">At least</span>
          <select value={query.get("severity") ?? ""} onChange={(event) => setQuery({ severity: valueIn(event) })}>
            <option value="">any severity</option>
            {SEVERITIES.map((severity) => (
              <option key={severity} value={severity}>
                {severity}
              </option>
            ))}
          </select>
        </label>
        <RangePicker
          range={{ from: query.get("from") ?? "", to: query.get("to") ?? "" }}
          onRange={({ from, to }) => setQuery({ from, to })}
        />
        <label class="row">
          <input type="checkbox" checked={isFolding} onChange={() => setQuery({ fold: isFolding ? "no" : "" })} />
          Fold by rule
        </label>
        <Narrowing query={query} />
      </div>
      <List list={list} isFolding={isFolding} fresh={fresh.current} />
    </Frame>
  );
}

/** What the stream tells is of more than the page asks for. */
function isAsked(alert: Alert, query: URLSearchParams): boolean {
  const [rule, assignee] = [query.get("rule"), query.get("assignee")];
  if (rule && alert.rule?.key !== rule) return false;
  if (assignee && alert.assignee !== assignee) return false;
  return query.get("to") === null;
}

/** Of one rule, host or person: said, and taken away by a click. */
function Narrowing({ query }: { query: URLSearchParams }): VNode {
  return (
    <>
      {(["rule", "host", "assignee"] as const).flatMap((key) => {
        const value = query.get(key);
        return value === null || value === ""
          ? []
          : [
              <button
                key={key}
                type="button"
                class="button is-small"
                onClick={() => setQuery({ [key]: "" })}
                aria-label={`Not only this ${key}`}
              >
                {key}: <Text of={key === "host" ? shortId(value) : value} max={40} /> ✕
              </button>,
            ];
      })}
    </>
  );
}

interface ListProps {
  list: ReturnType<typeof useAlerts>;
  isFolding: boolean;
  fresh: ReadonlySet<string>;
}

function List({ list, isFolding, fresh }: ListProps): VNode {
  const { alerts, error, isLoading, isSlow, isMore, more, again, change } = list;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [current, setCurrent] = useState<string>();
  const [isClosing, setClosing] = useState(false);
  const folds = useMemo(() => foldsOf(alerts, isFolding), [alerts, isFolding]);
  const shown = folds.flatMap(({ key, alerts: those }) =>
    those.length === 1 || open.has(key) ? those : those.slice(0, 1),
  );
  const worked = alerts.filter(({ id = "" }) => chosen.has(id));
  const ofCurrent = worked.length > 0 ? worked : alerts.filter(({ id }) => id === current);
  const toggled = (set: ReadonlySet<string>, keys: readonly string[], isIn: boolean): Set<string> => {
    const next = new Set(set);
    for (const key of keys)
      if (isIn) next.add(key);
      else next.delete(key);
    return next;
  };
  const choose = (keys: readonly string[], isIn: boolean): void => setChosen(toggled(chosen, keys, isIn));
  const move = (by: number): void => {
    const at = shown.findIndex(({ id }) => id === current);
    const next = shown[Math.min(shown.length - 1, Math.max(0, at + by))];
    setCurrent(next?.id);
    document.getElementById(`alert-${next?.id}`)?.scrollIntoView({ block: "nearest" });
  };
  const mayWork = mayAct("responder");
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || isClosing) return;
    // Enter and blank on a button, link or box are its own.
    const isOnList = event.target === event.currentTarget;
    if (event.key === "j" || (isOnList && event.key === "ArrowDown")) move(1);
    else if (event.key === "k" || (isOnList && event.key === "ArrowUp")) move(-1);
    else if (event.key === "Enter" && isOnList && current !== undefined) go(`/alerts/${current}`);
    else if (event.key === "x" && current !== undefined && mayWork) choose([current], !chosen.has(current));
    else if (event.key === "a" && ofCurrent.length > 0 && mayWork) void acknowledge(ofCurrent, change);
    else if (event.key === "e" && ofCurrent.length > 0 && mayWork) setClosing(true);
    else return;
    event.preventDefault();
  };
  return (
    <Card flush>
      {worked.length > 0 && (
        <div class="bulk" role="toolbar" aria-label="What to do with the chosen alerts">
          <strong>{counted(worked.length, "alert")} chosen</strong>
          <button type="button" class="button" onClick={() => void acknowledge(worked, change)}>
            Acknowledge
          </button>
          <button type="button" class="button" onClick={() => setClosing(true)}>
            Close…
          </button>
          <button type="button" class="button is-quiet" onClick={() => setChosen(new Set())}>
            Choose none
          </button>
        </div>
      )}
      {error !== undefined && <Failure error={error} again={again} />}
      {isSlow && alerts.length === 0 && <Loading rows={8} />}
      {!isLoading && error === undefined && alerts.length === 0 && (
        <Empty title="No alert here">Another state or severity, or a longer time, may have some.</Empty>
      )}
      {alerts.length > 0 && (
        <div
          class="alert-list"
          role="list"
          aria-label="Alerts"
          aria-busy={isSlow}
          tabIndex={0}
          aria-describedby="alert-keys"
          onKeyDown={onKeyDown}
          onFocus={(event) => {
            if (event.target === event.currentTarget && current === undefined) setCurrent(shown[0]?.id);
          }}
        >
          <p id="alert-keys" class="unseen">
            j and k move, Enter opens, x chooses, a acknowledges, e closes.
          </p>
          {folds.map(({ key, alerts: those }) =>
            those.length === 1 ? (
              <AlertRow key={key} alert={those[0] ?? {}} {...{ chosen, choose, current, fresh, mayWork }} />
            ) : (
              <FoldRow
                key={key}
                alerts={those}
                isOpen={open.has(key)}
                onToggle={() => setOpen(toggled(open, [key], !open.has(key)))}
                {...{ chosen, choose, current, fresh, mayWork }}
              />
            ),
          )}
        </div>
      )}
      {isMore && (
        <p class="more">
          <button type="button" class="button" disabled={isLoading} onClick={more}>
            Older alerts
          </button>
        </p>
      )}
      {isClosing && (
        <CloseDialog
          count={ofCurrent.length}
          onClose={() => setClosing(false)}
          onReason={async (reason, text) => {
            const isDone = await close(ofCurrent, reason, text, change);
            if (isDone) setChosen(new Set());
            return isDone;
          }}
        />
      )}
    </Card>
  );
}
