/**
 * Values of a rule's fields, from auditctl's syntax to the kernel's numbers. Pure.
 *
 * Numbers are read as C's strtol reads them with base 0, since auditctl does: 0x begins hexadecimal, and 0 octal digits.
 */
import { ADDRESS_FAMILY, ARCH, type ArchName, ERRNO, recordTypeNumber } from "@hosttrail/lib/audit";
import { FIELDS, FILE_SYSTEMS, FILE_TYPES, PERMISSIONS } from "./fields.ts";

/** PATH_MAX has the NUL at the end, too. */
const TEXT_BYTES_MAX = 4095;
const UNSET = 0xffffffff;
const NUMBER = /^-?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/;
/** What is meant to be a number: a name begins with no digit. */
const LIKE_NUMBER = /^-?[0-9]/;
/** Fields that may be without a value in the kernel; of all others it refuses -1. */
const MAY_BE_UNSET: readonly string[] = ["auid", "loginuid"];

/** What a value may ask for. */
export interface ValueHost {
  userId(name: string): number | undefined;
  groupId(name: string): number | undefined;
}

/** The kernel's value of a field; `arch` is the one that the rule is for. Throws what is wrong, and what is allowed. */
export function valueOf(name: string, value: string, arch: ArchName | undefined, host: ValueHost): number | string {
  switch (FIELDS[name]?.kind) {
    case "text":
      return textOf(name, value);
    case "arch":
      return ARCH[(arch === "x32" ? "x86_64" : arch) ?? "x86_64"];
    case "uid":
      return idOf(name, value, (user) => host.userId(user));
    case "gid":
      return idOf(name, value, (group) => host.groupId(group));
    case "exit":
      return exitOf(value);
    case "success":
      return successOf(value);
    case "perm":
      return permissionsOf(value);
    case "filetype":
      return choiceOf(name, value, FILE_TYPES);
    case "msgtype":
      return LIKE_NUMBER.test(value) ? numberOf(name, value) : typeOf(value);
    case "session":
      return value === "unset" ? UNSET : numberOf(name, value);
    case "family":
      return LIKE_NUMBER.test(value) ? numberOf(name, value) : familyOf(value);
    case "filesystem":
      return Object.hasOwn(FILE_SYSTEMS, value) ? (FILE_SYSTEMS[value] ?? 0) : numberOf(name, value);
    default:
      return numberOf(name, value);
  }
}

export function textOf(name: string, value: string): string {
  const bytes = Buffer.byteLength(value);
  if (bytes === 0 || bytes > TEXT_BYTES_MAX) throw new Error(`the value of ${name} has 1 to ${TEXT_BYTES_MAX} bytes`);
  if (["path", "dir", "exe"].includes(name) && !value.startsWith("/"))
    throw new Error(`${name} "${value}" must be absolute`);
  if (["path", "exe"].includes(name) && value.endsWith("/"))
    throw new Error(`${name} "${value}" ends with a slash, which the kernel refuses; a folder is watched by dir=`);
  return value;
}

/** A number as the kernel keeps it: 32 bits, negative ones in two's complement. */
function numberOf(name: string, value: string): number {
  const number = integerOf(value);
  if (number === undefined) {
    throw new Error(`"${value}" is no number for ${name}; allowed are 100, 0x64 and 0144 (a leading 0 is octal)`);
  }
  if (number > UNSET || number < -0x80000000) throw new Error(`${value} is too large for ${name}`);
  return number >>> 0;
}

/** A whole number by C's rule; undefined where it is none. */
export function integerOf(value: string): number | undefined {
  if (!NUMBER.test(value)) return undefined;
  const isNegative = value.startsWith("-");
  const digits = isNegative ? value.slice(1) : value;
  const magnitude = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return isNegative ? -magnitude : magnitude;
}

function idOf(name: string, value: string, find: (name: string) => number | undefined): number {
  const id = value === "unset" ? UNSET : LIKE_NUMBER.test(value) ? numberOf(name, value) : find(value);
  if (id === undefined)
    throw new Error(`this host has no ${name.endsWith("gid") ? "group" : "user"} "${value}" (${name})`);
  if (id === UNSET && !MAY_BE_UNSET.includes(name))
    throw new Error(`${name} is never unset, and the kernel refuses it; only auid and sessionid can be`);
  return id;
}

function exitOf(value: string): number {
  const match = /^(-?)(E[A-Z0-9]+)$/.exec(value);
  if (match === null) return numberOf("exit", value);
  const number = ERRNO.number(match[2] ?? "");
  if (number === undefined) throw new Error(`"${value}" is no error's name for exit`);
  return (match[1] === "-" ? -number : number) >>> 0;
}

function successOf(value: string): number {
  const number = LIKE_NUMBER.test(value) ? integerOf(value) : undefined;
  return choiceOf("success", String(number ?? value), { yes: 1, no: 0, "1": 1, "0": 0 });
}

export function permissionsOf(value: string): number {
  let bits = 0;
  for (const letter of value) {
    const bit = PERMISSIONS[letter];
    if (bit === undefined) throw new Error(`permission "${letter}"; allowed are r, w, x and a`);
    bits |= bit;
  }
  if (bits === 0) throw new Error("no permission; allowed are r, w, x and a");
  return bits;
}

function choiceOf(name: string, value: string, choices: Readonly<Record<string, number>>): number {
  const found = Object.hasOwn(choices, value) ? choices[value] : undefined;
  if (found === undefined) throw new Error(`${name} "${value}"; allowed are ${Object.keys(choices).join(", ")}`);
  return found;
}

function typeOf(value: string): number {
  const number = recordTypeNumber(value);
  if (number === undefined) throw new Error(`msgtype "${value}" is no record type's name or number`);
  return number;
}

function familyOf(value: string): number {
  const number = ADDRESS_FAMILY.number(value.toLowerCase());
  if (number === undefined) throw new Error(`saddr_fam "${value}" is no address family, such as inet, inet6 or 2`);
  return number;
}

export function archOf(value: string, native: ArchName): ArchName {
  const narrow = native === "x86_64" ? "i386" : "arm";
  if (value === "b64" || value === native) return native;
  if (value === "b32" || value === narrow || (native === "x86_64" && /^i[456]86$/.test(value))) return narrow;
  const number = integerOf(value);
  const found = ([native, narrow] as const).find((name) => ARCH[name as keyof typeof ARCH] === number);
  if (found !== undefined) return found;
  throw new Error(`arch "${value}"; on ${native} allowed are b64, b32, ${native} and ${narrow}`);
}
