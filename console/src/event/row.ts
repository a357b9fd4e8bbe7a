/** An event as one line: who did what to what, in the same words as the command line. */
import { type ReadField, readRecord } from "@hosttrail/lib/audit/reading";
import type { AuditRecord, Event, User } from "../api/index.ts";
import { msOfNano } from "../time/index.ts";

export interface EventRow {
  id: string;
  timeMs: number | undefined;
  host: string;
  hostId: string;
  user: string;
  process: string;
  action: string;
  object: string;
  outcome: string;
}

/** The kernel's "no id". */
const UNSET = 0xffff_ffff;

export function eventRow(event: Event): EventRow {
  return {
    id: event.id ?? "",
    timeMs: msOfNano(event.event?.timeUnixNano),
    host: event.host?.name || (event.host?.id ?? ""),
    hostId: event.host?.id ?? "",
    user: userOf(event),
    process: processOf(event.process),
    action: event.event?.action ?? "",
    object: objectOf(event),
    outcome: event.event?.outcome ?? "",
  };
}

/** The kernel itself has no process, and no number of one. */
function processOf(process: Event["process"]): string {
  if (process === undefined) return "";
  const name = process.name || process.executable || "";
  return name === "" && (process.pid ?? 0) === 0 ? "" : `${name}[${process.pid ?? 0}]`;
}

function nameOrId(id: number | undefined, name: string | undefined): string {
  return id === UNSET ? "" : name || String(id ?? 0);
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
  return event?.category?.some((category) => category === "authentication" || category === "session") ?? false;
}

/** The account that an event is about; tools that know it by its number write that. */
function accountOf({ targetName = "", auditId = 0, auditName = "" }: User): string {
  return targetName === String(auditId) ? auditName || targetName : targetName;
}

function objectOf(event: Event): string {
  const { process, destination, source, files, user } = event;
  const path = files?.[0]?.path ?? "";
  if (event.event?.action === "executed" && process !== undefined) {
    // Of what could not be executed there is only the path; the arguments are those of who tried.
    return event.event.outcome === "failure" && path !== "" ? path : process.args?.join(" ") || path;
  }
  const said = saidOf(event, ["cmd", "data", "unit"]);
  if (said !== "") return said;
  const account =
    user === undefined ? "" : accountOf(user) || (isLogin(event) ? nameOrId(user.auditId, user.auditName) : "");
  const endpoint = destination ?? source;
  const address = endpoint === undefined ? "" : addressOf(endpoint);
  if (account !== "") return address === "" ? account : `${account} from ${address}`;
  return address || path || saidOf(event, ["profile"]);
}

export function addressOf({ ip, address: written, port = 0 }: NonNullable<Event["source"]>): string {
  const address = ip || (written ?? "");
  if (port === 0) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

const NO_BYTES = new Uint8Array();

function saidOf({ audit }: Event, names: readonly ReadField[]): string {
  for (const name of names)
    for (const record of audit?.records ?? []) {
      const [text] = readRecord(wholeRecord(record)).get(name) ?? [];
      if (text !== undefined) return text;
    }
  return "";
}

type WholeRecord = Parameters<typeof readRecord>[0];

const wholes = new WeakMap<AuditRecord, WholeRecord>();

/** A record of JSON, in which nothing is left out. */
function wholeRecord(record: AuditRecord): WholeRecord {
  let whole = wholes.get(record);
  if (whole === undefined) {
    const fields = (record.fields ?? []).map(({ key = "", value = "" }) => ({ key, value, valueBytes: NO_BYTES }));
    whole = { type: record.type ?? 0, typeName: record.typeName ?? "", layout: record.layout ?? "", fields };
    wholes.set(record, whole);
  }
  return whole;
}
