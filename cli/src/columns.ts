/** Columns of tables of events: the usual ones by short names, and every field by its ECS name. */
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { type Field, FIELDS, formsOf, refsOf } from "@hosttrail/lib/predicate";
import type { Event } from "@hosttrail/proto/event";
import { EVENT_HEADER, eventRow, printable } from "./text.ts";

/** A column of a table of events. */
export interface EventColumn {
  title: string;
  field?: Field;
  /** Its place in the usual row. */
  usual?: number;
}

const USUAL: readonly EventColumn[] = EVENT_HEADER.map((title, usual) => ({ title, usual }));

/** Names by which --columns knows the usual ones. */
export const COLUMN_NAMES: readonly string[] = EVENT_HEADER.map((title) => title.toLowerCase());

/** The columns of "time,host,process.parent.name"; with a plus before it, beside the usual ones. Throws where one is none. */
export function parseColumns(text: string | undefined): readonly EventColumn[] {
  if (text === undefined) return USUAL;
  const isMore = text.startsWith("+");
  const columns = text
    .slice(isMore ? 1 : 0)
    .split(",")
    .map((name) => columnOf(name.trim(), text));
  if (!isMore) return columns;
  // The id stays the last one: it is the longest, and left out first.
  return [...USUAL.slice(0, -1), ...columns, ...USUAL.slice(-1)];
}

function columnOf(name: string, text: string): EventColumn {
  const usual = COLUMN_NAMES.indexOf(name);
  if (usual >= 0) return { title: EVENT_HEADER[usual] ?? name, usual };
  const field = FIELDS.get(name);
  if (field === undefined) {
    const near = [...FIELDS.keys()].filter((each) => name !== "" && each.includes(name)).slice(0, 5);
    const hint = near.length === 0 ? "" : ` (is it one of ${near.join(", ")}?)`;
    throw new Error(
      `--columns is "${text}": "${name}" is no column${hint}; allowed are ${COLUMN_NAMES.join(", ")} and the fields of filters`,
    );
  }
  return { title: name, field };
}

/** Of each event its cells, without control characters. */
export function eventCells(columns: readonly EventColumn[], events: readonly Event[]): string[][] {
  const texts = columns.map(({ field }) => (field === undefined ? undefined : fieldTexts(field, events)));
  return events.map((event, at) => {
    const row = columns.some(({ usual }) => usual !== undefined) ? eventRow(event) : [];
    return columns.map(({ usual }, column) => (usual === undefined ? (texts[column]?.[at] ?? "") : (row[usual] ?? "")));
  });
}

/** Events in one block: as many as a block takes. */
const BLOCK_EVENTS_MAX = 500;

/** A field of each event, as filters know it; several values are joined by commas. */
function fieldTexts(field: Field, events: readonly Event[]): string[] {
  const texts: string[] = [];
  for (let at = 0; at < events.length; at += BLOCK_EVENTS_MAX) {
    const some = events.slice(at, at + BLOCK_EVENTS_MAX);
    const place = { hostId: "0".repeat(32), epoch: 0n, firstSeq: 0n };
    texts.push(...textsIn(field, new ColumnBlock(encodeColumns(some), place), some.length));
  }
  return texts;
}

function textsIn(field: Field, block: ColumnBlock, count: number): string[] {
  const { rows, offsets } = refsOf(field.column)(block);
  const views = field.views(block);
  return Array.from({ length: count }, (_, event) => {
    const [from, to] = offsets === undefined ? [event, event + 1] : [offsets[event] ?? 0, offsets[event + 1] ?? 0];
    const found = new Set<string>();
    for (const row of rows.subarray(from, to)) {
      if (row === 0) continue;
      for (const form of formsOf(field, field.value(views[row - 1] as never)))
        if (form !== "" && form !== field.type.none) found.add(form);
    }
    return printable([...found].join(", "));
  });
}
