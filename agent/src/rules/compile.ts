/**
 * Audit rules from auditctl's syntax to the kernel's.
 *
 * Pure: names of users and what is a folder are asked of the caller. A line that cannot be compiled costs this line and
 * is named; lines that are commands to auditctl (`-D`, `-b`, `-e` …) are left out with a note, since rules are applied
 * by difference and settings stand in the agent's configuration.
 */
import { type ArchName, syscallNumber, URING_OPERATION } from "@hosttrail/lib/audit";
import { encodeRule, FIELD_MAX, identityOf, MASK_WORDS, type RuleData, type RuleField } from "./data.ts";
import { ACTIONS, comparison, FIELD_COMPARE, FIELDS, LISTS, OPERATORS, WITHOUT_BITS } from "./fields.ts";
import { checkFields, checkList } from "./lists.ts";
import { archOf, integerOf, permissionsOf, textOf, valueOf } from "./values.ts";

/** AUDIT_MAX_KEY_LEN. */
const KEY_BYTES_MAX = 256;
const KEY_SEPARATOR = "\u0001";
const RULES_MAX = 4096;
const EQUAL = 0x40000000;
const ALL_ARCHES: readonly ArchName[] = ["x86_64", "i386", "x32", "aarch64", "arm"];

/** Where a rule stands. */
interface RulePlace {
  file: string;
  line: number;
  /** As it stands there. */
  source: string;
}

/** A rule, ready for the kernel. */
export interface CompiledRule extends RulePlace {
  data: RuleData;
  /** struct audit_rule_data with its buffer. */
  payload: Buffer;
  /** The same for the same rule, however it was written. */
  identity: string;
}

/** A line that is no rule, or one that says less than it seems to; `reason` tells what is wrong and what is allowed. */
export interface RuleProblem extends RulePlace {
  reason: string;
}

export interface CompiledRules {
  rules: CompiledRule[];
  /** Lines that cannot be compiled. */
  errors: RuleProblem[];
  /** Lines, or parts of them, that were left out on purpose. */
  notes: RuleProblem[];
}

/** What the compiler asks of the host. */
export interface RuleHost {
  arch: ArchName;
  userId(name: string): number | undefined;
  groupId(name: string): number | undefined;
  isDirectory(path: string): boolean;
}

/** Compiles a rule file. Never throws on what the file holds. */
export function compileRules(text: string, file: string, host: RuleHost): CompiledRules {
  const result: CompiledRules = { rules: [], errors: [], notes: [] };
  for (const [index, line] of text.split("\n").entries()) {
    const source = line.trim();
    if (source === "" || source.startsWith("#")) continue;
    const place = { file, line: index + 1, source };
    try {
      if (source.includes("\0")) throw new Error("the line has a NUL byte; a rule file is text in UTF-8");
      const compiler = new LineCompiler(host);
      const data = compiler.compile(splitLine(source));
      for (const reason of compiler.notes) result.notes.push({ ...place, reason });
      if (data === undefined) continue;
      if (result.rules.length >= RULES_MAX) throw new Error(`more than ${RULES_MAX} rules`);
      result.rules.push({ ...place, data, payload: encodeRule(data), identity: identityOf(data) });
    } catch (error) {
      result.errors.push({ ...place, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return result;
}

/** Words between blanks; quotes keep blanks together. */
function splitLine(source: string): string[] {
  const words: string[] = [];
  for (const match of source.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)) {
    words.push(match[0].replaceAll(/"([^"]*)"|'([^']*)'/g, (_all, double: string, single: string) => double ?? single));
  }
  return words;
}

/** auditctl's commands that are no rules: the option, whether it has a value, and where its meaning went. */
const COMMANDS: Readonly<Record<string, [boolean, string]>> = {
  "-D": [false, "rules are applied by difference; others are never deleted"],
  "-b": [true, "the backlog limit is audit.backlog_limit in agent.yaml"],
  "-f": [true, "the failure flag is left as the host has it"],
  "-e": [true, "audit is enabled by audit.enable in agent.yaml; locking is left to the host"],
  "-r": [true, "the rate limit is left as the host has it"],
  "-i": [false, "a line that cannot be compiled never costs the others"],
  "-c": [false, "a line that cannot be compiled never costs the others"],
  "--backlog_wait_time": [true, "the agent sets it to 0 where it is the audit daemon"],
  "--loginuid-immutable": [false, "this is left as the host has it"],
  "--reset-lost": [false, "the count of lost events is never reset"],
};

class LineCompiler {
  readonly notes: string[] = [];
  readonly #host: RuleHost;
  #list = "";
  #action = "";
  #prepend = false;
  #arch: ArchName | undefined;
  /** The rule is for all architectures but that one. */
  #isOtherArch = false;
  #syscalls: string[] = [];
  #fields: RuleField[] = [];
  #names = new Set<string>();
  #watch: string | undefined;
  #permissions: string | undefined;
  #keys: string[] = [];

  constructor(host: RuleHost) {
    this.#host = host;
  }

  /** Undefined for a line that is a command to auditctl, or a rule of which nothing is left. */
  compile(words: readonly string[]): RuleData | undefined {
    const command = COMMANDS[words[0] ?? ""];
    if (command !== undefined) {
      this.notes.push(`${words[0]} is left out: ${command[1]}`);
      return undefined;
    }
    for (let at = 0; at < words.length; at += 2) {
      const option = words[at] ?? "";
      const value = words[at + 1];
      if (value === undefined) throw new Error(`${option} needs a value`);
      this.#option(option, value);
    }
    return this.#finish();
  }

  #option(option: string, value: string): void {
    switch (option) {
      case "-a":
      case "-A":
        this.#prepend = option === "-A";
        this.#rule(value);
        break;
      case "-S":
        this.#syscalls.push(...value.split(","));
        break;
      case "-F":
        this.#field(value);
        break;
      case "-C":
        this.#compare(value);
        break;
      case "-k":
        this.#key(value);
        break;
      case "-w":
        if (!value.startsWith("/")) throw new Error(`the watched path "${value}" must be absolute`);
        if (this.#watch !== undefined) throw new Error("-w stands twice; a line watches one path");
        this.#watch = value;
        break;
      case "-p":
        if (this.#permissions !== undefined) throw new Error("-p stands twice; -p wa names several permissions");
        this.#permissions = value;
        break;
      case "-d":
      case "-W":
        throw new Error(`${option} deletes a rule; a rule file says what there shall be`);
      default:
        throw new Error(`option "${option}" is not known; allowed are -a, -A, -w, -S, -F, -C, -p and -k`);
    }
  }

  #rule(value: string): void {
    const parts = value.split(",");
    const list = parts.find((part) => Object.hasOwn(LISTS, part));
    const action = parts.find((part) => Object.hasOwn(ACTIONS, part));
    if (parts.length !== 2 || list === undefined || action === undefined) {
      throw new Error(
        `"${value}" is no list and action; lists are ${Object.keys(LISTS).join(", ")}, actions always and never`,
      );
    }
    if (this.#list !== "") throw new Error("-a stands twice");
    this.#list = list;
    this.#action = action;
  }

  #field(text: string): void {
    const match = /^([a-z0-9_]+)(&=|!=|>=|<=|=|>|<|&)(.+)$/.exec(text);
    if (match === null) throw new Error(`"${text}" is no field comparison such as auid>=1000`);
    const [, name = "", sign = "", value = ""] = match;
    const spec = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (spec === undefined)
      throw new Error(`field "${name}" is not known; known are ${Object.keys(FIELDS).join(", ")}`);
    const operators = spec.operators ?? WITHOUT_BITS;
    if (!operators.includes(sign)) {
      throw new Error(`${name}${sign} is not possible; allowed are ${operators.join(" and ")}`);
    }
    if (name === "key") {
      this.#key(value);
      return;
    }
    if (name === "arch") this.#arch = archOf(value, this.#host.arch);
    if (name === "arch" && sign === "!=") this.#isOtherArch = true;
    const operator = OPERATORS.find(([each]) => each === sign)?.[1] ?? EQUAL;
    this.#add(name, { field: spec.number, operator, value: valueOf(name, value, this.#arch, this.#host) });
  }

  #add(name: string, field: RuleField): void {
    this.#names.add(name);
    this.#fields.push(field);
    if (this.#fields.length > FIELD_MAX - 1) throw new Error(`more than ${FIELD_MAX - 1} fields`);
  }

  #compare(text: string): void {
    const match = /^([a-z_]+)(!=|=)([a-z_]+)$/.exec(text);
    const [, left = "", sign = "", right = ""] = match ?? [];
    const number = comparison(left, right);
    if (number === undefined) throw new Error(`"${text}" cannot be compared; an example is auid!=obj_uid`);
    const operator = OPERATORS.find(([each]) => each === sign)?.[1] ?? EQUAL;
    this.#add(`${left} ${right}`, { field: FIELD_COMPARE, operator, value: number });
  }

  #key(value: string): void {
    if (value === "") throw new Error("a key has at least one byte");
    this.#keys.push(value);
    this.#names.add("key");
    // Several keys stand in one field, divided by 0x01.
    if (Buffer.byteLength(this.#keys.join(KEY_SEPARATOR)) > KEY_BYTES_MAX)
      throw new Error(`the keys of a rule have at most ${KEY_BYTES_MAX} bytes together, with one between them`);
  }

  #finish(): RuleData | undefined {
    if (this.#watch !== undefined) this.#finishWatch(this.#watch);
    else if (this.#permissions !== undefined) {
      this.#add("perm", {
        field: FIELDS["perm"]?.number ?? 0,
        operator: EQUAL,
        value: permissionsOf(this.#permissions),
      });
    }
    if (this.#list === "") throw new Error("a rule begins with -a, -A or -w");
    this.notes.push(...checkList(this.#list, this.#names, this.#syscalls.length > 0));
    checkFields(this.#fields);
    const mask = this.#mask();
    if (mask === undefined) {
      this.notes.push("nothing is left of this line: it makes no rule");
      return undefined;
    }
    if (this.#keys.length > 0) {
      this.#fields.push({ field: FIELDS["key"]?.number ?? 0, operator: EQUAL, value: this.#keys.join(KEY_SEPARATOR) });
    }
    return {
      list: LISTS[this.#list] ?? 0,
      action: ACTIONS[this.#action] ?? 0,
      prepend: this.#prepend,
      mask,
      fields: this.#fields,
    };
  }

  #finishWatch(watch: string): void {
    if (this.#list !== "") throw new Error("-w and -a do not go together; use -F path= or -F dir=");
    if (this.#syscalls.length > 0) throw new Error("-w watches every system call; -S is not possible");
    const path = watch.length > 1 ? watch.replace(/\/+$/, "") : watch;
    const isFolder = watch.endsWith("/") || this.#host.isDirectory(path);
    this.#list = "exit";
    this.#action = "always";
    const place = FIELDS[isFolder ? "dir" : "path"]?.number ?? 0;
    this.#fields.unshift(
      { field: place, operator: EQUAL, value: textOf(isFolder ? "dir" : "path", path) },
      { field: FIELDS["perm"]?.number ?? 0, operator: EQUAL, value: permissionsOf(this.#permissions ?? "rwxa") },
    );
  }

  /** The system calls as bits; undefined where this architecture has none of them. */
  #mask(): Uint32Array | undefined {
    const mask = new Uint32Array(MASK_WORDS);
    if (this.#syscalls.length === 0 || this.#syscalls.includes("all")) {
      mask.fill(0xffffffff);
      return mask;
    }
    const arch = this.#arch ?? this.#host.arch;
    if (this.#arch === undefined && this.#list === "exit") {
      this.notes.push("-S without -F arch= means the native architecture; programs of 32 bits are not seen");
    }
    if (this.#isOtherArch)
      this.notes.push(
        `-S names the system calls of ${arch}, and -F arch!= others, where their numbers mean other calls`,
      );
    let some = false;
    for (const name of this.#syscalls) {
      const number = this.#list === "io_uring" ? operationOf(name) : this.#syscall(name, arch);
      if (number === undefined) continue;
      some = true;
      const word = number >>> 5;
      mask[word] = ((mask[word] ?? 0) | (1 << (number & 31))) >>> 0;
    }
    return some ? mask : undefined;
  }

  #syscall(name: string, arch: ArchName): number | undefined {
    const number = integerOf(name) ?? syscallNumber(arch, name);
    if (number !== undefined) return bitOf(name, number);
    if (!ALL_ARCHES.some((each) => syscallNumber(each, name) !== undefined)) {
      throw new Error(`there is no system call "${name}"`);
    }
    this.notes.push(`${arch} has no system call "${name}": it is left out`);
    return undefined;
  }
}

/** The number of an io_uring operation, which is none of a system call. */
function operationOf(name: string): number {
  const number = integerOf(name) ?? URING_OPERATION.number(name.toLowerCase().replace(/^ioring_op_/, ""));
  if (number !== undefined) return bitOf(name, number);
  const known = Array.from(URING_OPERATION.entries(), ([, each]) => each);
  throw new Error(`io_uring has no operation "${name}"; known are ${known.join(", ")}, and numbers`);
}

/** A rule's last bits stand for classes of system calls. */
function bitOf(name: string, number: number): number {
  if (number < 0 || number >= MASK_WORDS * 32 - 16) throw new Error(`-S ${name} is beyond what a rule can name`);
  return number;
}
