/** The columns of a block's events, each read when it is first asked for. */
import type { StringTable } from "./strings.ts";
import type { Lists, TableReader } from "./table.ts";
import { EVENT } from "./tables.ts";

/** Plain values, or references to a table's rows, plus one (0: absent). */
export class EventColumns {
  readonly #table: TableReader;
  readonly #strings: StringTable;
  #time: BigInt64Array | undefined;
  #kind: Uint32Array | undefined;
  #host: Uint32Array | undefined;
  #process: Uint32Array | undefined;
  #user: Uint32Array | undefined;
  #files: Lists | undefined;
  #source: Uint32Array | undefined;
  #destination: Uint32Array | undefined;
  #container: Uint32Array | undefined;
  #cloud: Uint32Array | undefined;
  #hasAudit: Uint32Array | undefined;
  #serial: Uint32Array | undefined;
  #node: Uint32Array | undefined;
  #partial: Uint32Array | undefined;
  #syscall: Uint32Array | undefined;
  #exit: BigInt64Array | undefined;
  #arguments: Lists | undefined;
  #keys: Lists | undefined;
  #records: Lists | undefined;
  #targets: Lists | undefined;
  #redacted: Uint32Array | undefined;

  constructor(table: TableReader, strings: StringTable) {
    this.#table = table;
    this.#strings = strings;
  }

  get time(): BigInt64Array {
    return (this.#time ??= this.#table.int64(EVENT.time));
  }

  get kind(): Uint32Array {
    return (this.#kind ??= this.#table.numbers(EVENT.kind));
  }

  get host(): Uint32Array {
    return (this.#host ??= this.#table.numbers(EVENT.host));
  }

  get process(): Uint32Array {
    return (this.#process ??= this.#table.numbers(EVENT.process));
  }

  get user(): Uint32Array {
    return (this.#user ??= this.#table.numbers(EVENT.user));
  }

  get files(): Lists {
    return (this.#files ??= this.#table.lists(EVENT.filesLength, EVENT.files));
  }

  get source(): Uint32Array {
    return (this.#source ??= this.#table.numbers(EVENT.source));
  }

  get destination(): Uint32Array {
    return (this.#destination ??= this.#table.numbers(EVENT.destination));
  }

  get container(): Uint32Array {
    return (this.#container ??= this.#table.numbers(EVENT.container));
  }

  get cloud(): Uint32Array {
    return (this.#cloud ??= this.#table.numbers(EVENT.cloud));
  }

  get hasAudit(): Uint32Array {
    return (this.#hasAudit ??= this.#table.numbers(EVENT.hasAudit));
  }

  get serial(): Uint32Array {
    return (this.#serial ??= this.#table.deltas(EVENT.serial));
  }

  get node(): Uint32Array {
    return (this.#node ??= this.#table.numbers(EVENT.node));
  }

  get partial(): Uint32Array {
    return (this.#partial ??= this.#table.numbers(EVENT.partial));
  }

  get syscall(): Uint32Array {
    return (this.#syscall ??= this.#table.numbers(EVENT.syscall));
  }

  get exit(): BigInt64Array {
    return (this.#exit ??= this.#table.signed64(EVENT.exit));
  }

  get arguments(): Lists {
    return (this.#arguments ??= this.#table.lists(EVENT.argumentsLength, EVENT.argumentsLow, EVENT.argumentsHigh));
  }

  get keys(): Lists {
    return (this.#keys ??= this.#readKeys());
  }

  get records(): Lists {
    return (this.#records ??= this.#table.lists(EVENT.recordsLength, EVENT.records));
  }

  get targets(): Lists {
    return (this.#targets ??= this.#table.lists(EVENT.targetsLength, EVENT.targets));
  }

  get redacted(): Uint32Array {
    return (this.#redacted ??= this.#table.numbers(EVENT.redacted));
  }

  #readKeys(): Lists {
    const keys = this.#table.lists(EVENT.keysLength, EVENT.keys);
    for (const key of keys.values[0] ?? []) this.#strings.shown(key, "events.keys");
    return keys;
  }

  /** Throws a BlockError where one of them cannot be read. */
  readAll(): unknown[] {
    return EVENT_COLUMNS.map((name) => this[name]);
  }
}

const EVENT_COLUMNS = [
  "time",
  "kind",
  "host",
  "process",
  "user",
  "files",
  "source",
  "destination",
  "container",
  "cloud",
  "hasAudit",
  "serial",
  "node",
  "partial",
  "syscall",
  "exit",
  "arguments",
  "keys",
  "records",
  "targets",
  "redacted",
] as const satisfies readonly (keyof EventColumns)[];
