/**
 * Audit rules from auditctl's syntax to the kernel's.
 *
 * Pure: names of users and what is a folder are asked of the caller. A line that cannot be compiled costs this line and
 * is named; lines that are commands to auditctl (`-D`, `-b`, `-e` …) are left out with a note, since rules are applied
 * by difference and settings stand in the agent's configuration.
 */
import { ADDRESS_FAMILY, ARCH, type ArchName, ERRNO, recordTypeNumber, syscallNumber } from "@hosttrail/lib/audit";
import { encodeRule, FIELD_MAX, identityOf, MASK_WORDS, type RuleData, type RuleField } from "./data.ts";
import {
  ACTIONS,
  comparison,
  FIELD_COMPARE,
  FIELDS,
  FILE_SYSTEMS,
  FILE_TYPES,
  LISTS,
  OPERATORS,
  PERMISSIONS,
} from "./fields.ts";

const TEXT_BYTES_MAX = 4096;
const KEY_BYTES_MAX = 256;
const RULES_MAX = 4096;
const EQUAL = 0x40000000;
const UNSET = 0xffffffff;
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
        this.#watch = value;
        break;
      case "-p":
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
    if (spec.operators !== undefined && !spec.operators.includes(sign)) {
      throw new Error(`${name}${sign} is not possible; allowed are ${spec.operators.join(" and ")}`);
    }
    if (name === "key") {
      this.#key(value);
      return;
    }
    if (name === "arch") this.#arch = archOf(value, this.#host.arch);
    const operator = OPERATORS.find(([each]) => each === sign)?.[1] ?? EQUAL;
    this.#add(name, { field: spec.number, operator, value: this.#value(name, value) });
  }

  #add(name: string, field: RuleField): void {
    this.#names.add(name);
    this.#fields.push(field);
    if (this.#fields.length > FIELD_MAX - 1) throw new Error(`more than ${FIELD_MAX - 1} fields`);
  }

  #value(name: string, value: string): number | string {
    switch (FIELDS[name]?.kind) {
      case "text":
        return textOf(name, value);
      case "arch":
        return ARCH[(this.#arch === "x32" ? "x86_64" : this.#arch) ?? "x86_64"];
      case "uid":
        return idOf(name, value, (user) => this.#host.userId(user));
      case "gid":
        return idOf(name, value, (group) => this.#host.groupId(group));
      case "exit":
        return exitOf(value);
      case "success":
        return choiceOf(name, value, { yes: 1, no: 0, "1": 1, "0": 0 });
      case "perm":
        return permissionsOf(value);
      case "filetype":
        return choiceOf(name, value, FILE_TYPES);
      case "msgtype":
        return /^\d+$/.test(value) ? numberOf(name, value) : typeOf(value);
      case "session":
        return value === "unset" || value === "-1" ? UNSET : numberOf(name, value);
      case "family":
        return /^\d+$/.test(value) ? numberOf(name, value) : familyOf(value);
      case "filesystem":
        return Object.hasOwn(FILE_SYSTEMS, value) ? (FILE_SYSTEMS[value] ?? 0) : numberOf(name, value);
      default:
        return numberOf(name, value);
    }
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
    if (Buffer.byteLength(value) > KEY_BYTES_MAX) throw new Error(`a key has at most ${KEY_BYTES_MAX} bytes`);
    this.#keys.push(value);
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
    this.#checkList();
    const mask = this.#mask();
    if (mask === undefined) return undefined;
    // Several keys stand in one field, divided by 0x01.
    if (this.#keys.length > 0) {
      this.#fields.push({ field: FIELDS["key"]?.number ?? 0, operator: EQUAL, value: this.#keys.join("\u0001") });
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
      { field: place, operator: EQUAL, value: textOf("path", path) },
      { field: FIELDS["perm"]?.number ?? 0, operator: EQUAL, value: permissionsOf(this.#permissions ?? "rwxa") },
    );
  }

  /** What the kernel would refuse with EINVAL alone. */
  #checkList(): void {
    const list = this.#list;
    const has = (name: string): boolean => this.#names.has(name);
    if (list !== "exit" && list !== "io_uring" && this.#syscalls.length > 0) {
      throw new Error(`list ${list} knows no system calls; -S belongs to exit and io_uring`);
    }
    if (list !== "exit" && list !== "io_uring" && this.#names.has("perm"))
      throw new Error("perm belongs to the list exit");
    if (has("msgtype") && list !== "exclude" && list !== "user")
      throw new Error("msgtype belongs to the lists exclude and user");
    if (has("fstype") && list !== "filesystem") throw new Error("fstype belongs to the list filesystem");
    if ((has("exit") || has("success")) && list !== "exit" && list !== "io_uring") {
      throw new Error("exit and success belong to the lists exit and io_uring");
    }
    if (list === "exclude" && this.#keys.length > 0) throw new Error("the list exclude knows no keys");
    if (this.#action === "never" && this.#keys.length > 0) throw new Error("a rule that never logs needs no key");
    if (this.#fields.filter(({ field }) => field === 105 || field === 107).length > 1) {
      throw new Error("one rule watches one path or dir");
    }
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
    let some = false;
    for (const name of this.#syscalls) {
      const number = this.#list === "io_uring" ? undefined : this.#syscall(name, arch);
      if (number === undefined) continue;
      some = true;
      const word = number >>> 5;
      mask[word] = ((mask[word] ?? 0) | (1 << (number & 31))) >>> 0;
    }
    return some ? mask : undefined;
  }

  #syscall(name: string, arch: ArchName): number | undefined {
    const number = /^\d{1,4}$/.test(name) ? Number(name) : syscallNumber(arch, name);
    if (number !== undefined) {
      if (number >= MASK_WORDS * 32 - 16) throw new Error(`system call ${number} is beyond what a rule can name`);
      return number;
    }
    if (!ALL_ARCHES.some((each) => syscallNumber(each, name) !== undefined)) {
      throw new Error(`there is no system call "${name}"`);
    }
    this.notes.push(`${arch} has no system call "${name}": it is left out`);
    return undefined;
  }
}

function textOf(name: string, value: string): string {
  const bytes = Buffer.byteLength(value);
  if (bytes === 0 || bytes > TEXT_BYTES_MAX) throw new Error(`the value of ${name} has 1 to ${TEXT_BYTES_MAX} bytes`);
  if (["path", "dir", "exe"].includes(name) && !value.startsWith("/"))
    throw new Error(`${name} "${value}" must be absolute`);
  return value;
}

function numberOf(name: string, value: string): number {
  if (!/^(?:-?\d{1,10}|0x[0-9a-fA-F]{1,8})$/.test(value)) throw new Error(`"${value}" is no number for ${name}`);
  const number = Number(value);
  if (number > UNSET || number < -0x80000000) throw new Error(`${value} is too large for ${name}`);
  return number >>> 0;
}

function idOf(name: string, value: string, find: (name: string) => number | undefined): number {
  if (value === "unset" || value === "-1") return UNSET;
  if (/^\d+$/.test(value)) return numberOf(name, value);
  const id = find(value);
  if (id === undefined)
    throw new Error(`this host has no ${name.endsWith("gid") ? "group" : "user"} "${value}" (${name})`);
  return id;
}

function exitOf(value: string): number {
  const match = /^(-?)(E[A-Z0-9]+)$/.exec(value);
  if (match === null) return numberOf("exit", value);
  const number = ERRNO.number(match[2] ?? "");
  if (number === undefined) throw new Error(`"${value}" is no error's name for exit`);
  return (match[1] === "-" ? -number : number) >>> 0;
}

function permissionsOf(value: string): number {
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

function archOf(value: string, native: ArchName): ArchName {
  const narrow = native === "x86_64" ? "i386" : "arm";
  if (value === "b64" || value === native) return native;
  if (value === "b32" || value === narrow || (native === "x86_64" && /^i[456]86$/.test(value))) return narrow;
  if (/^0x[0-9a-f]{1,8}$/i.test(value)) {
    const found = ([native, narrow] as const).find((name) => ARCH[name as keyof typeof ARCH] === Number(value));
    if (found !== undefined) return found;
  }
  throw new Error(`arch "${value}"; on ${native} allowed are b64, b32, ${native} and ${narrow}`);
}
