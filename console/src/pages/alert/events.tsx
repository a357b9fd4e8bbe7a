/** The events of an alert, and of each what it says. */
import type { VNode } from "preact";
import type { Alert, Event } from "../../api/index.ts";
import { eventRow } from "../../event/index.ts";
import { linkTo } from "../../route/index.ts";
import { Badge, Card, Empty, Table, Text, Time } from "../../show/index.ts";
import { counted } from "../../text/index.ts";
import { rfcOf, zoneName } from "../../time/index.ts";

export function Events({ of: { id = "", events = [], count } }: { of: Alert }): VNode {
  const rows = events.map((event) => ({ event, row: eventRow(event) }));
  const left = Number(count ?? 0) - events.length;
  return (
    <Card title={left > 0 ? `Events (${events.length} of ${count})` : `Events`} flush>
      {rows.length === 0 ? (
        <Empty title="No event is told">Of what no event tells, such as a host that went silent, there is none.</Empty>
      ) : (
        <Table
          caption={`Events of the alert, times in ${zoneName()}`}
          rows={rows}
          keyOf={({ row }) => row.id}
          columns={[
            {
              title: `Time (${zoneName()})`,
              cell: ({ row }) => <Time value={row.timeMs} detail="millisecond" />,
              kind: "narrow",
            },
            { title: "User", cell: ({ row }) => <Text of={row.user} />, kind: "narrow" },
            {
              title: "Process",
              cell: ({ event, row }) => <ProcessLink alert={id} event={event} text={row.process} />,
              kind: "narrow",
            },
            { title: "Action", cell: ({ row }) => <Text of={row.action} />, kind: "narrow" },
            { title: "What", cell: ({ row }) => <Text of={row.object} max={400} />, kind: "wide" },
            {
              title: "Outcome",
              cell: ({ row }) => <Badge tone={row.outcome === "failure" ? "warn" : "plain"}>{row.outcome}</Badge>,
              kind: "narrow",
            },
            {
              title: <span class="unseen">All of it</span>,
              cell: ({ row }) => (
                <a
                  href={linkTo("/search", { ...around(row.timeMs), host: row.hostId, event: row.id })}
                  aria-label={`all of it: ${row.action}`}
                >
                  all of it
                </a>
              ),
              kind: "narrow",
            },
          ]}
        />
      )}
      {left > 0 && <p class="more faint">{counted(left, "event")} more; the search has them.</p>}
    </Card>
  );
}

const AROUND_MS = 60_000;

function around(timeMs: number | undefined): { from?: string; to?: string } {
  return timeMs === undefined ? {} : { from: rfcOf(timeMs - AROUND_MS), to: rfcOf(timeMs + AROUND_MS) };
}

function ProcessLink({ event, text }: { alert: string; event: Event; text: string }): VNode {
  const { process, host, id } = event;
  if (process?.entityId === undefined || host?.id === undefined) return <Text of={text} />;
  return (
    <a href={linkTo("/tree", { host: host.id, event: id })}>
      <Text of={text} />
    </a>
  );
}
