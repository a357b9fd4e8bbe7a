/** One rule: as it is written, what the operator decides of it, and a trial on history. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import {
  call,
  type CallError,
  callStream,
  mayAct,
  METHODS,
  type Rule,
  type RuleProblem,
  type TestedRule,
} from "../../api/index.ts";
import { HostLink } from "../../fleet/index.ts";
import { linkTo, setQuery } from "../../route/index.ts";
import {
  Card,
  Empty,
  Facts,
  Failure,
  RangePicker,
  say,
  SeverityLabel,
  Shown,
  Table,
  Text,
  useAnswer,
} from "../../show/index.ts";
import { bytesText, counted, countText } from "../../text/index.ts";
import { askedRange, type Range } from "../../time/index.ts";
import { WhereItFires } from "./fires.tsx";
import { Precision, stateOf } from "./standing.tsx";

interface PanelProps {
  ruleKey: string;
  /** Where it can fire is asked of this host; empty for the fleet. */
  hostId: string;
  onChanged: () => void;
}

export function RulePanel({ ruleKey, hostId, onChanged }: PanelProps): VNode {
  const asked = useAnswer(METHODS.getRule, { key: ruleKey });
  const change = async (enabled: boolean): Promise<void> => {
    const { value, error } = await call(METHODS.updateRule, { key: ruleKey, enabled });
    if (error !== undefined) return say(`The rule is as it was: ${error.message}`, true);
    // Only the rule's own page has its text; what JSON leaves out is false, and not as it was.
    asked.put({ ...value, text: value.text ?? asked.value?.text });
    onChanged();
    say(enabled ? "The rule runs" : "The rule is off");
  };
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => panel.current?.focus(), [ruleKey]);
  const close = (
    <button type="button" class="button is-quiet" aria-label="Close" onClick={() => setQuery({ rule: "" })}>
      ✕
    </button>
  );
  return (
    <div ref={panel} class="rule" tabIndex={-1}>
      <Card
        title={
          <span class="sans">
            <Text of={asked.value?.rule?.title ?? "Rule"} />
          </span>
        }
        actions={close}
      >
        <Shown asked={asked} rows={6}>
          {(rule) => (
            <div class="stack">
              {rule.problem !== undefined && (
                <p class="ink-bad">
                  ▲ It cannot run: <Text of={rule.problem} />
                </p>
              )}
              <p class="about sans">
                <Text of={rule.rule?.description} lines />
              </p>
              <Facts
                of={[
                  ["State", stateOf(rule)],
                  ["Severity", <SeverityLabel key="severity" of={rule.rule?.severity} />],
                  ["Precision", <Precision key="precision" of={rule} />],
                  [
                    "Alerts of the last 30 days",
                    <a key="alerts" href={linkTo("/alerts", { rule: ruleKey, state: "all", fold: "no" })}>
                      {countText(rule.alerts)}
                    </a>,
                  ],
                  [
                    "Written in",
                    <Text key="file" of={`${rule.rule?.ruleset ?? ""}: ${rule.file ?? ""}:${rule.line ?? 0}`} />,
                  ],
                  ["Key", <code key="key">{ruleKey}</code>],
                ]}
              />
              {mayAct("admin") && !rule.problem && (
                <p>
                  <button type="button" class="button" onClick={() => void change(rule.enabled !== true)}>
                    {rule.enabled === true ? "Turn it off" : "Let it run"}
                  </button>
                </p>
              )}
              {!ruleKey.startsWith("finding:") && <WhereItFires ruleKey={ruleKey} hostId={hostId} />}
              {rule.text !== undefined && (
                <details open>
                  <summary>As it is written</summary>
                  <pre class="source" tabIndex={0}>
                    <Text of={rule.text} lines />
                  </pre>
                </details>
              )}
              {rule.text !== undefined && <Trial rule={rule} />}
            </div>
          )}
        </Shown>
      </Card>
    </div>
  );
}

interface TrialState {
  found: readonly TestedRule[];
  problems: readonly RuleProblem[];
  scanned: string;
  all: string;
  bytes: string;
  isDone: boolean;
}

const NOTHING: TrialState = { found: [], problems: [], scanned: "0", all: "0", bytes: "0", isDone: false };

/** What the rule would have found in stored events. */
function Trial({ rule: { text = "", file = "rule.yml" } }: { rule: Rule }): VNode {
  const [range, setRange] = useState<Range>({ from: "7d", to: "" });
  const [state, setState] = useState<TrialState>();
  const [error, setError] = useState<CallError>();
  const stopping = useRef(new AbortController());
  useEffect(() => () => stopping.current.abort(), []);
  const start = async (): Promise<void> => {
    stopping.current.abort();
    stopping.current = new AbortController();
    const { signal } = stopping.current;
    setError(undefined);
    setState(NOTHING);
    const failure = await callStream(
      METHODS.testRules,
      { files: [{ path: file, text }], ...askedRange(range, Date.now()) },
      ({ found = [], problems = [], eventsScanned = "0", eventsToScan = "0", bytesScanned = "0", done = false }) =>
        setState((before = NOTHING) => ({
          found: [...before.found, ...found],
          problems: [...before.problems, ...problems],
          scanned: eventsScanned,
          all: eventsToScan,
          bytes: bytesScanned,
          isDone: done,
        })),
      signal,
    );
    if (!signal.aborted) setError(failure);
  };
  return (
    <section class="stack">
      <h3>Try it on history</h3>
      <div class="row">
        <RangePicker range={range} onRange={setRange} />
        <button type="button" class="button is-main" onClick={() => void start()}>
          Try it
        </button>
        {state !== undefined && (
          <span class="soft" role="status">
            {countText(state.scanned)} of {counted(state.all, "event")} looked at, {bytesText(state.bytes)}
            {state.isDone ? "; done" : "…"}
          </span>
        )}
      </div>
      {error !== undefined && <Failure error={error} again={() => void start()} />}
      {state?.problems.map(({ line, message, rejected }) => (
        <p key={`${line}${message}`} class={rejected === true ? "ink-bad" : "ink-warn"}>
          Line {line}: <Text of={message} />
        </p>
      ))}
      {state !== undefined && state.found.length > 0 && <Found of={state.found} />}
      {state?.isDone === true && state.found.length === 0 && <Empty title="It would have found nothing" />}
    </section>
  );
}

function Found({ of: found }: { of: readonly TestedRule[] }): VNode {
  return (
    <Table
      caption="What it would have found, by host and day"
      rows={found}
      keyOf={({ ruleKey, hostId, day, matches, eventIds }) => `${ruleKey}${hostId}${day}${matches}${eventIds?.[0]}`}
      columns={[
        { title: "Day (UTC)", cell: ({ day }) => day, kind: "narrow" },
        { title: "Host", cell: ({ hostId }) => <HostLink id={hostId} /> },
        { title: "Matches", cell: ({ matches }) => countText(matches), kind: "number" },
        { title: "Alerts", cell: ({ alerts }) => countText(alerts), kind: "number" },
        {
          title: "Events",
          cell: ({ hostId, eventIds = [] }) =>
            eventIds.map((id, at) => (
              <a key={id} href={linkTo("/search", { host: hostId, from: "all", event: id })}>
                {at + 1}{" "}
              </a>
            )),
        },
      ]}
    />
  );
}
