/** What user space wrote into its records, inside of msg='…': claims, of which nothing goes before the kernel's own fields. */
import { canonicalAddress, messageWords, type RecordWords, unquote, valueOf } from "@hosttrail/lib/audit";
import type { Endpoint } from "@hosttrail/proto/event";
import { u32 } from "./values.ts";

/** The message's words; undefined where the record has none. */
export function messageOf(record: RecordWords): RecordWords | undefined {
  const message = messageWords(record);
  const at = message === undefined ? -1 : message.keys.findIndex((key) => key.startsWith("("));
  return message === undefined || at < 0 ? message : withoutBrackets(message, at);
}

/** Older PAM: `acct="root" : exe="/usr/sbin/sshd" (hostname=a, addr=192.0.2.1, terminal=ssh res=success)`. */
function withoutBrackets({ type, keys, values }: RecordWords, start: number): RecordWords {
  return {
    type,
    keys: keys.map((key, at) => (at === start ? key.slice(1) : key)),
    values: values.map((value, at) => (at < start ? value : value.replace(/[,)]+$/, ""))),
  };
}

const UNSET = "4294967295";
const NOT_SAID = new Set(["", "?", "UNKNOWN", "(null)", "(none)"]);

/** The text of a field, which may stand in quotes; undefined where it says nothing. */
function claim(message: RecordWords, key: string): string | undefined {
  const value = valueOf(message, key);
  if (value === undefined) return undefined;
  const text = value.startsWith('"') ? unquote(value) : value;
  return NOT_SAID.has(text) ? undefined : text;
}

/** Where a session came from, as PAM and sshd tell it: an address or a name. */
export function remoteOf(message: RecordWords | undefined): Endpoint | undefined {
  const given = message && claim(message, "addr");
  const host = message && claim(message, "hostname");
  // Where `addr` says nothing a name in `hostname` is most often this host's own.
  const ip = canonicalAddress(given ?? host ?? "");
  if (message === undefined || (ip === undefined && given === undefined)) return undefined;
  const name = ip === undefined ? given : host;
  const domain = name === undefined || canonicalAddress(name) !== undefined ? "" : name;
  return endpoint(ip, domain, u32(valueOf(message, "rport"), 0));
}

/** The address of this side, as sshd tells it. */
export function localOf(message: RecordWords | undefined): Endpoint | undefined {
  const ip = message && canonicalAddress(claim(message, "laddr") ?? "");
  return message === undefined || ip === undefined ? undefined : endpoint(ip, "", u32(valueOf(message, "lport"), 0));
}

/** Two sides that the kernel itself names: MAC_IPSEC_EVENT's `src` and `dst`. */
export function sideOf(record: RecordWords, key: "src" | "dst"): Endpoint | undefined {
  const ip = canonicalAddress(valueOf(record, key) ?? "");
  return ip === undefined ? undefined : endpoint(ip, "", 0);
}

function endpoint(ip: string | undefined, domain: string, port: number): Endpoint {
  const family = ip === undefined ? "" : ip.includes(":") ? "inet6" : "inet";
  return { address: ip ?? domain, ip: ip ?? "", port, path: "", family, domain };
}

/** The account or group that an event of account management or authentication is about; its number where there is no name. */
export function targetOf(message: RecordWords): string {
  return targetName(message) || targetNumber(message);
}

export function targetName(message: RecordWords): string {
  for (const key of ["acct", "grp"]) {
    const value = valueOf(message, key);
    const name = value === undefined ? "" : nameOf(withoutColon(value));
    if (!NOT_SAID.has(name)) return name;
  }
  return "";
}

/** In quotes, as hex in upper case, or of older tools as it is: `acct=cafe`. */
function nameOf(value: string): string {
  return value.startsWith('"') || !/[a-z]/.test(value) ? unquote(value) : value;
}

/** `id`, gdm's `uid`, sshd's `suid`. As hex, as names may be written, a number would be read as text. */
function targetNumber(message: RecordWords): string {
  for (const key of ["id", "uid", "suid"]) {
    const number = withoutColon(valueOf(message, key) ?? "");
    if (number !== "" && number !== "?" && number !== UNSET && number !== "-1") return number;
  }
  return "";
}

/** Older gdm: `acct=root: exe=…`, `uid=500: exe=…`. No account's name has a colon in it. */
function withoutColon(value: string): string {
  return value.endsWith(":") ? value.slice(0, -1) : value;
}

/** What the message says of its outcome; older PAM writes an error's text behind `result`. */
export function resultOf(message: RecordWords): string | undefined {
  const result = valueOf(message, "res");
  if (result !== undefined) return result.toLowerCase().replace(/'$/, "");
  const text = valueOf(message, "result")?.toLowerCase();
  return text === undefined ? undefined : text === "success" ? "success" : "failed";
}
