/** What differs between two moments. */
import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { type HostDiff, METHODS } from "../../api/index.ts";
import { linkTo, place, setQuery } from "../../route/index.ts";
import { Card, Completion, Empty, Field, Shown, Table, Text, Time, useAnswer, valueIn } from "../../show/index.ts";
import { counted, countText } from "../../text/index.ts";
import { momentMs, readMoment, rfcOf, zoneName } from "../../time/index.ts";

const WRONG = "allowed are 2026-01-31 12:00, RFC 3339, 2h, 7d before now";

export function Diff({ hostId }: { hostId: string }): VNode {
  const { query } = place.value;
  const [from, to] = [query.get("from") ?? "24h", query.get("to") ?? ""];
  const [typedFrom, setFrom] = useState(from);
  const [typedTo, setTo] = useState(to);
  const [start, end] = [readMoment(typedFrom), readMoment(typedTo)];
  const request = useMemo(() => {
    const nowMs = Date.now();
    return { hostId, fromTime: rfcOf(momentMs(from, nowMs) ?? nowMs), toTime: rfcOf(momentMs(to, nowMs) ?? nowMs) };
  }, [hostId, from, to]);
  const asked = useAnswer(METHODS.diffHost, request);
  return (
    <>
      <form
        class="row is-top"
        onSubmit={(event) => {
          event.preventDefault();
          if (start !== undefined && start !== "" && end !== undefined) setQuery({ from: start, to: end });
        }}
      >
        <Field label={`Then (${zoneName()})`} error={start === undefined || start === "" ? WRONG : undefined}>
          {(attributes) => (
            <input {...attributes} type="text" value={typedFrom} onInput={(event) => setFrom(valueIn(event))} />
          )}
        </Field>
        <Field label={`And then (${zoneName()})`} hint="Empty: now" error={end === undefined ? WRONG : undefined}>
          {(attributes) => (
            <input {...attributes} type="text" value={typedTo} onInput={(event) => setTo(valueIn(event))} />
          )}
        </Field>
        <button
          type="submit"
          class="button beside-field is-main"
          disabled={start === undefined || start === "" || end === undefined}
        >
          Compare
        </button>
      </form>
      <Shown asked={asked} rows={8}>
        {(diff) => <Differences of={diff} hostId={hostId} />}
      </Shown>
    </>
  );
}

function Differences({
  of: { facts = [], changes = [], changesLeftOut, completeness },
  hostId,
}: {
  of: HostDiff;
  hostId: string;
}): VNode {
  return (
    <div class="stack">
      <Card title="Facts that differ" flush>
        {facts.length === 0 ? (
          <Empty title="The host's facts are the same" />
        ) : (
          <Table
            caption="Facts that differ"
            rows={facts}
            keyOf={({ field = "" }) => field}
            columns={[
              { title: "Fact", cell: ({ field }) => <code>{field}</code>, kind: "narrow" },
              { title: "Then", cell: ({ from }) => <Text of={from} /> },
              { title: "And then", cell: ({ to }) => <Text of={to} /> },
            ]}
          />
        )}
      </Card>
      <Card title={`Changes between (${countText(changes.length)})`} flush>
        {changes.length === 0 ? (
          <Empty title="No change is told" />
        ) : (
          <Table
            caption={`Changes, times in ${zoneName()}`}
            rows={changes}
            keyOf={({ kind, object, change }) => `${kind} ${object} ${change}`}
            columns={[
              { title: "Kind", cell: ({ kind }) => kind, kind: "narrow" },
              { title: "Change", cell: ({ change }) => change, kind: "narrow" },
              { title: "What", cell: ({ object }) => <Text of={object} />, kind: "wide" },
              { title: `First (${zoneName()})`, cell: ({ firstTime }) => <Time value={firstTime} />, kind: "narrow" },
              { title: "Times", cell: ({ count }) => countText(count), kind: "number" },
              {
                title: <span class="unseen">Event</span>,
                cell: ({ eventId }) =>
                  eventId === undefined ? null : (
                    <a href={linkTo("/search", { host: hostId, from: "all", event: eventId })}>event</a>
                  ),
                kind: "narrow",
              },
            ]}
          />
        )}
        {Number(changesLeftOut ?? 0) > 0 && (
          <p class="more faint">{counted(changesLeftOut, "change")} more are not shown.</p>
        )}
      </Card>
      <Completion of={completeness} />
    </div>
  );
}
