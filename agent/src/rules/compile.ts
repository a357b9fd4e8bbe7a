/**
 * Audit rules from auditctl's syntax to the kernel's struct audit_rule_data.
 *
 * What is understood so far: `-a always|never,exit` with -S, -F and -k, and `-w path -p rwxa`. Everything else
 * is refused by file and line; the whole syntax is to come with the rule manager.
 * Source: include/uapi/linux/audit.h; auditctl(8) of the audit project for the syntax.
 */
import { ARCH, type ArchName, syscallNumber } from "@hosttrail/lib/audit";

const FIELD_MAX = 64;
const MASK_WORDS = 64;
const FILTER_EXIT = 4;
const ACTION = { never: 0, always: 2 } as const;

const FIELD: Readonly<Record<string, number>> = {
  pid: 0,
  uid: 1,
  euid: 2,
  suid: 3,
  fsuid: 4,
  gid: 5,
  egid: 6,
  sgid: 7,
  fsgid: 8,
  auid: 9,
  arch: 11,
  ppid: 18,
  exit: 103,
  success: 104,
  path: 105,
  perm: 106,
  dir: 107,
  a0: 200,
  a1: 201,
  a2: 202,
  a3: 203,
  key: 210,
  exe: 112,
};
/** Fields whose value is a string in the rule's buffer. */
const TEXT_FIELDS = new Set(["path", "dir", "exe", "key"]);

// AUDIT_EQUAL and its relatives; longer ones first, so that "!=" is not read as "=".
const OPERATOR: readonly [string, number][] = [
  ["!=", 0x30000000],
  [">=", 0x60000000],
  ["<=", 0x50000000],
  ["=", 0x40000000],
  [">", 0x20000000],
  ["<", 0x10000000],
];
const PERMISSION: Readonly<Record<string, number>> = { x: 1, w: 2, r: 4, a: 8 };

/** A rule, ready for the kernel. */
export interface CompiledRule {
  /** As it stands in the file. */
  source: string;
  /** struct audit_rule_data with its buffer. */
  payload: Buffer;
}

/** A rule that cannot be compiled. */
export class RuleError extends Error {
  override readonly name = "RuleError";
}

/** Compiles a rule file; throws a RuleError that names file, line and what is wrong. */
export function compileRules(text: string, file: string, native: ArchName): CompiledRule[] {
  const rules: CompiledRule[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const source = line.trim();
    if (source === "" || source.startsWith("#")) continue;
    try {
      rules.push({ source, payload: compileRule(source, native) });
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      throw new RuleError(`${file}:${index + 1}: ${detail} in "${source}"`);
    }
  }
  return rules;
}

class RuleBuilder {
  action = -1;
  readonly #mask = new Uint32Array(MASK_WORDS);
  readonly #fields: { field: number; value: number; operator: number }[] = [];
  readonly #texts: Buffer[] = [];
  #hasSyscalls = false;
  arch: ArchName;

  constructor(native: ArchName) {
    this.arch = native;
  }

  syscall(name: string): void {
    this.#hasSyscalls = true;
    if (name === "all") {
      this.#mask.fill(0xffffffff);
      return;
    }
    const number = /^\d{1,4}$/.test(name) ? Number(name) : syscallNumber(this.arch, name);
    if (number === undefined || number >= MASK_WORDS * 32) throw new Error(`no system call "${name}" on ${this.arch}`);
    const word = number >>> 5;
    this.#mask[word] = ((this.#mask[word] ?? 0) | (1 << (number & 31))) >>> 0;
  }

  field(name: string, operator: number, value: string): void {
    const field = FIELD[name];
    if (field === undefined)
      throw new Error(`field "${name}" is not known; known are ${Object.keys(FIELD).join(", ")}`);
    if (this.#fields.length >= FIELD_MAX) throw new Error(`more than ${FIELD_MAX} fields`);
    if (TEXT_FIELDS.has(name)) {
      const text = Buffer.from(value);
      if (text.length === 0 || text.length > 4096) throw new Error(`the value of ${name} has 1 to 4096 bytes`);
      this.#texts.push(text);
      this.#fields.push({ field, operator, value: text.length });
    } else this.#fields.push({ field, operator, value: this.#number(name, value) });
  }

  #number(name: string, value: string): number {
    if (name === "arch") return ARCH[this.arch as keyof typeof ARCH];
    if (name === "perm") {
      let bits = 0;
      for (const letter of value) {
        const bit = PERMISSION[letter];
        if (bit === undefined) throw new Error(`permission "${letter}"; allowed are r, w, x and a`);
        bits |= bit;
      }
      return bits;
    }
    if (value === "unset" && /^a?uid$/.test(name)) return 0xffffffff;
    if (!/^-?\d{1,10}$|^0x[0-9a-fA-F]{1,8}$/.test(value)) throw new Error(`"${value}" is no number for ${name}`);
    return Number(value) >>> 0;
  }

  payload(): Buffer {
    if (this.action < 0) throw new Error("no -a or -w");
    if (!this.#hasSyscalls) this.#mask.fill(0xffffffff);
    const text = Buffer.concat(this.#texts);
    const words = 3 + MASK_WORDS + 3 * FIELD_MAX + 1;
    const head = Buffer.alloc(words * 4);
    head.writeUInt32LE(FILTER_EXIT, 0);
    head.writeUInt32LE(this.action, 4);
    head.writeUInt32LE(this.#fields.length, 8);
    for (const [index, word] of this.#mask.entries()) head.writeUInt32LE(word, (3 + index) * 4);
    const base = 3 + MASK_WORDS;
    for (const [index, { field, value, operator }] of this.#fields.entries()) {
      head.writeUInt32LE(field, (base + index) * 4);
      head.writeUInt32LE(value, (base + FIELD_MAX + index) * 4);
      head.writeUInt32LE(operator, (base + 2 * FIELD_MAX + index) * 4);
    }
    head.writeUInt32LE(text.length, (words - 1) * 4);
    return Buffer.concat([head, text]);
  }
}

const EQUAL = 0x40000000;

function compileRule(source: string, native: ArchName): Buffer {
  const words = source.split(/\s+/);
  const rule = new RuleBuilder(native);
  const syscalls: string[] = [];
  let watch: string | undefined;
  let permissions = "rwxa";
  let key: string | undefined;
  const fields: [string, number, string][] = [];
  for (let at = 0; at < words.length; at += 2) {
    const option = words[at] ?? "";
    const value = words[at + 1];
    if (value === undefined) throw new Error(`${option} needs a value`);
    if (option === "-a") rule.action = actionOf(value);
    else if (option === "-S") syscalls.push(...value.split(","));
    else if (option === "-F") fields.push(fieldOf(value));
    else if (option === "-k") key = value;
    else if (option === "-w") watch = value;
    else if (option === "-p") permissions = value;
    else throw new Error(`option ${option} is not known; known are -a, -S, -F, -k, -w and -p`);
  }
  if (watch !== undefined) {
    if (!watch.startsWith("/")) throw new Error(`the watched path "${watch}" must be absolute`);
    rule.action = ACTION.always;
    fields.push([watch.endsWith("/") ? "dir" : "path", EQUAL, watch.replace(/(.)\/$/, "$1")]);
    fields.push(["perm", EQUAL, permissions]);
  }
  const arch = fields.find(([name]) => name === "arch");
  if (arch !== undefined) rule.arch = archOf(arch[2], native);
  else if (syscalls.some((name) => name !== "all")) throw new Error("-S needs -F arch=b64 or -F arch=b32 as well");
  for (const name of syscalls) rule.syscall(name);
  for (const [name, operator, value] of fields) rule.field(name, operator, value);
  if (key !== undefined) rule.field("key", EQUAL, key);
  return rule.payload();
}

function actionOf(value: string): number {
  const [first, second] = value.split(",");
  const list = first === "exit" ? first : second;
  const action = first === "exit" ? second : first;
  if (list === "exit" && action === "always") return ACTION.always;
  if (list === "exit" && action === "never") return ACTION.never;
  throw new Error(`"${value}" is not known; known are always,exit and never,exit`);
}

function fieldOf(text: string): [string, number, string] {
  const match = /^([a-z0-9]+)(!=|>=|<=|=|>|<)(.+)$/.exec(text);
  if (match === null) throw new Error(`"${text}" is no field comparison such as auid>=1000`);
  const [, name = "", sign = "", value = ""] = match;
  return [name, OPERATOR.find(([text]) => text === sign)?.[1] ?? EQUAL, value];
}

function archOf(value: string, native: ArchName): ArchName {
  if (value === "b64" || value === native) return native;
  if (value === "b32" && native === "x86_64") return "i386";
  throw new Error(`arch "${value}"; on ${native} allowed are b64${native === "x86_64" ? " and b32" : ""}`);
}
