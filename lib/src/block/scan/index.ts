/**
 * Looks a payload over without making anything of it: most payloads are as they should be, and of a small one the rows, columns and texts
 * cost far more to make than to look at. A payload that this takes can be read whole by ColumnBlock: no event and no filter of it can fail. Of one that
 * it does not take nothing is said: ColumnBlock's own check decides, and names what is wrong.
 */
import type { Host } from "@hosttrail/proto/event";
import type { Column } from "../columns.ts";
import { EVENTS_MAX, expandedBytesMax, weightMax } from "../limits.ts";
import type { TableSpec } from "../rows.ts";
import * as tables from "../tables.ts";
import { ScanBytes } from "./bytes.ts";
import { ScanBudget, TableScan } from "./table.ts";
import { isWithin } from "./times.ts";

/** Larger payloads are left alone: what is read into is kept, and they are few. */
const BYTES_MAX: number = 1024 * 1024;
const { ANCESTRIES, CLOUD, EVENT, HOST, TOP } = tables;

/** What must hold beside: all events lie in this time, and are of this host. */
export interface Expected {
  hostId: string;
  count: number;
  firstTimeUnixNano: bigint;
  lastTimeUnixNano: bigint;
}

/** What the store step keeps of a block's host. */
export interface ScannedHost extends Pick<Host, "name" | "kernel" | "osName" | "osVersion" | "architecture"> {
  /** Of the cloud; empty where its events tell of none. */
  instanceId: string;
  accountId: string;
}

class PayloadScan {
  readonly #bytes = new ScanBytes();
  readonly #budget = new ScanBudget();
  readonly #spans = new Uint32Array(64);
  readonly #kinds = this.#table(tables.kinds);
  readonly #hosts = this.#table(tables.hosts);
  readonly #groups = this.#table(tables.groups);
  readonly #users = this.#table(tables.users).linkTo("groups", this.#groups);
  readonly #fileStates = this.#table(tables.fileStates);
  readonly #files = this.#table(tables.files).linkTo("fileStates", this.#fileStates);
  readonly #endpoints = this.#table(tables.endpoints);
  readonly #containers = this.#table(tables.containers);
  readonly #clouds = this.#table(tables.clouds);
  readonly #syscalls = this.#table(tables.syscalls);
  readonly #records = this.#table(tables.records);
  readonly #references = this.#table(tables.references);
  readonly #ancestries = this.#plain(
    (table) => table.lists(ANCESTRIES.lengths) && table.linkItems(ANCESTRIES.references, "references"),
  ).linkTo("references", this.#references);
  readonly #processes = this.#table(tables.processes)
    .linkTo("references", this.#references)
    .linkTo("ancestries", this.#ancestries);
  readonly #events = this.#plain((table) => this.#eventColumns(table), 0);
  /** By the numbers of their messages. */
  readonly #tables: readonly [number, TableScan][] = [
    [tables.kinds.field, this.#kinds],
    [tables.hosts.field, this.#hosts],
    [tables.groups.field, this.#groups],
    [tables.users.field, this.#users],
    [tables.fileStates.field, this.#fileStates],
    [tables.files.field, this.#files],
    [tables.endpoints.field, this.#endpoints],
    [tables.containers.field, this.#containers],
    [tables.clouds.field, this.#clouds],
    [tables.syscalls.field, this.#syscalls],
    [tables.records.field, this.#records],
    [tables.references.field, this.#references],
    [ANCESTRIES.field, this.#ancestries],
    [tables.processes.field, this.#processes],
  ];

  #plain(columns: (table: TableScan) => boolean, eachRowBytes?: number): TableScan {
    return new TableScan({
      bytes: this.#bytes,
      budget: this.#budget,
      columns,
      ...(eachRowBytes === undefined ? {} : { eachRowBytes }),
    });
  }

  #table<Row extends object, Links>({ columns }: TableSpec<Row, Links>): TableScan {
    const all: readonly Pick<Column<never, never>, "scan">[] = Object.values(columns);
    return this.#plain((table) => {
      for (const column of all) if (!column.scan(table)) return false;
      return true;
    });
  }

  /** The last event's host, if any; undefined where this cannot tell. */
  run(payload: Uint8Array, expected: Expected): { host: ScannedHost | undefined } | undefined {
    const { count } = expected;
    if (payload.length > BYTES_MAX || count === 0 || count > EVENTS_MAX) return undefined;
    this.#bytes.open(payload);
    try {
      return this.#isReadable(payload, expected) ? { host: this.#lastHost() } : undefined;
    } finally {
      this.#bytes.close();
    }
  }

  #isReadable(payload: Uint8Array, { hostId, count, firstTimeUnixNano, lastTimeUnixNano }: Expected): boolean {
    const spans = this.#spans;
    if (this.#bytes.fields(0, payload.length, spans) !== count) return false;
    this.#budget.reset(weightMax(payload.length, count), expandedBytesMax(payload.length));
    const start = (field: number): number => spans[2 * field] ?? 0;
    const end = (field: number): number => spans[2 * field + 1] ?? 0;
    if (!this.#bytes.strings(start(TOP.strings), end(TOP.strings))) return false;
    for (const [field, table] of this.#tables) if (!table.open(start(field), end(field))) return false;
    if (!this.#events.open(start(TOP.events), end(TOP.events), count)) return false;
    // Also those that no event refers to, and linked ones whether a row refers to them or not: what is there must be right.
    for (const [, table] of this.#tables) if (!table.scan()) return false;
    if (!this.#events.scan() || !this.#isOf(hostId)) return false;
    const time = { start: this.#events.start(EVENT.time), end: this.#events.end(EVENT.time) };
    return isWithin(payload, time, { count, firstTimeUnixNano, lastTimeUnixNano });
  }

  #eventColumns(table: TableScan): boolean {
    const texts = this.#bytes.textCount - 1;
    return (
      table.int64(EVENT.time) &&
      table.numbers(EVENT.kind, this.#kinds.count) &&
      table.numbers(EVENT.host, this.#hosts.count) &&
      table.numbers(EVENT.process, this.#processes.count) &&
      table.numbers(EVENT.user, this.#users.count) &&
      table.lists(EVENT.filesLength) &&
      table.rowItems(EVENT.files, this.#files.count) &&
      table.numbers(EVENT.source, this.#endpoints.count) &&
      table.numbers(EVENT.destination, this.#endpoints.count) &&
      table.numbers(EVENT.container, this.#containers.count) &&
      table.numbers(EVENT.cloud, this.#clouds.count) &&
      table.numbers(EVENT.hasAudit) &&
      table.varints(EVENT.serial) &&
      table.numbers(EVENT.node, texts) &&
      table.numbers(EVENT.partial, texts) &&
      table.numbers(EVENT.syscall, this.#syscalls.count) &&
      table.varints(EVENT.exit) &&
      table.lists(EVENT.argumentsLength) &&
      table.numberItems(EVENT.argumentsLow) &&
      table.numberItems(EVENT.argumentsHigh) &&
      table.lists(EVENT.keysLength) &&
      table.textItems(EVENT.keys) &&
      table.lists(EVENT.recordsLength) &&
      table.rowItems(EVENT.records, this.#records.count) &&
      table.lists(EVENT.targetsLength) &&
      table.rowItems(EVENT.targets, this.#processes.count) &&
      table.numbers(EVENT.redacted)
    );
  }

  #isOf(hostId: string): boolean {
    // Once for all rows: there may be thousands.
    const ids = this.#hosts.count === 0 ? undefined : this.#hosts.values(HOST.id);
    if (ids === undefined) return true;
    for (let row = 0; row < this.#hosts.count; row++) {
      const id = this.#bytes.text(ids[row] ?? 0);
      if (id !== "" && id !== hostId) return false;
    }
    return true;
  }

  #lastCloud(name: keyof typeof CLOUD): string {
    const row = this.#events.last(EVENT.cloud);
    return row === 0 ? "" : this.#bytes.text(this.#clouds.values(CLOUD[name])?.[row - 1] ?? 0);
  }

  #lastHost(): ScannedHost | undefined {
    const row = this.#events.last(EVENT.host);
    if (row === 0) return undefined;
    const text = (name: keyof typeof HOST): string => this.#bytes.text(this.#hosts.values(HOST[name])?.[row - 1] ?? 0);
    return {
      name: text("name"),
      kernel: text("kernel"),
      osName: text("osName"),
      osVersion: text("osVersion"),
      architecture: text("architecture"),
      instanceId: this.#lastCloud("instanceId"),
      accountId: this.#lastCloud("accountId"),
    };
  }
}

const scan = new PayloadScan();

/**
 * Gives what a block's payload says of its host where all of it can be read, its events are as many and of the time and host that they should be;
 * undefined where that is for ColumnBlock to tell.
 */
export function scanPayload(payload: Uint8Array, expected: Expected): { host: ScannedHost | undefined } | undefined {
  return scan.run(payload, expected);
}
