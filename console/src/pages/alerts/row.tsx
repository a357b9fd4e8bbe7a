/** One alert in the list, and several of one rule folded into one line. */
import type { VNode } from "preact";
import type { Alert } from "../../api/index.ts";
import { stateBadge } from "../../alerting/index.ts";
import { Badge, SeverityLabel, Text, Time } from "../../show/index.ts";
import { counted, countText, printable } from "../../text/index.ts";

interface RowProps {
  chosen: ReadonlySet<string>;
  choose: (ids: readonly string[], isIn: boolean) => void;
  current: string | undefined;
  fresh: ReadonlySet<string>;
  mayWork: boolean;
}

export function AlertRow({ alert, chosen, choose, current, fresh, mayWork }: RowProps & { alert: Alert }): VNode {
  const { id = "", title, rule, hosts = [], count, lastEventTime, assignee = "" } = alert;
  const names = hosts.map(({ name, id: hostId }) => name || hostId).join(", ");
  return (
    <div
      id={`alert-${id}`}
      role="listitem"
      class={`alert-row ${id === current ? "is-current" : ""} ${fresh.has(id) ? "is-new" : ""}`}
      aria-current={id === current ? "true" : undefined}
    >
      {mayWork ? (
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={`Choose ${printable(title ?? id)}`}
          checked={chosen.has(id)}
          onChange={() => choose([id], !chosen.has(id))}
        />
      ) : (
        <span />
      )}
      <SeverityLabel of={rule?.severity} />
      <div class="alert-what">
        <a class="alert-title sans" href={`/alerts/${id}`}>
          <Text of={title} max={240} />
        </a>
        <p class="alert-note">
          <Text of={names} max={160} /> · {counted(count, "event")}
          {assignee !== "" && (
            <>
              {" "}
              · <Text of={assignee} max={48} />
            </>
          )}
        </p>
      </div>
      {stateBadge(alert)}
      <span class="time-cell soft">
        <Time value={lastEventTime} />
      </span>
    </div>
  );
}

export function FoldRow({
  alerts,
  isOpen,
  onToggle,
  ...props
}: RowProps & { alerts: readonly Alert[]; isOpen: boolean; onToggle: () => void }): VNode {
  const [newest = {}] = alerts;
  const ids = alerts.flatMap(({ id }) => id ?? []);
  const hosts = new Set(alerts.flatMap(({ hosts: those = [] }) => those.map(({ id }) => id)));
  const events = alerts.reduce((sum, { count }) => sum + BigInt(count ?? 0), 0n);
  return (
    <div role="listitem">
      <div
        class={`alert-row ${!isOpen && newest.id === props.current ? "is-current" : ""}`}
        id={isOpen ? undefined : `alert-${newest.id}`}
      >
        {props.mayWork ? (
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={`Choose all of ${printable(newest.rule?.title ?? "the rule")}`}
            checked={ids.every((id) => props.chosen.has(id))}
            onChange={(event) => props.choose(ids, event.currentTarget.checked)}
          />
        ) : (
          <span />
        )}
        <SeverityLabel of={newest.rule?.severity} />
        <div class="alert-what">
          <button type="button" class="fold-button" aria-expanded={isOpen} onClick={onToggle}>
            <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span>{" "}
            <span class="sans">
              <Text of={newest.rule?.title || newest.title} max={240} />
            </span>
          </button>
          <p class="alert-note">
            {countText(alerts.length)} alerts · {counted(hosts.size, "host")} · {counted(String(events), "event")}
          </p>
        </div>
        <StatesOf alerts={alerts} />
        <span class="time-cell soft">
          <Time value={newest.lastEventTime} />
        </span>
      </div>
      {isOpen && (
        <div class="fold" role="list" aria-label={printable(newest.rule?.title ?? "Alerts")}>
          {alerts.map((alert) => (
            <AlertRow key={alert.id} alert={alert} {...props} />
          ))}
        </div>
      )}
    </div>
  );
}

/** How many of them wait for somebody. */
function StatesOf({ alerts }: { alerts: readonly Alert[] }): VNode {
  const open = alerts.filter(({ state }) => (state ?? "ALERT_STATE_OPEN") === "ALERT_STATE_OPEN").length;
  return open === 0 ? <Badge>none open</Badge> : <Badge tone="bad">{open} open</Badge>;
}
