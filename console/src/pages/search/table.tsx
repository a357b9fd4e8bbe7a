/** The table of events, of any length, in columns that the link says. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { Event } from "../../api/index.ts";
import { COLUMN_FIELDS, type EventRow, eventRow, valuesOf } from "../../event/index.ts";
import { setQuery } from "../../route/index.ts";
import { Dialog, Text, Time, type VirtualColumn, VirtualTable } from "../../show/index.ts";
import { zoneName } from "../../time/index.ts";
import type { Asked } from "./asked.ts";
import type { EventPages } from "./pages.ts";

interface Row {
  event: Event;
  row: EventRow;
}

const rows = new WeakMap<Event, Row>();

function rowOf(event: Event): Row {
  let row = rows.get(event);
  if (row === undefined) {
    row = { event, row: eventRow(event) };
    rows.set(event, row);
  }
  return row;
}

const USUAL: readonly VirtualColumn<Row>[] = [
  { key: "host", title: "Host", track: "minmax(10ch, 14ch)", cell: ({ row }) => <Text of={row.host} max={80} /> },
  { key: "user", title: "User", track: "minmax(9ch, 12ch)", cell: ({ row }) => <Text of={row.user} max={80} /> },
  {
    key: "process",
    title: "Process",
    track: "minmax(16ch, 20ch)",
    cell: ({ row }) => <Text of={row.process} max={80} />,
  },
  { key: "action", title: "Action", track: "minmax(16ch, 22ch)", cell: ({ row }) => <Text of={row.action} max={80} /> },
  { key: "object", title: "What", track: "minmax(40ch, 1fr)", cell: ({ row }) => <Text of={row.object} max={300} /> },
  { key: "outcome", title: "Outcome", track: "10ch", cell: ({ row }) => <Outcome of={row.outcome} /> },
];

function Outcome({ of }: { of: string }): VNode {
  return <span class={of === "failure" ? "ink-warn" : "faint"}>{of === "failure" ? "✕ failure" : of}</span>;
}

function columnsOf({ columns, order }: Asked): VirtualColumn<Row>[] {
  const isOldest = order === "time";
  const time: VirtualColumn<Row> = {
    key: "time",
    title: (
      <button
        type="button"
        class="sort"
        tabIndex={-1}
        title={isOldest ? "Newest first" : "Oldest first"}
        onClick={() => setQuery({ sort: isOldest ? "" : "time", event: "" })}
      >
        Time ({zoneName()}) {isOldest ? "↑" : "↓"}
      </button>
    ),
    track: "26ch",
    cell: ({ row }) => <Time value={row.timeMs} detail="millisecond" />,
  };
  const others = columns.map(
    (field): VirtualColumn<Row> => ({
      key: field,
      title: field,
      track: "minmax(16ch, 1fr)",
      cell: ({ event }) => <Text of={valuesOf(event, field).join(", ")} max={300} />,
    }),
  );
  return [time, ...(others.length === 0 ? USUAL : others)];
}

interface EventTableProps {
  asked: Asked;
  pages: EventPages;
  /** Another one whenever the pages changed. */
  version: number;
  total: number | undefined;
  listKey: string;
}

export function EventTable({ asked, pages, total, listKey }: EventTableProps): VNode {
  const [current, setCurrent] = useState<number>();
  return (
    <VirtualTable
      label="Events"
      columns={columnsOf(asked)}
      count={pages.count}
      total={total === undefined ? -1 : total + 1}
      rowAt={(row) => {
        const event = pages.at(row);
        return event && rowOf(event);
      }}
      onWindow={(first, end) => pages.want(first, end)}
      current={current}
      onCurrent={setCurrent}
      onOpen={(row) => setQuery({ event: pages.at(row)?.id }, asked.event !== "")}
      listKey={listKey}
    />
  );
}

/** Which columns there are, and which order. */
export function Columns({ asked }: { asked: Asked }): VNode {
  const [isOpen, setOpen] = useState(false);
  const { columns, order } = asked;
  const set = (chosen: readonly string[]): void => setQuery({ columns: chosen.join(",") }, true);
  return (
    <>
      <span class="row">
        <button
          type="button"
          class="button is-small"
          onClick={() => setQuery({ sort: order === "time" ? "" : "time", event: "" })}
        >
          {order === "time" ? "Oldest first" : "Newest first"}
        </button>
        <button type="button" class="button is-small" onClick={() => setOpen(true)}>
          Columns
        </button>
      </span>
      {isOpen && (
        <Dialog title="Columns" onClose={() => setOpen(false)}>
          <p class="soft">None chosen: the usual ones. Time always stands first.</p>
          <ul class="column-list">
            {COLUMN_FIELDS.map((field) => (
              <li key={field}>
                <label class="row">
                  <input
                    type="checkbox"
                    checked={columns.includes(field)}
                    onChange={() =>
                      set(columns.includes(field) ? columns.filter((each) => each !== field) : [...columns, field])
                    }
                  />
                  <code>{field}</code>
                </label>
              </li>
            ))}
          </ul>
          <div class="dialog-actions">
            <button type="button" class="button" onClick={() => set([])}>
              The usual ones
            </button>
            <button type="button" class="button is-main" onClick={() => setOpen(false)}>
              Done
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
