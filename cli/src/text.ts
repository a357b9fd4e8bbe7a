/** Text for terminals. What events hold was chosen by who acted: no byte of it may steer the terminal. */
import { canonicalAddress, type ReadField, readRecord } from "@hosttrail/lib/audit";
import { printable } from "@hosttrail/lib/text";
import type { Event, User } from "@hosttrail/proto/event";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { localText } from "./zone.ts";

/** ISO 8601 in the zone of the process, with milliseconds; empty for no time. Zero is one: a clock that was never set. */
export function isoTime(timeNano: bigint | undefined): string {
  return timeNano === undefined ? "" : localText(Number(timeNano / 1_000_000n));
}

/** Nanoseconds since 1970 of a time of the API. */
export function nanosOf(time: Timestamp): bigint {
  return time.seconds * 1_000_000_000n + BigInt(time.nanos);
}

/** The same of a time of the API. */
export function timeOf(time: Timestamp | undefined): string {
  return isoTime(time === undefined ? undefined : nanosOf(time));
}

export { printable };

export const EVENT_HEADER: readonly string[] = ["TIME", "HOST", "USER", "PROCESS", "ACTION", "OBJECT", "OUTCOME", "ID"];

/** The kernel's "no id". */
const UNSET = 0xffffffff;

/** One event as one line: who did what to what. */
export function eventRow(event: Event): string[] {
  const { process } = event;
  return [
    isoTime(event.event?.timeUnixNano),
    event.host?.name || (event.host?.id ?? ""),
    userOf(event),
    processOf(process),
    event.event?.action ?? "",
    objectOf(event),
    event.event?.outcome ?? "",
    event.id,
  ].map(printable);
}

/** The kernel itself has no process, and no number of one. */
function processOf(process: Event["process"]): string {
  if (process === undefined) return "";
  const name = process.name || process.executable;
  return name === "" && process.pid === 0 ? "" : `${name}[${process.pid}]`;
}

function nameOrId(id: number, name: string): string {
  return id === UNSET ? "" : name || String(id);
}

/** Who acted. At the door it is a daemon, as root, that speaks of whoever comes in. */
function userOf(event: Event): string {
  const { user } = event;
  if (user === undefined) return "";
  const own = nameOrId(user.id, user.name);
  if (!isLogin(event)) return own;
  return nameOrId(user.auditId, user.auditName) || accountOf(user) || own;
}

function isLogin({ event }: Event): boolean {
  return event?.category.some((category) => category === "authentication" || category === "session") ?? false;
}

/** The account that an event is about; tools that know it by its number write that. */
function accountOf({ targetName, auditId, auditName }: User): string {
  return targetName === String(auditId) ? auditName || targetName : targetName;
}

const OBJECT_LENGTH_MAX = 80;

function objectOf(event: Event): string {
  const object = fullObjectOf(event);
  return object.length > OBJECT_LENGTH_MAX ? `${object.slice(0, OBJECT_LENGTH_MAX - 1)}…` : object;
}

function fullObjectOf(event: Event): string {
  const { process, destination, source, files, user } = event;
  const path = files[0]?.path ?? "";
  if (event.event?.action === "executed" && process !== undefined) {
    // Of what could not be executed there is only the path; the arguments are those of who tried.
    return event.event.outcome === "failure" && path !== "" ? path : process.args.join(" ") || path;
  }
  const said = saidOf(event, SAID);
  if (said !== "") return said;
  const account =
    user === undefined ? "" : accountOf(user) || (isLogin(event) ? nameOrId(user.auditId, user.auditName) : "");
  const endpoint = destination ?? source;
  const address = endpoint === undefined ? "" : addressOf(endpoint);
  if (account !== "") return address === "" ? account : `${account} from ${address}`;
  return address || path || saidOf(event, ["profile"]);
}

function addressOf({ address: written, port }: NonNullable<Event["source"]>): string {
  // One form of an address, whatever wrote it into the event.
  const address = canonicalAddress(written) ?? written;
  if (port === 0) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** By what is said in a record the event is known: the command that sudo ran, what was typed, the unit that was started. */
const SAID: readonly ReadField[] = ["cmd", "data", "unit"];

function saidOf({ audit }: Event, names: readonly ReadField[]): string {
  for (const name of names) {
    for (const record of audit?.records ?? []) {
      const [text] = readRecord(record).get(name) ?? [];
      if (text !== undefined) return text;
    }
  }
  return "";
}
