/** Columns to events. */
import type {
  Audit,
  AuditRecord,
  Cloud,
  Container,
  Endpoint,
  Event,
  File,
  Host,
  Process,
  ProcessReference,
  Syscall,
  User,
} from "@hosttrail/proto/event";
import { ReadingBudget } from "./budget.ts";
import { type RowReader, slice } from "./columns.ts";
import { BlockError } from "./error.ts";
import { EventColumns } from "./events.ts";
import { type BlockPosition, EventIds, type EventNames } from "./id.ts";
import { EVENTS_MAX } from "./limits.ts";
import { RowsReader } from "./rows.ts";
import { readStrings, type StringTable } from "./strings.ts";
import { type Lists, TableReader } from "./table.ts";
import * as tables from "./tables.ts";
import { joinUnsigned, WireReader } from "./wire.ts";

const { ANCESTRIES, TOP } = tables;

const NONE = new Uint32Array(0);

/** The lists of references that ancestries refer to. */
class AncestryReader implements RowReader<ProcessReference[]> {
  readonly #table: TableReader;
  readonly #references: RowsReader<ProcessReference, unknown>;
  readonly #strings: StringTable;
  #rows: ProcessReference[][] | undefined;
  #bytes: number[] = [];
  #lists: Lists | undefined;

  constructor(table: TableReader, references: RowsReader<ProcessReference, unknown>, strings: StringTable) {
    this.#table = table;
    this.#references = references;
    this.#strings = strings;
  }

  open(): void {
    this.#table.open();
    this.#references.open();
  }

  row(index: number, place: string): ProcessReference[] | undefined {
    if (index === 0) return undefined;
    this.#rows ??= this.#build();
    return this.#rows[index - 1] ?? this.#table.fail(place, `row ${index} of ${this.#rows.length}`);
  }

  /** For each row the references in it, each by its number plus one. */
  get lists(): Lists {
    return (this.#lists ??= this.#table.lists(ANCESTRIES.lengths, ANCESTRIES.references));
  }

  #build(): ProcessReference[][] {
    const { offsets, values } = this.lists;
    const [items = NONE] = values;
    const { budget } = this.#strings;
    const reference = (at: number): ProcessReference => {
      const index = items[at] ?? 0;
      const row = this.#references.row(index, "ancestries.references");
      budget.spend(this.#references.bytesOf(index), "ancestries.references");
      return row ?? this.#table.fail("references", "row 0");
    };
    const bytes: number[] = [];
    const rows: ProcessReference[][] = [];
    for (let row = 0; row < this.#table.count; row++) {
      const outer = budget.beginRow("ancestries");
      rows.push(slice(offsets, row, this.#strings, reference));
      bytes.push(budget.endRow(outer));
    }
    this.#bytes = bytes;
    return rows;
  }

  bytesOf(index: number): number {
    return index === 0 ? 0 : (this.#bytes[index - 1] ?? 0);
  }
}

/** A table that events refer to. */
interface Checked {
  /** Reads them all. */
  readonly rows: readonly unknown[];
  row(index: number, place: string): unknown;
}

/** Filters read all rows of a table, whether an event refers to them or not. */
function checkReferences(references: Uint32Array, table: Checked, place: string): void {
  let last = 0;
  for (const reference of references) if (reference > last) last = reference;
  if (last > table.rows.length) table.row(last, place);
}

/**
 * A decoded payload. Its tables can be read without building events, so that a predicate is decided once for
 * each distinct row; `event(n)` builds one event, whose groups are shared with other events: read only.
 */
export class ColumnBlock {
  readonly count: number;
  readonly names: EventNames;
  readonly strings: StringTable;
  readonly kinds: RowsReader<tables.Kind, unknown>;
  readonly hosts: RowsReader<Host, unknown>;
  readonly processes: RowsReader<Process, tables.ProcessLinks>;
  readonly users: RowsReader<User, tables.UserLinks>;
  readonly files: RowsReader<File, tables.FileLinks>;
  readonly endpoints: RowsReader<Endpoint, unknown>;
  readonly containers: RowsReader<Container, unknown>;
  readonly clouds: RowsReader<Cloud, unknown>;
  readonly syscalls: RowsReader<tables.SyscallKind, unknown>;
  readonly records: RowsReader<AuditRecord, unknown>;
  /** What processes refer to: ancestors and leaders of sessions, and lists of those. */
  readonly references: RowsReader<ProcessReference, unknown>;
  readonly ancestries: { readonly lists: Lists };
  readonly #eventTable: TableReader;
  /** The per-event columns: numbers that refer to the tables' rows, plus one. */
  readonly columns: EventColumns;

  /** `place`: where the events stand in their host's trail. Throws a BlockError where the payload is not what it should be. */
  constructor(payload: Uint8Array, place: BlockPosition | EventNames, eventsMax: number = EVENTS_MAX) {
    const reader = new WireReader(payload, "payload");
    const { first: count = 0, spans } = reader.fields();
    if (count > eventsMax) {
      throw new BlockError("PAYLOAD_MALFORMED", "payload.count", `${count} events; at most ${eventsMax} are allowed`);
    }
    this.count = count;
    this.names = "hostId" in place ? new EventIds(place.hostId, place.epoch, place.firstSeq) : place;
    const budget = new ReadingBudget(payload.length, count);
    const { start, end } = spans[TOP.strings] ?? { start: 0, end: 0 };
    this.strings = readStrings(payload, new WireReader(payload, "strings", start, end), budget);
    const open = ({ field, place: name }: { field: number; place: string }): TableReader =>
      new TableReader(payload, spans[field], name, budget);
    const plain = <Row extends object>(spec: tables.PlainSpec<Row>): RowsReader<Row, unknown> =>
      new RowsReader(spec, open(spec), this.strings, {});
    this.kinds = plain(tables.kinds);
    this.hosts = plain(tables.hosts);
    this.files = new RowsReader(tables.files, open(tables.files), this.strings, {
      fileStates: plain(tables.fileStates),
    });
    this.endpoints = plain(tables.endpoints);
    this.containers = plain(tables.containers);
    this.clouds = plain(tables.clouds);
    this.syscalls = plain(tables.syscalls);
    this.records = plain(tables.records);
    const groups = plain(tables.groups);
    this.users = new RowsReader(tables.users, open(tables.users), this.strings, { groups });
    const lists = open({ field: ANCESTRIES.field, place: "ancestries" });
    const references = plain(tables.references);
    this.references = references;
    const ancestries = new AncestryReader(lists, references, this.strings);
    this.ancestries = ancestries;
    this.processes = new RowsReader(tables.processes, open(tables.processes), this.strings, {
      ancestries,
      references,
      processes: {
        open() {},
        row: (index, place) => this.processes.row(index, place),
        bytesOf: (index) => this.processes.bytesOf(index),
      },
    });
    this.#eventTable = new TableReader(payload, spans[TOP.events], "events", budget, count);
    this.columns = new EventColumns(this.#eventTable, this.strings);
  }

  /** Id of event n, without building the event. */
  eventId(index: number): string {
    return this.names.at(index);
  }

  /** Builds event n, 0 to count - 1. */
  event(index: number): Event {
    const columns = this.columns;
    const kind = this.kinds.row(columns.kind[index] ?? 0, "events.kind");
    return {
      id: this.names.at(index),
      event:
        kind === undefined
          ? undefined
          : {
              timeUnixNano: columns.time[index] ?? 0n,
              kind: kind.kind,
              category: kind.category,
              type: kind.type,
              action: kind.action,
              outcome: kind.outcome,
              sequence: this.names.sequenceAt(index),
            },
      host: this.hosts.row(columns.host[index] ?? 0, "events.host"),
      process: this.processes.row(columns.process[index] ?? 0, "events.process"),
      user: this.users.row(columns.user[index] ?? 0, "events.user"),
      files: this.#rows(columns.files, index, this.files, "events.files"),
      source: this.endpoints.row(columns.source[index] ?? 0, "events.source"),
      destination: this.endpoints.row(columns.destination[index] ?? 0, "events.destination"),
      container: this.containers.row(columns.container[index] ?? 0, "events.container"),
      cloud: this.clouds.row(columns.cloud[index] ?? 0, "events.cloud"),
      audit: columns.hasAudit[index] === 0 ? undefined : this.#audit(index),
      targets: this.#rows(columns.targets, index, this.processes, "events.targets"),
    };
  }

  /** The rows of one event in a list column. */
  #rows<Row extends object>(
    lists: Lists,
    index: number,
    table: { row(index: number, place: string): Row | undefined },
    place: string,
  ): Row[] {
    const { offsets, values } = lists;
    const [items = NONE] = values;
    const rows: Row[] = [];
    for (let at = offsets[index] ?? 0; at < (offsets[index + 1] ?? 0); at++) {
      rows.push(table.row(items[at] ?? 0, place) ?? this.#eventTable.fail(place, "row 0"));
    }
    return rows;
  }

  #audit(index: number): Audit {
    const { serial, node, partial, keys, records, redacted } = this.columns;
    const [keyItems = NONE] = keys.values;
    const names: string[] = [];
    for (let at = keys.offsets[index] ?? 0; at < (keys.offsets[index + 1] ?? 0); at++) {
      names.push(this.strings.text(keyItems[at] ?? 0, "events.keys"));
    }
    return {
      serial: serial[index] ?? 0,
      node: this.strings.text(node[index] ?? 0, "events.node"),
      partial: this.strings.text(partial[index] ?? 0, "events.partial"),
      syscall: this.#syscall(index),
      keys: names,
      records: this.#rows(records, index, this.records, "events.records"),
      redacted: redacted[index] ?? 0,
    };
  }

  #syscall(index: number): Syscall | undefined {
    const kind = this.syscalls.row(this.columns.syscall[index] ?? 0, "events.syscall");
    if (kind === undefined) return undefined;
    const { offsets, values } = this.columns.arguments;
    const [low = NONE, high = NONE] = values;
    const given: bigint[] = [];
    for (let at = offsets[index] ?? 0; at < (offsets[index + 1] ?? 0); at++) {
      given.push(joinUnsigned(low[at] ?? 0, high[at] ?? 0));
    }
    return {
      arch: kind.arch,
      number: kind.number,
      name: kind.name,
      success: kind.success,
      exit: this.columns.exit[index] ?? 0n,
      arguments: given,
      items: kind.items,
      archName: kind.archName,
    };
  }

  /** Looks for the columns of every table, also of those that nobody asked for yet. */
  #openTables(): void {
    for (const table of this.#tables()) table.open();
  }

  #tables(): { open(): void; readonly rows: readonly unknown[] }[] {
    const { kinds, hosts, processes, users, files, endpoints, containers, clouds, syscalls, records } = this;
    return [kinds, hosts, processes, users, files, endpoints, containers, clouds, syscalls, records];
  }

  /** Reads all rows and references without building an event: after this, no event and no filter can fail. Throws a BlockError. */
  check(): void {
    const { columns } = this;
    columns.readAll();
    this.#openTables();
    const plain: [keyof EventColumns, Checked][] = [
      ["kind", this.kinds],
      ["host", this.hosts],
      ["process", this.processes],
      ["user", this.users],
      ["source", this.endpoints],
      ["destination", this.endpoints],
      ["container", this.containers],
      ["cloud", this.clouds],
      ["syscall", this.syscalls],
    ];
    for (const [name, table] of plain) checkReferences(columns[name] as Uint32Array, table, `events.${name}`);
    const lists: [Lists, Checked, string][] = [
      [columns.files, this.files, "events.files"],
      [columns.records, this.records, "events.records"],
      [columns.targets, this.processes, "events.targets"],
    ];
    for (const [{ values }, table, place] of lists) {
      const [items = NONE] = values;
      if (items.includes(0)) this.#eventTable.fail(place, "row 0");
      checkReferences(items, table, place);
    }
    for (const index of columns.node) this.strings.text(index, "events.node");
    for (const index of columns.partial) this.strings.text(index, "events.partial");
    for (const index of columns.keys.values[0] ?? NONE) this.strings.text(index, "events.keys");
  }

  /** Every event, in order. */
  events(): Event[] {
    // Also what these events show nothing of.
    this.columns.readAll();
    this.#openTables();
    for (const { rows } of this.#tables()) void rows;
    return Array.from({ length: this.count }, (_, index) => this.event(index));
  }
}
