/** Events to columns. */
import type { Audit, AuditRecord, Event, EventInfo, Process, ProcessReference, Syscall } from "@hosttrail/proto/event";
import type { WritingBudget } from "./budget.ts";
import { EqualRows } from "./equal.ts";
import { EVENTS_MAX, EXPANDED_BYTES_MAX, LIST_ITEMS_MAX, PARENTS_MAX } from "./limits.ts";
import { U32List } from "./list.ts";
import { RowsWriter } from "./rows.ts";
import { StringTableBuilder } from "./strings.ts";
import { RowIndex } from "./table.ts";
import * as tables from "./tables.ts";
import { pushHalves, WireWriter } from "./wire.ts";

const { EVENT, ANCESTRIES, TOP } = tables;

/** The table of ancestries: lists of references, found by identity (siblings share one list). */
class AncestryWriter {
  readonly #references: RowsWriter<ProcessReference, unknown>;
  readonly #index: RowIndex<ProcessReference[]>;
  readonly #lengths = new U32List();
  readonly #values = new U32List();
  readonly #equal: EqualRows = new EqualRows([this.#lengths, this.#values]);
  readonly #likes = new Map<ProcessReference[], number>();
  readonly #budget: WritingBudget;
  /** What each list comes to when it is written out. */
  readonly #bytes = new U32List();

  constructor(references: RowsWriter<ProcessReference, unknown>, strings: StringTableBuilder) {
    this.#references = references;
    this.#budget = strings.budget;
    this.#index = new RowIndex<ProcessReference[]>(
      strings,
      (list) => list[0]?.entityId ?? "",
      (a, b) => a.length === b.length && a.every((reference, at) => reference === b[at]),
    );
  }

  add(list: ProcessReference[] | undefined): number {
    if (list === undefined || list.length === 0) return 0;
    const known = this.#index.find(list) || (this.#likes.get(list) ?? 0);
    if (known !== 0) return known;
    const spent = this.#budget.save();
    const outer = this.#budget.beginRow();
    this.#equal.begin();
    const length = this.#budget.spendItems(list.length);
    this.#lengths.push(length);
    for (let at = 0; at < length; at++) {
      const index = this.#references.add(list[at]);
      this.#budget.spend(this.#references.bytesOf(index));
      this.#values.push(index);
    }
    const like = this.#equal.end();
    if (like === 0) {
      this.#bytes.push(this.#budget.endRow(outer));
      return this.#index.add(list);
    }
    this.#budget.restore(spent);
    this.#likes.set(list, like);
    return like;
  }

  bytesOf(index: number): number {
    return index === 0 ? 0 : (this.#bytes.values[index - 1] ?? 0);
  }

  clear(): void {
    this.#bytes.clear();
    this.#index.clear();
    this.#equal.clear();
    this.#likes.clear();
    this.#lengths.clear();
    this.#values.clear();
  }

  write(writer: WireWriter): void {
    if (this.#lengths.length === 0) return;
    const begin = writer.open(ANCESTRIES.field);
    writer.uint(1, this.#lengths.length);
    writer.packed(ANCESTRIES.lengths, this.#lengths);
    writer.packed(ANCESTRIES.references, this.#values);
    writer.close(begin);
  }
}

/** Everything that a block under construction holds. */
class Columns {
  readonly strings = new StringTableBuilder();
  readonly kinds = new RowsWriter(tables.kinds, this.strings, {});
  readonly hosts = new RowsWriter(tables.hosts, this.strings, {});
  readonly references = new RowsWriter(tables.references, this.strings, {});
  readonly ancestries = new AncestryWriter(this.references, this.strings);
  readonly processes: RowsWriter<Process, tables.ProcessLinks>;
  readonly groups = new RowsWriter(tables.groups, this.strings, {});
  readonly users = new RowsWriter(tables.users, this.strings, { groups: this.groups });
  readonly fileStates = new RowsWriter(tables.fileStates, this.strings, {});
  readonly files = new RowsWriter(tables.files, this.strings, { fileStates: this.fileStates });
  readonly endpoints = new RowsWriter(tables.endpoints, this.strings, {});
  readonly containers = new RowsWriter(tables.containers, this.strings, {});
  readonly clouds = new RowsWriter(tables.clouds, this.strings, {});
  readonly syscalls = new RowsWriter(tables.syscalls, this.strings, {});
  readonly records = new RowsWriter(tables.records, this.strings, {});

  readonly timeLow = new U32List();
  readonly timeHigh = new U32List();
  readonly kind = new U32List();
  readonly host = new U32List();
  readonly process = new U32List();
  readonly user = new U32List();
  readonly filesLength = new U32List();
  readonly file = new U32List();
  readonly source = new U32List();
  readonly destination = new U32List();
  readonly container = new U32List();
  readonly cloud = new U32List();
  readonly hasAudit = new U32List();
  readonly serial = new U32List();
  readonly node = new U32List();
  readonly partial = new U32List();
  readonly syscall = new U32List();
  readonly exitLow = new U32List();
  readonly exitHigh = new U32List();
  readonly argumentsLength = new U32List();
  readonly argumentsLow = new U32List();
  readonly argumentsHigh = new U32List();
  readonly keysLength = new U32List();
  readonly keys = new U32List();
  readonly recordsLength = new U32List();
  readonly record = new U32List();
  readonly targetsLength = new U32List();
  readonly target = new U32List();
  readonly redacted = new U32List();
  readonly #lastRecords: AuditRecord[] = [];
  readonly #lastIndexes: number[] = [];

  readonly #tables: { write(writer: WireWriter): void; clear(): void }[];
  readonly #lists: U32List[];
  /** Parents above which one is being added. */
  #parents = 0;

  constructor() {
    // A process refers to its parent, a row of the same table.
    this.processes = new RowsWriter(tables.processes, this.strings, {
      ancestries: this.ancestries,
      references: this.references,
      processes: {
        add: (row: Process | undefined): number => this.#parent(row),
        bytesOf: (index: number): number => this.processes.bytesOf(index),
      },
    });
    const { kinds, hosts, processes, users, groups, files, endpoints, containers, clouds, syscalls, records } = this;
    const { references, ancestries, fileStates } = this;
    this.#tables = [kinds, hosts, processes, users, groups, files, endpoints, containers, clouds, syscalls, records];
    this.#tables.push(references, ancestries, fileStates);
    this.#lists = Object.values(this).filter((value) => value instanceof U32List);
  }

  /** Goes no further up than a reader would. */
  #parent(row: Process | undefined): number {
    if (row === undefined) return 0;
    if (this.#parents >= PARENTS_MAX) {
      this.strings.budget.leftOut++;
      return 0;
    }
    this.#parents++;
    const index = this.processes.add(row);
    this.#parents--;
    return index;
  }

  add(event: Event): void {
    const { budget } = this.strings;
    const { leftOut } = budget;
    this.#add(event, budget);
    if (budget.leftOut === leftOut) return;
    // The only place where an event can say that it is not whole.
    this.partial.values[this.partial.length - 1] = this.strings.text("oversized");
  }

  #add(event: Event, budget: WritingBudget): void {
    this.#event(event.event);
    this.host.push(this.hosts.add(event.host));
    this.process.push(this.processes.add(event.process));
    this.user.push(this.users.add(event.user));
    const files = budget.spendItems(event.files.length);
    this.filesLength.push(files);
    for (let at = 0; at < files; at++) this.file.push(this.files.add(event.files[at]));
    this.source.push(this.endpoints.add(event.source));
    this.destination.push(this.endpoints.add(event.destination));
    this.container.push(this.containers.add(event.container));
    this.cloud.push(this.clouds.add(event.cloud));
    const targets = budget.spendItems(event.targets.length);
    this.targetsLength.push(targets);
    for (let at = 0; at < targets; at++) this.target.push(this.processes.add(event.targets[at]));
    this.#audit(event.audit);
  }

  #event(info: EventInfo | undefined): void {
    pushHalves(info?.timeUnixNano ?? 0n, this.timeLow, this.timeHigh);
    this.kind.push(this.kinds.add(info));
  }

  #audit(audit: Audit | undefined): void {
    this.hasAudit.push(audit === undefined ? 0 : 1);
    this.serial.push(audit?.serial ?? 0);
    this.node.push(this.strings.text(audit?.node ?? ""));
    this.partial.push(this.strings.text(audit?.partial ?? ""));
    this.redacted.push(audit?.redacted ?? 0);
    this.#syscall(audit?.syscall);
    const { budget } = this.strings;
    const keys = budget.spendItems(audit?.keys.length ?? 0);
    const records = budget.spendItems(audit?.records.length ?? 0);
    this.keysLength.push(keys);
    this.recordsLength.push(records);
    if (audit === undefined) return;
    for (let at = 0; at < keys; at++) this.keys.push(this.strings.shown(audit.keys[at] ?? ""));
    this.#records(audit.records, records);
  }

  /** Records come in the same order event after event: look at the same place of the event before first. */
  #records(records: readonly AuditRecord[], count: number): void {
    for (let at = 0; at < count; at++) {
      const record = records[at] as AuditRecord;
      if (record !== this.#lastRecords[at]) {
        this.#lastRecords[at] = record;
        this.#lastIndexes[at] = this.records.add(record);
      }
      this.record.push(this.#lastIndexes[at] ?? 0);
    }
  }

  #syscall(syscall: Syscall | undefined): void {
    this.syscall.push(this.syscalls.add(syscall));
    pushHalves(syscall?.exit ?? 0n, this.exitLow, this.exitHigh);
    const count = this.strings.budget.spendItems(syscall?.arguments.length ?? 0);
    this.argumentsLength.push(count);
    if (syscall === undefined) return;
    for (let at = 0; at < count; at++) pushHalves(syscall.arguments[at] ?? 0n, this.argumentsLow, this.argumentsHigh);
  }

  clear(): void {
    this.strings.clear();
    for (const table of this.#tables) table.clear();
    for (const list of this.#lists) list.clear();
    this.#lastRecords.length = 0;
    this.#lastIndexes.length = 0;
  }

  write(writer: WireWriter): void {
    writer.uint(TOP.count, this.hasAudit.length);
    this.strings.write(writer, TOP.strings);
    const begin = writer.open(TOP.events);
    writer.int64Column(EVENT.time, this.timeLow, this.timeHigh);
    writer.packed(EVENT.kind, this.kind);
    writer.packed(EVENT.host, this.host);
    writer.packed(EVENT.process, this.process);
    writer.packed(EVENT.user, this.user);
    writer.packed(EVENT.filesLength, this.filesLength);
    writer.packed(EVENT.files, this.file);
    writer.packed(EVENT.source, this.source);
    writer.packed(EVENT.destination, this.destination);
    writer.packed(EVENT.container, this.container);
    writer.packed(EVENT.cloud, this.cloud);
    writer.packed(EVENT.hasAudit, this.hasAudit);
    writer.packedDeltas(EVENT.serial, this.serial);
    writer.packed(EVENT.node, this.node);
    writer.packed(EVENT.partial, this.partial);
    writer.packed(EVENT.syscall, this.syscall);
    writer.packedSigned64(EVENT.exit, this.exitLow, this.exitHigh);
    writer.packed(EVENT.argumentsLength, this.argumentsLength);
    writer.packed(EVENT.argumentsLow, this.argumentsLow);
    writer.packed(EVENT.argumentsHigh, this.argumentsHigh);
    writer.packed(EVENT.keysLength, this.keysLength);
    writer.packed(EVENT.keys, this.keys);
    writer.packed(EVENT.recordsLength, this.recordsLength);
    writer.packed(EVENT.records, this.record);
    writer.packed(EVENT.targetsLength, this.targetsLength);
    writer.packed(EVENT.targets, this.target);
    writer.packed(EVENT.redacted, this.redacted);
    writer.close(begin);
    for (const table of this.#tables) table.write(writer);
    const missing = this.strings.budget.missingBytes(writer.length, this.hasAudit.length);
    if (missing > 0) writer.bytes(TOP.padding, new Uint8Array(missing));
  }
}

/** Where a block is heavy: far enough from its bounds that only a single event can pass these. */
const HEAVY_ITEMS = LIST_ITEMS_MAX / 4;
const HEAVY_BYTES = EXPANDED_BYTES_MAX / 4;

// Used again for each block: writing ends before anybody else can begin.
const writer = new WireWriter();

/** Events as columns, and what a header says of them. */
export interface EncodedEvents {
  /** A serialized EventColumns. */
  columns: Uint8Array;
  count: number;
  /** Earliest and latest time, nanoseconds since 1970. */
  firstTimeUnixNano: bigint;
  lastTimeUnixNano: bigint;
  /** True where an event was too large for any block, and is not whole. */
  isShortened: boolean;
}

/**
 * Encodes events one by one, so that they need not be kept until their block is full. `Event.id` and
 * `Event.event.sequence` are not kept: the block's header implies them.
 */
export class EventEncoder {
  readonly #columns = new Columns();
  readonly #eventsMax: number;
  #count = 0;
  #first = 0n;
  #last = 0n;

  /** `eventsMax`: more is an error. */
  constructor(eventsMax: number = EVENTS_MAX) {
    this.#eventsMax = eventsMax;
  }

  get count(): number {
    return this.#count;
  }

  /** Characters and bytes of the distinct strings so far: most of what a block weighs. */
  get textBytes(): number {
    return this.#columns.strings.size;
  }

  /** True where the block should be cut: more of the same would bring it near to what a reader refuses. */
  get isHeavy(): boolean {
    const { items, expandedBytes } = this.#columns.strings.budget;
    return items > HEAVY_ITEMS || expandedBytes > HEAVY_BYTES;
  }

  add(event: Event): void {
    if (this.#count >= this.#eventsMax) throw new RangeError(`at most ${this.#eventsMax} events fit, not one more`);
    const time = event.event?.timeUnixNano ?? this.#first;
    if (this.#count === 0 || time < this.#first) this.#first = time;
    if (this.#count === 0 || time > this.#last) this.#last = time;
    this.#count++;
    this.#columns.add(event);
  }

  /** All that was added, as columns; begins anew. */
  finish(): EncodedEvents {
    writer.reset();
    try {
      this.#columns.write(writer);
      const columns = writer.finish();
      return {
        columns,
        count: this.#count,
        firstTimeUnixNano: this.#first,
        lastTimeUnixNano: this.#last,
        isShortened: this.#columns.strings.budget.leftOut > 0,
      };
    } finally {
      // Also lets go of the events.
      this.#columns.clear();
      this.#count = 0;
      this.#first = 0n;
      this.#last = 0n;
    }
  }
}

const encoder = new EventEncoder();

/** Encodes events as a serialized EventColumns. */
export function encodeColumns(events: readonly Event[]): Uint8Array {
  return encodeEvents(events).columns;
}

/** Encodes events together. */
export function encodeEvents(events: readonly Event[]): EncodedEvents {
  if (events.length > EVENTS_MAX) {
    throw new RangeError(`a block holds at most ${EVENTS_MAX} events, not ${events.length}`);
  }
  try {
    for (const event of events) encoder.add(event);
  } catch (error) {
    encoder.finish();
    throw error;
  }
  return encoder.finish();
}
