/** What single events of a block say, read from its columns without building the events. */
import { canonicalAddress, type ReadField, readRecord } from "@hosttrail/lib/audit";
import type { ColumnBlock } from "@hosttrail/lib/block";
import { commandLineOf } from "@hosttrail/lib/predicate";
import type { AuditRecord, Container, Endpoint, EventInfo, File, Process, User } from "@hosttrail/proto/event";

type Kind = Omit<EventInfo, "timeUnixNano" | "sequence">;

/** The kernel's "no id". */
const UNSET_ID = 0xffffffff;
/** By what is said in a record the event is known: the command that sudo ran, what was typed, the unit that was started. */
const SAID: readonly ReadField[] = ["cmd", "data", "unit"];
const NOT_FOUND = -2n;
const NO_KIND: Kind = { kind: "", category: [], type: [], action: "", outcome: "" };

/** Views of one block's events. What it gives is shared: nobody may change it. */
export class BlockFacts {
  readonly block: ColumnBlock;

  constructor(block: ColumnBlock) {
    this.block = block;
  }

  timeOf(event: number): bigint {
    return this.block.columns.time[event] ?? 0n;
  }

  kindOf(event: number): Kind {
    return this.block.kinds.views[(this.block.columns.kind[event] ?? 0) - 1] ?? NO_KIND;
  }

  /** Number of the event's process row, plus one; 0 for none. */
  processRow(event: number): number {
    return this.block.columns.process[event] ?? 0;
  }

  processOf(event: number): Process | undefined {
    return this.block.processes.views[this.processRow(event) - 1];
  }

  userOf(event: number): User | undefined {
    return this.block.users.views[(this.block.columns.user[event] ?? 0) - 1];
  }

  containerOf(event: number): Container | undefined {
    return this.block.containers.views[(this.block.columns.container[event] ?? 0) - 1];
  }

  /** The side that is not this host, as far as the event tells. */
  endpointOf(event: number): Endpoint | undefined {
    const { destination, source } = this.block.columns;
    return this.block.endpoints.views[(destination[event] || (source[event] ?? 0)) - 1];
  }

  filesOf(event: number): File[] {
    return rowsOf(this.block.columns.files, event, this.block.files.views);
  }

  recordsOf(event: number): AuditRecord[] {
    return rowsOf(this.block.columns.records, event, this.block.records.views);
  }

  /** Keys of the audit rules that asked for it, or that it is about. */
  keysOf(event: number): string[] {
    const { offsets, values } = this.block.columns.keys;
    const numbers = values[0]?.subarray(offsets[event] ?? 0, offsets[event + 1] ?? 0) ?? [];
    return Array.from(numbers, (number) => this.block.strings.text(number, "events.keys"));
  }

  /** Name of the system call; empty where there was none. */
  callOf(event: number): string {
    return this.block.syscalls.views[(this.block.columns.syscall[event] ?? 0) - 1]?.name ?? "";
  }

  /** First argument of the system call, its low 32 bits. */
  firstArgument(event: number): number | undefined {
    const { offsets, values } = this.block.columns.arguments;
    const at = offsets[event] ?? 0;
    return at < (offsets[event + 1] ?? 0) ? values[0]?.[at] : undefined;
  }

  /** True for an execution that failed since there is no such file, as shells try one directory after the other. */
  isLookup(event: number): boolean {
    const { action, outcome } = this.kindOf(event);
    return action === "executed" && outcome === "failure" && this.block.columns.exit[event] === NOT_FOUND;
  }

  /** What it was done to, or with: a command line, path, address, account, unit. As the event has it, safe nowhere. */
  objectOf(event: number): string {
    const { action, outcome, category } = this.kindOf(event);
    const process = this.processOf(event);
    const path = this.filesOf(event)[0]?.path ?? "";
    if (action === "executed" && process !== undefined) {
      // Of what could not be executed there is only the path; the arguments are those of who tried.
      return outcome === "failure" && path !== "" ? path : commandLineOf(process) || path || process.executable;
    }
    const moved = path !== "" && MOVES.has(action) ? this.#other(event, path) : "";
    if (moved !== "") return `${path} -> ${moved}`;
    const keys = category.includes("configuration") ? this.keysOf(event).join(" ") : "";
    const said = keys || this.#saidOf(event);
    if (said !== "") return said;
    const account = this.#accountOf(event, category);
    const endpoint = this.endpointOf(event);
    const address = endpoint === undefined ? "" : addressOf(endpoint);
    if (account !== "") return address === "" ? account : `${account} from ${address}`;
    return address || path;
  }

  /** Of what has two names: the other one. */
  #other(event: number, path: string): string {
    const named = this.filesOf(event).filter((file) => file.path !== path && file.nametype !== "PARENT");
    return named.at(-1)?.path ?? "";
  }

  #saidOf(event: number): string {
    // A system call's records say nothing that the event does not.
    if (this.callOf(event) !== "") return "";
    return this.wordOf(event, SAID);
  }

  /** The first of these words that a record of the event has; empty where none has one. */
  wordOf(event: number, words: readonly ReadField[]): string {
    const records = this.recordsOf(event);
    for (const word of words) {
      for (const record of records) {
        const [text] = readRecord(record).get(word) ?? [];
        if (text !== undefined) return text;
      }
    }
    return "";
  }

  #accountOf(event: number, category: readonly string[]): string {
    const user = this.userOf(event);
    if (user === undefined || !(isDoor(category) || category.includes("iam"))) return "";
    // Tools that know the account by its number write that.
    const isNumber = user.targetName === String(user.auditId) && user.auditName !== "";
    const named = isNumber ? user.auditName : user.targetName;
    return named || (isDoor(category) ? nameOf(user.auditId, user.auditName) : "");
  }

  /** Who acted, by name. At the door it is a daemon, as root, that speaks of whoever comes in. */
  actorOf(event: number): string {
    const user = this.userOf(event);
    if (user === undefined) return "";
    const own = nameOf(user.id, user.name);
    const { category } = this.kindOf(event);
    if (!isDoor(category)) return own;
    return nameOf(user.auditId, user.auditName) || this.#accountOf(event, category) || own;
  }
}

const MOVES: ReadonlySet<string> = new Set(["renamed", "hard-linked", "symlinked"]);

function rowsOf<Row>(
  { offsets, values }: { offsets: Uint32Array; values: Uint32Array[] },
  event: number,
  views: readonly Row[],
): Row[] {
  const rows: Row[] = [];
  for (let at = offsets[event] ?? 0; at < (offsets[event + 1] ?? 0); at++) {
    const row = views[(values[0]?.[at] ?? 0) - 1];
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

function isDoor(category: readonly string[]): boolean {
  return category.includes("authentication") || category.includes("session");
}

function nameOf(id: number, name: string): string {
  return id === UNSET_ID ? "" : name || String(id);
}

/** Address and port, in the one form that an address has. */
function addressOf({ address: written, port, path }: Endpoint): string {
  const address = canonicalAddress(written) ?? (written || path);
  if (port === 0) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
