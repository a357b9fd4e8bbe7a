/** Events to columns. */
import type { Audit, AuditRecord, Event, EventInfo, Process, ProcessReference, Syscall } from "@hosttrail/proto/event";
import { EVENTS_MAX } from "./limits.ts";
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

  constructor(references: RowsWriter<ProcessReference, unknown>, strings: StringTableBuilder) {
    this.#references = references;
    this.#index = new RowIndex<ProcessReference[]>(
      strings,
      (list) => list[0]?.entityId ?? "",
      (a, b) => a.length === b.length && a.every((reference, at) => reference === b[at]),
    );
  }

  add(list: ProcessReference[] | undefined): number {
    if (list === undefined || list.length === 0) return 0;
    const known = this.#index.find(list);
    if (known !== 0) return known;
    this.#lengths.push(list.length);
    for (const reference of list) this.#values.push(this.#references.add(reference));
    return this.#index.add(list);
  }

  clear(): void {
    this.#index.clear();
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

  constructor() {
    // A process refers to its parent, a row of the same table.
    this.processes = new RowsWriter(tables.processes, this.strings, {
      ancestries: this.ancestries,
      references: this.references,
      processes: { add: (row: Process | undefined): number => this.processes.add(row) },
    });
    const { kinds, hosts, processes, users, groups, files, endpoints, containers, clouds, syscalls, records } = this;
    const { references, ancestries, fileStates } = this;
    this.#tables = [kinds, hosts, processes, users, groups, files, endpoints, containers, clouds, syscalls, records];
    this.#tables.push(references, ancestries, fileStates);
    this.#lists = Object.values(this).filter((value) => value instanceof U32List);
  }

  add(event: Event): void {
    this.#event(event.event);
    this.host.push(this.hosts.add(event.host));
    this.process.push(this.processes.add(event.process));
    this.user.push(this.users.add(event.user));
    this.filesLength.push(event.files.length);
    for (const file of event.files) this.file.push(this.files.add(file));
    this.source.push(this.endpoints.add(event.source));
    this.destination.push(this.endpoints.add(event.destination));
    this.container.push(this.containers.add(event.container));
    this.cloud.push(this.clouds.add(event.cloud));
    this.targetsLength.push(event.targets.length);
    for (const target of event.targets) this.target.push(this.processes.add(target));
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
    this.keysLength.push(audit?.keys.length ?? 0);
    this.recordsLength.push(audit?.records.length ?? 0);
    if (audit === undefined) return;
    for (const key of audit.keys) this.keys.push(this.strings.text(key));
    this.#records(audit.records);
  }

  /** Records come in the same order event after event: look at the same place of the event before first. */
  #records(records: readonly AuditRecord[]): void {
    for (let at = 0; at < records.length; at++) {
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
    this.argumentsLength.push(syscall?.arguments.length ?? 0);
    if (syscall === undefined) return;
    for (const argument of syscall.arguments) pushHalves(argument, this.argumentsLow, this.argumentsHigh);
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
  }
}

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
}

/**
 * Encodes events one by one, so that they need not be kept until their block is full. `Event.id` and
 * `Event.event.sequence` are not kept: the block's header implies them.
 */
export class EventEncoder {
  readonly #columns = new Columns();
  #count = 0;
  #first = 0n;
  #last = 0n;

  get count(): number {
    return this.#count;
  }

  /** Characters and bytes of the distinct strings so far: most of what a block weighs. */
  get textBytes(): number {
    return this.#columns.strings.size;
  }

  add(event: Event): void {
    if (this.#count >= EVENTS_MAX) throw new RangeError(`a block holds at most ${EVENTS_MAX} events, not one more`);
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
      return { columns, count: this.#count, firstTimeUnixNano: this.#first, lastTimeUnixNano: this.#last };
    } finally {
      // Also lets go of the events.
      this.#columns.clear();
      this.#count = 0;
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
