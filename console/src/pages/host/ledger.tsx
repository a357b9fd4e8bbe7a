/** Whether all that the host recorded is where it should be; if not, what is missing and why. */
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { type Ledger, type LedgerReason, METHODS } from "../../api/index.ts";
import { linkTo, place, setQuery } from "../../route/index.ts";
import {
  Card,
  Completion,
  Empty,
  Facts,
  RangePicker,
  Shown,
  type Tone,
  Table,
  Text,
  Time,
  useAnswer,
  wordBadge,
} from "../../show/index.ts";
import { counted, countText, wordOf } from "../../text/index.ts";
import { askedRange, zoneName } from "../../time/index.ts";

const TONES: Readonly<Record<string, Tone>> = { balanced: "good", open: "info", loss: "bad", unbalanced: "bad" };

const MEANS: Readonly<Record<string, string>> = {
  balanced: "Everything that the agent sealed is in the database, or went by the rules of retention.",
  open: "The same as far as it can be judged: the rest may be on the host or under way.",
  loss: "Events were lost, and it is known where.",
  unbalanced: "Events are missing and nobody told why.",
};

export function LedgerTab({ hostId }: { hostId: string }): VNode {
  const { query } = place.value;
  const [from, to] = [query.get("from") ?? "24h", query.get("to") ?? ""];
  const request = useMemo(
    () => ({ hostId, ...askedRange({ from, to }, Date.now()), interval: "LEDGER_INTERVAL_HOUR" as const }),
    [hostId, from, to],
  );
  const asked = useAnswer(METHODS.getLedger, request);
  return (
    <>
      <RangePicker range={{ from, to }} onRange={(range) => setQuery({ from: range.from, to: range.to })} />
      <Shown asked={asked} rows={8}>
        {(ledger) => (
          <div class="stack">
            <State of={ledger} />
            <Reasons of={ledger.reasons ?? []} hostId={hostId} />
            <Stretches of={ledger} />
            <Completion of={ledger.completeness} />
          </div>
        )}
      </Shown>
    </>
  );
}

function State({ of: { state, agent, trail, judgedUntilTime, reports } }: { of: Ledger }): VNode {
  const word = wordOf(state, "LEDGER_STATE");
  // Where nothing was told, nothing is out of balance, and nothing is known either.
  if (Number(reports ?? 0) === 0)
    return (
      <Card title="Ledger">
        <Empty title="Nothing is known of this time">
          No agent told its ledger in it; a longer time may have some.
        </Empty>
      </Card>
    );
  return (
    <Card title="Ledger" actions={wordBadge(state, "LEDGER_STATE", TONES)}>
      <p class="about">{MEANS[word] ?? "Nothing is known of this time."}</p>
      <Facts
        of={[
          ["Made by the agent", counted(agent?.events, "event")],
          ["Handed out", countText(trail?.handedOut)],
          ["In the database", countText(trail?.stored)],
          ["Dropped by retention", countText(trail?.dropped)],
          ["On the host, or under way", countText(trail?.open)],
          [
            "Missing",
            <span key="missing" class={Number(trail?.missing ?? 0) > 0 ? "ink-bad" : ""}>
              {countText(trail?.missing)}
            </span>,
          ],
          ["Secrets replaced", countText(agent?.redacted)],
          ["Judged until", <Time key="judged" value={judgedUntilTime} />],
          ["Reports", countText(reports)],
        ]}
      />
    </Card>
  );
}

function Reasons({ of: reasons, hostId }: { of: readonly LedgerReason[]; hostId: string }): VNode | null {
  if (reasons.length === 0) return null;
  return (
    <Card title="What is missing, and why" flush>
      <Table
        caption="Reasons"
        rows={reasons}
        keyOf={({ kind, detail }) => `${kind}${detail}`}
        columns={[
          { title: "Why", cell: ({ kind }) => wordOf(kind, "LEDGER_REASON_KIND") },
          { title: "Count", cell: ({ count }) => countText(count), kind: "number" },
          { title: "What is known", cell: ({ detail }) => <Text of={detail} />, kind: "wide" },
          {
            title: "Numbers",
            cell: ({ events = [] }) =>
              events.slice(0, 3).map(({ firstEventId = "", count }) => (
                <a key={firstEventId} href={linkTo("/search", { host: hostId, from: "all", event: firstEventId })}>
                  <code>{firstEventId.slice(-8)}</code> × {countText(count)}{" "}
                </a>
              )),
          },
        ]}
      />
    </Card>
  );
}

function Stretches({ of: { stretches = [] } }: { of: Ledger }): VNode | null {
  if (stretches.length === 0) return null;
  return (
    <Card title="By the hour" flush>
      <Table
        caption={`Ledger by the hour, in ${zoneName()}`}
        rows={stretches}
        keyOf={({ startTime = "" }) => startTime}
        columns={[
          {
            title: `From (${zoneName()})`,
            cell: ({ startTime }) => <Time value={startTime} detail="minute" />,
            kind: "narrow",
          },
          { title: "State", cell: ({ state }) => wordBadge(state, "LEDGER_STATE", TONES), kind: "narrow" },
          { title: "Handed out", cell: ({ trail }) => countText(trail?.handedOut), kind: "number" },
          { title: "Stored", cell: ({ trail }) => countText(trail?.stored), kind: "number" },
          { title: "Missing", cell: ({ trail }) => countText(trail?.missing), kind: "number" },
          { title: "Lost by the kernel", cell: ({ agent }) => countText(agent?.kernelLost), kind: "number" },
          { title: "Left out", cell: ({ agent }) => countText(agent?.filtered), kind: "number" },
        ]}
      />
    </Card>
  );
}
