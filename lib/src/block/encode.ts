/** Events to columns. */
import type { Audit, Event, EventInfo, Process, ProcessReference, Syscall } from "@hosttrail/proto/event";
import { EVENTS_MAX } from "./limits.ts";
import { RowsWriter } from "./rows.ts";
import { StringTableBuilder } from "./strings.ts";
import { RowIndex } from "./table.ts";
import * as tables from "./tables.ts";
import { highHalf, lowHalf, WireWriter } from "./wire.ts";

const { EVENT, ANCESTRIES, TOP } = tables;

/** The table of ancestries: lists of references, found by identity (siblings share one list). */
class AncestryWriter {
  readonly #references: RowsWriter<ProcessReference, unknown>;
  readonly #index = new RowIndex<ProcessReference[]>(
    (list) => `${list.length} ${list[0]?.entityId}`,
    (a, b) => a.every((reference, at) => reference === b[at]),
  );
  readonly #lengths: number[] = [];
  readonly #values: number[] = [];

  constructor(references: RowsWriter<ProcessReference, unknown>) {
    this.#references = references;
  }

  add(list: ProcessReference[] | undefined): number {
    if (list === undefined || list.length === 0) return 0;
    const known = this.#index.find(list);
    if (known !== 0) return known;
    this.#lengths.push(list.length);
    for (const reference of list) this.#values.push(this.#references.add(reference));
    return this.#index.add(list);
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
  readonly ancestries = new AncestryWriter(this.references);
  readonly processes: RowsWriter<Process, tables.ProcessLinks>;
  readonly groups = new RowsWriter(tables.groups, this.strings, {});
  readonly users = new RowsWriter(tables.users, this.strings, { groups: this.groups });
  readonly files = new RowsWriter(tables.files, this.strings, {});
  readonly endpoints = new RowsWriter(tables.endpoints, this.strings, {});
  readonly containers = new RowsWriter(tables.containers, this.strings, {});
  readonly clouds = new RowsWriter(tables.clouds, this.strings, {});
  readonly syscalls = new RowsWriter(tables.syscalls, this.strings, {});
  readonly records = new RowsWriter(tables.records, this.strings, {});

  readonly time: bigint[] = [];
  readonly kind: number[] = [];
  readonly host: number[] = [];
  readonly process: number[] = [];
  readonly user: number[] = [];
  readonly filesLength: number[] = [];
  readonly file: number[] = [];
  readonly source: number[] = [];
  readonly destination: number[] = [];
  readonly container: number[] = [];
  readonly cloud: number[] = [];
  readonly hasAudit: number[] = [];
  readonly serial: number[] = [];
  readonly node: number[] = [];
  readonly partial: number[] = [];
  readonly syscall: number[] = [];
  readonly exit: bigint[] = [];
  readonly argumentsLength: number[] = [];
  readonly argumentsLow: number[] = [];
  readonly argumentsHigh: number[] = [];
  readonly keysLength: number[] = [];
  readonly keys: number[] = [];
  readonly recordsLength: number[] = [];
  readonly record: number[] = [];

  constructor() {
    // A process refers to its parent, a row of the same table.
    this.processes = new RowsWriter(tables.processes, this.strings, {
      ancestries: this.ancestries,
      processes: { add: (row: Process | undefined): number => this.processes.add(row) },
    });
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
    this.#audit(event.audit);
  }

  #event(info: EventInfo | undefined): void {
    this.time.push(info?.timeUnixNano ?? 0n);
    this.kind.push(this.kinds.add(info));
  }

  #audit(audit: Audit | undefined): void {
    this.hasAudit.push(audit === undefined ? 0 : 1);
    this.serial.push(audit?.serial ?? 0);
    this.node.push(this.strings.text(audit?.node ?? ""));
    this.partial.push(this.strings.text(audit?.partial ?? ""));
    this.#syscall(audit?.syscall);
    this.keysLength.push(audit?.keys.length ?? 0);
    this.recordsLength.push(audit?.records.length ?? 0);
    if (audit === undefined) return;
    for (const key of audit.keys) this.keys.push(this.strings.text(key));
    for (const record of audit.records) this.record.push(this.records.add(record));
  }

  #syscall(syscall: Syscall | undefined): void {
    this.syscall.push(this.syscalls.add(syscall));
    this.exit.push(syscall?.exit ?? 0n);
    this.argumentsLength.push(syscall?.arguments.length ?? 0);
    if (syscall === undefined) return;
    for (const argument of syscall.arguments) {
      this.argumentsLow.push(lowHalf(argument));
      this.argumentsHigh.push(highHalf(argument));
    }
  }

  write(writer: WireWriter): void {
    writer.uint(TOP.count, this.time.length);
    this.strings.write(writer, TOP.strings);
    const begin = writer.open(TOP.events);
    writer.int64Column(EVENT.time, this.time);
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
    writer.packedSigned64(EVENT.exit, this.exit);
    writer.packed(EVENT.argumentsLength, this.argumentsLength);
    writer.packed(EVENT.argumentsLow, this.argumentsLow);
    writer.packed(EVENT.argumentsHigh, this.argumentsHigh);
    writer.packed(EVENT.keysLength, this.keysLength);
    writer.packed(EVENT.keys, this.keys);
    writer.packed(EVENT.recordsLength, this.recordsLength);
    writer.packed(EVENT.records, this.record);
    writer.close(begin);
    for (const table of [this.kinds, this.hosts, this.processes, this.users, this.groups, this.files]) {
      table.write(writer);
    }
    for (const table of [this.endpoints, this.containers, this.clouds, this.syscalls, this.records]) {
      table.write(writer);
    }
    this.references.write(writer);
    this.ancestries.write(writer);
  }
}

const writer = new WireWriter();

/**
 * Encodes events as a serialized EventColumns. `Event.id` and `Event.event.sequence` are not kept: the block's
 * header implies them.
 */
export function encodeColumns(events: readonly Event[]): Uint8Array {
  if (events.length > EVENTS_MAX) {
    throw new RangeError(`a block holds at most ${EVENTS_MAX} events, not ${events.length}`);
  }
  const columns = new Columns();
  for (const event of events) columns.add(event);
  writer.reset();
  columns.write(writer);
  return writer.finish();
}
