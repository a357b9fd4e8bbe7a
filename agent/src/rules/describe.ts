/** A rule of the kernel as text in auditctl's syntax, for people. */
import { archName, ADDRESS_FAMILY, ERRNO, nameSyscall, recordTypeName, URING_OPERATION } from "@hosttrail/lib/audit";
import { MASK_WORDS, type RuleData, type RuleField } from "./data.ts";
import {
  ACTIONS,
  compared,
  FIELD_COMPARE,
  FIELD_NAMES,
  FIELDS,
  FILE_TYPES,
  LISTS,
  OPERATORS,
  PERMISSIONS,
} from "./fields.ts";

const UNSET = 0xffffffff;

/** The rule in one line. */
export function describeRule(rule: RuleData): string {
  const list = nameOf(LISTS, rule.list);
  const action = nameOf(ACTIONS, rule.action);
  const words = [rule.prepend ? "-A" : "-a", `${action},${list}`];
  const arch = rule.fields.find(({ field }) => field === FIELDS["arch"]?.number)?.value;
  if (list === "exit") {
    const machine = typeof arch === "number" ? arch : 0xc000003e;
    words.push(...(callsOf(rule.mask, (number) => nameSyscall(machine, number).name) ?? ["-S", "all"]));
  } else if (list === "io_uring") words.push(...(callsOf(rule.mask, (number) => URING_OPERATION.name(number)) ?? []));
  for (const field of rule.fields) words.push(describeField(field));
  return words.join(" ");
}

function nameOf(table: Readonly<Record<string, number>>, number: number): string {
  return Object.entries(table).find(([, value]) => value === number)?.[0] ?? String(number);
}

/** `-S` with the calls' names; undefined for all of them. */
function callsOf(mask: Uint32Array, nameOfCall: (number: number) => string | undefined): string[] | undefined {
  const names: string[] = [];
  let all = true;
  for (let word = 0; word < MASK_WORDS - 1; word++) {
    const bits = mask[word] ?? 0;
    if (bits !== UNSET) all = false;
    for (let bit = 0; bit < 32; bit++) {
      if ((bits & (1 << bit)) === 0) continue;
      const number = word * 32 + bit;
      names.push(nameOfCall(number) || String(number));
    }
  }
  return all ? undefined : names.length === 0 ? [] : ["-S", names.join(",")];
}

function describeField({ field, operator, value }: RuleField): string {
  const sign = OPERATORS.find(([, number]) => number === operator)?.[0] ?? `?${operator.toString(16)}?`;
  if (field === FIELD_COMPARE) {
    const [left, right] = compared(Number(value)) ?? [String(value), "?"];
    return `-C ${left}${sign}${right}`;
  }
  const name = FIELD_NAMES.get(field) ?? `field${field}`;
  if (name === "key")
    return String(value)
      .split("\u0001")
      .map((key) => `-k ${key}`)
      .join(" ");
  return `-F ${name}${sign}${typeof value === "string" ? value : describeNumber(name, value)}`;
}

function describeNumber(name: string, value: number): string {
  switch (FIELDS[name]?.kind) {
    case "arch":
      return archName(value) || `0x${value.toString(16)}`;
    case "uid":
    case "gid":
    case "session":
      return value === UNSET ? "unset" : String(value);
    case "perm":
      return Object.entries(PERMISSIONS)
        .filter(([, bit]) => (value & bit) !== 0)
        .map(([letter]) => letter)
        .join("");
    case "filetype":
      return nameOf(FILE_TYPES, value);
    case "msgtype":
      return recordTypeName(value);
    case "family":
      return ADDRESS_FAMILY.name(value) ?? String(value);
    case "exit": {
      const signed = value | 0;
      const error = signed < 0 ? ERRNO.name(-signed) : undefined;
      return error === undefined ? String(signed) : `-${error}`;
    }
    default:
      return String(value);
  }
}
