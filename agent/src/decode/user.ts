/** Who acted, and whom it was about. */
import { canonicalAddress, lastValueOf, RECORD, type RecordWords, unquote, valueOf } from "@hosttrail/lib/audit";
import type { Endpoint, User } from "@hosttrail/proto/event";
import { u32 } from "./values.ts";

const UNSET = 0xffffffff;

/**
 * The kernel's word for who acted. `message` is what user space wrote into the record: it names the account that
 * the event is about, and nothing else is taken from it.
 */
export function decodeUser(actor: RecordWords, message: RecordWords | undefined): User | undefined {
  const uid = valueOf(actor, "uid");
  const auid = actor.type === RECORD.LOGIN ? lastValueOf(actor, "auid") : valueOf(actor, "auid");
  if (uid === undefined && auid === undefined) return undefined;
  const id = (key: string): number => u32(valueOf(actor, key), UNSET);
  return {
    id: u32(uid, UNSET),
    name: "",
    effectiveId: id("euid"),
    effectiveName: "",
    savedId: id("suid"),
    filesystemId: id("fsuid"),
    auditId: u32(auid, UNSET),
    auditName: "",
    group:
      valueOf(actor, "gid") === undefined
        ? undefined
        : { id: id("gid"), name: "", effectiveId: id("egid"), savedId: id("sgid"), filesystemId: id("fsgid") },
    targetName: message === undefined ? "" : targetOf(message),
  };
}

/** The account or group that an event of account management or authentication is about. */
function targetOf(message: RecordWords): string {
  const name = valueOf(message, "acct") ?? valueOf(message, "grp");
  if (name !== undefined && name !== "?" && name !== '"?"') return unquote(name);
  // A number: as hex it would be read as text.
  return valueOf(message, "id") ?? "";
}

/** Where a session came from, as PAM and sshd tell it: a claim of user space. It may be an address or a name. */
export function remoteOf(message: RecordWords | undefined): Endpoint | undefined {
  const given = message && claim(message, "addr");
  const host = message && claim(message, "hostname");
  // Of a tool that was run here `hostname` is this host's own, and `addr` says nothing: that came from nowhere.
  const ip = canonicalAddress(given ?? host ?? "");
  if (ip === undefined && given === undefined) return undefined;
  const family = ip === undefined ? "" : ip.includes(":") ? "inet6" : "inet";
  const name = ip === undefined ? given : host;
  const domain = name === undefined || canonicalAddress(name) !== undefined ? "" : name;
  return { address: ip ?? domain, ip: ip ?? "", port: 0, path: "", family, domain };
}

const NOT_SAID = new Set(["", "?", "UNKNOWN", "(null)", "(none)"]);

/** The text of a field that user space wrote, which may stand in quotes; undefined where it says nothing. */
function claim(message: RecordWords, key: string): string | undefined {
  const value = valueOf(message, key);
  if (value === undefined) return undefined;
  const text = value.startsWith('"') ? unquote(value) : value;
  return NOT_SAID.has(text) ? undefined : text;
}
