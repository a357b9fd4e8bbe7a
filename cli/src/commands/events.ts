/** Commands that show events. */
import { recordText } from "@hosttrail/lib/audit";
import type { Event } from "@hosttrail/proto/event";
import {
  type QueryServiceClient,
  StreamSearchRequest,
  type StreamSearchResponse,
  TailEventsRequest,
  type TailEventsResponse,
} from "@hosttrail/proto/query";
import type { Budget } from "@hosttrail/proto/scan";
import { answers, call } from "../call.ts";
import { type EventColumn, eventCells } from "../columns.ts";
import { eventJson } from "../event.ts";
import { attemptOfEvent, Folder, type Folded, foldedObject } from "../fold.ts";
import type { Output } from "../output/index.ts";
import { lookedAt, type Scope, tellLack } from "../question/index.ts";
import { printable } from "../text.ts";
import { line } from "./line.ts";

export interface SearchOptions extends Scope {
  filter: string;
  budget: Budget | undefined;
  limit: number;
  /** As AIP-132 has it; empty for the newest first. */
  orderBy: string;
  resume: string;
  /** True where the first ones alone were asked for: that there are more is then nothing to tell. */
  isEnough?: boolean;
}

/** How events are shown to people. */
export interface Showing {
  columns: readonly EventColumn[];
  /** Whether looks along PATH are one line. */
  fold: boolean;
}

/** `hosttrail search` */
export async function search(
  client: QueryServiceClient,
  { limit, resume, isEnough = false, ...asked }: SearchOptions,
  showing: Showing,
  signal: AbortSignal,
  output: Output,
): Promise<void> {
  const request = StreamSearchRequest.fromPartial({ ...asked, limit: BigInt(limit), resumeToken: resume });
  const rows = new EventRows(showing, output);
  const progress = output.progress();
  let last: StreamSearchResponse | undefined;
  for await (const response of answers<StreamSearchResponse>(client.streamSearch(request), signal)) {
    last = response;
    if (response.completeness !== undefined)
      progress.tell(...lookedAt(response.completeness), response.completeness.eventsMatched);
    if (output.json) for (const event of response.events) output.print(line(eventJson(event)));
    else output.print(rows.add(response.events));
    await output.taken();
  }
  progress.clear();
  if (!output.json) output.print(rows.end());
  if (!signal.aborted)
    tellLack(last?.completeness, output, {
      limit: isEnough ? undefined : limit,
      newestFirst: isNewestFirst(asked.orderBy),
      resume: last?.resumeToken ?? "",
    });
}

/** Whether an order_by of AIP-132 is from the newest event on. */
export function isNewestFirst(orderBy: string): boolean {
  return orderBy === "" || orderBy.endsWith(" desc");
}

/** Events as rows of a table, those that belong together folded. */
class EventRows {
  readonly #columns: readonly EventColumn[];
  readonly #object: number;
  readonly #folder: Folder<Event>;
  readonly #writer: ReturnType<Output["tableWriter"]>;

  constructor({ columns, fold }: Showing, output: Output) {
    this.#columns = columns;
    this.#object = columns.findIndex(({ title }) => title === "OBJECT");
    this.#folder = new Folder((event) => (fold ? attemptOfEvent(event) : undefined));
    this.#writer = output.tableWriter(
      columns.map(({ title }) => title),
      ["ID"],
    );
  }

  add(events: readonly Event[]): string {
    return this.#write(events.flatMap((event) => this.#folder.add(event, msOf(event))));
  }

  end(): string {
    return this.#write(this.#folder.flush()) + this.#writer.flush();
  }

  #write(lines: readonly Folded<Event>[]): string {
    return foldedCells(lines, this.#columns, this.#object)
      .map((row) => this.#writer.add(row))
      .join("");
  }
}

function msOf({ event }: Event): number {
  return Number((event?.timeUnixNano ?? 0n) / 1_000_000n);
}

function foldedCells(lines: readonly Folded<Event>[], columns: readonly EventColumn[], objectAt: number): string[][] {
  const rows = eventCells(
    columns,
    lines.map(({ item }) => item),
  );
  return rows.map((row, at) => {
    const { item, folders } = lines[at] ?? { item: undefined, folders: [] };
    if (folders.length < 2 || objectAt < 0) return row;
    const object = printable(foldedObject(item?.files[0]?.path ?? "", folders));
    return row.map((cell, column) => (column === objectAt ? object : cell));
  });
}

/** `hosttrail get` */
export async function get(client: QueryServiceClient, id: string, raw: boolean, output: Output): Promise<void> {
  const event = await call<Event>((done) => client.getEvent({ id }, done));
  if (raw) output.print(rawRecords(event));
  else if (output.json) output.print(line(eventJson(event)));
  else output.print(`${printableJson(eventJson(event))}\n`);
}

/** The event's records in the form of audit.log. */
function rawRecords(event: Event): string {
  const { audit } = event;
  if (audit === undefined) return "";
  const ms = (event.event?.timeUnixNano ?? 0n) / 1_000_000n;
  const stamp = `audit(${ms / 1000n}.${String(ms % 1000n).padStart(3, "0")}:${audit.serial})`;
  const node = audit.node === "" ? "" : `node=${audit.node} `;
  return audit.records
    .map(({ typeName }, index) => `${printable(`${node}type=${typeName} msg=${stamp}: ${recordText(event, index)}`)}\n`)
    .join("");
}

/** JSON escapes control characters below 0x20 itself; the others are made visible here. */
function printableJson(value: unknown): string {
  return JSON.stringify(value, undefined, 2).split("\n").map(printable).join("\n");
}

/** A line waits so long for others that belong to it. */
const TAIL_WAIT_MS = 1000;

/** `hosttrail tail`: until the signal ends it. */
export async function tail(
  client: QueryServiceClient,
  asked: { filter: string } & Pick<Scope, "hosts">,
  { columns, fold }: Showing,
  signal: AbortSignal,
  output: Output,
): Promise<void> {
  const { json, print } = output;
  const folder = new Folder<Event>((event) => (fold ? attemptOfEvent(event) : undefined));
  const objectAt = columns.findIndex(({ title }) => title === "OBJECT");
  const show = (lines: readonly Folded<Event>[]): void => {
    for (const row of foldedCells(lines, columns, objectAt)) print(`${row.join("  ")}\n`);
  };
  let timer: NodeJS.Timeout | undefined;
  const stream = client.tailEvents(TailEventsRequest.fromPartial(asked));
  try {
    for await (const { events, dropped } of answers<TailEventsResponse>(stream, signal)) {
      if (dropped > 0n) print(json ? line({ dropped: Number(dropped) }) : `… ${dropped} events left out: too slow\n`);
      for (const event of events) {
        if (json) print(line(eventJson(event)));
        else show(folder.add(event, msOf(event)));
      }
      clearTimeout(timer);
      timer = setTimeout(() => show(folder.flush()), TAIL_WAIT_MS);
      await output.taken();
    }
  } finally {
    clearTimeout(timer);
    show(folder.flush());
  }
}
