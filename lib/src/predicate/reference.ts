/**
 * Filters held against whole events, one after the other: slow, and simple enough to be seen to be right. Tests hold `compileFilter` against
 * it. A filter is a model here, which is written as text for the one and asked as it is by the other, so that they have no parser in common.
 */
import type { Event, Process, ProcessReference } from "@hosttrail/proto/event";
import { canonicalAddress, readRecord } from "../audit/index.ts";

export type Comparator = "<" | "<=" | ">" | ">=" | "!=" | "=" | ":";

export type Model =
  | { kind: "and" | "or" | "sequence"; parts: readonly Model[] }
  | { kind: "not"; part: Model; isDash: boolean }
  | { kind: "compare"; field: string; comparator: Comparator; value: readonly string[]; isQuoted: boolean }
  | { kind: "call"; name: string; field: string; value: string; isMethod: boolean }
  | { kind: "word"; word: string };

type Values = readonly (string | bigint)[];

interface ReferenceField {
  /** What its values are: texts whose parts can be asked for, texts that are asked for whole, numbers, or one of them that may be unset. */
  kind: "text" | "item" | "number" | "id" | "word" | "time" | "address";
  values: (event: Event) => Values;
}

const UNSET = 0xffff_ffffn;

function one<Row>(row: Row | undefined, value: (row: Row) => string | number | bigint | undefined): Values {
  const own = row === undefined ? undefined : value(row);
  return own === undefined ? [] : [typeof own === "number" ? BigInt(own) : own];
}

function commandLine({ args }: Process): string {
  return args.join(" ");
}

const leader = ({ process }: Event): ProcessReference | undefined => process?.sessionLeader;
const hasRecord = (event: Event, type: number): boolean =>
  event.audit?.records.some((record) => record.type === type) ?? false;

function argumentOf(index: number): ReferenceField {
  return {
    kind: "text",
    values: (event) =>
      hasRecord(event, 1300) ? one(event.audit?.syscall?.arguments[index], (value) => value.toString(16)) : [],
  };
}

const text = (values: (event: Event) => Values): ReferenceField => ({ kind: "text", values });
const item = (values: (event: Event) => Values): ReferenceField => ({ kind: "item", values });
const number = (values: (event: Event) => Values): ReferenceField => ({ kind: "number", values });

export const REFERENCE_FIELDS: ReadonlyMap<string, ReferenceField> = new Map([
  ["event.action", text((event) => one(event.event, ({ action }) => action))],
  ["event.category", { kind: "word", values: (event) => event.event?.category ?? [] }],
  ["event.outcome", { kind: "word", values: (event) => one(event.event, ({ outcome }) => outcome) }],
  ["event.time", { kind: "time", values: (event) => one(event.event, ({ timeUnixNano }) => timeUnixNano) }],
  ["event.sequence", number((event) => [BigInt(`0x${event.id.slice(-16)}`)])],
  ["host.name", text((event) => one(event.host, ({ name }) => name))],
  [
    "host.labels.env",
    text((event) => event.host?.labels.flatMap(({ key, value }) => (key === "env" ? [value] : [])) ?? []),
  ],
  ["process.pid", number((event) => one(event.process, ({ pid }) => pid))],
  [
    "process.start",
    { kind: "time", values: (event) => one(event.process, ({ startUnixNano }) => startUnixNano || undefined) },
  ],
  ["process.name", text((event) => one(event.process, ({ name }) => name))],
  ["process.executable", text((event) => one(event.process, ({ executable }) => executable))],
  ["process.args", item((event) => event.process?.args ?? [])],
  ["process.args_count", number((event) => one(event.process, ({ argsCount }) => argsCount))],
  ["process.command_line", text((event) => one(event.process, commandLine))],
  ["process.title", text((event) => one(event.process, (row) => row.title || commandLine(row)))],
  ["process.working_directory", text((event) => one(event.process, ({ workingDirectory }) => workingDirectory))],
  ["process.parent.pid", number((event) => one(event.process?.parent, ({ pid }) => pid))],
  ["process.parent.name", text((event) => one(event.process?.parent, ({ name }) => name))],
  ["process.parent.command_line", text((event) => one(event.process?.parent, commandLine))],
  ["process.session_leader.pid", number((event) => one(leader(event), ({ pid }) => pid))],
  ["process.session_leader.executable", text((event) => one(leader(event), ({ executable }) => executable))],
  ["process.ancestry.executable", item((event) => event.process?.ancestry.map(({ executable }) => executable) ?? [])],
  ["target.process.pid", number((event) => event.targets.map(({ pid }) => BigInt(pid)))],
  ["target.process.name", text((event) => event.targets.map(({ name }) => name))],
  ["user.id", { kind: "id", values: (event) => one(event.user, ({ id }) => id) }],
  ["user.audit.id", { kind: "id", values: (event) => one(event.user, ({ auditId }) => auditId) }],
  ["user.name", text((event) => one(event.user, ({ name }) => name))],
  ["user.audit.name", text((event) => one(event.user, ({ auditName }) => auditName))],
  ["group.name", text((event) => one(event.user?.group, ({ name }) => name))],
  ["file.path", text((event) => event.files.map(({ path }) => path))],
  ["file.name", text((event) => event.files.map(({ path }) => path.split("/").at(-1) ?? ""))],
  ["file.inode", number((event) => event.files.flatMap((file) => (file.hasAttributes ? [file.inode] : [])))],
  [
    "destination.address",
    {
      kind: "address",
      values: (event) => one(event.destination, ({ address }) => canonicalAddress(address) ?? address),
    },
  ],
  ["destination.port", number((event) => one(event.destination, ({ ip, port }) => (ip === "" ? undefined : port)))],
  ["destination.path", text((event) => one(event.destination, ({ path }) => path))],
  ["container.systemd_unit", text((event) => one(event.container, ({ systemdUnit }) => systemdUnit))],
  ["audit.key", item((event) => event.audit?.keys ?? [])],
  ["audit.serial", number((event) => [BigInt(event.audit?.serial ?? 0)])],
  ["audit.exit", number((event) => [event.audit?.syscall?.exit ?? 0n])],
  ["audit.cmd", text((event) => event.audit?.records.flatMap((record) => readRecord(record).get("cmd") ?? []) ?? [])],
  ["audit.SYSCALL.a0", argumentOf(0)],
  ["audit.SYSCALL.a1", argumentOf(1)],
  [
    "audit.SYSCALL.comm",
    text((event) => (hasRecord(event, 1300) ? one(event.process, ({ name }) => name || undefined) : [])),
  ],
  ["audit.EXECVE.a1", text((event) => (hasRecord(event, 1309) ? one(event.process?.args[1], (value) => value) : []))],
  [
    "audit.CWD.cwd",
    text((event) =>
      hasRecord(event, 1307) ? one(event.process, ({ workingDirectory }) => workingDirectory || undefined) : [],
    ),
  ],
]);

/** Whether the event is what the filter means. */
export function holds(model: Model, event: Event): boolean {
  switch (model.kind) {
    case "and":
    case "sequence":
      return model.parts.every((part) => holds(part, event));
    case "or":
      return model.parts.some((part) => holds(part, event));
    case "not":
      return !holds(model.part, event);
    case "word":
      return textsOf(event).some((each) => each.includes(model.word));
    case "call":
      return fieldOf(model.field)
        .values(event)
        .some((value) => calls(model.name, String(value), model.value));
    default:
      return compares(model, event);
  }
}

function fieldOf(name: string): ReferenceField {
  const field = REFERENCE_FIELDS.get(name);
  if (field === undefined) throw new Error(`no reference for ${name}`);
  return field;
}

function calls(name: string, value: string, asked: string): boolean {
  switch (name) {
    case "startsWith":
      return value.startsWith(asked);
    case "endsWith":
      return value.endsWith(asked);
    case "equalsIgnoreCase":
      return value.toLowerCase() === asked.toLowerCase();
    case "containsIgnoreCase":
      return value.toLowerCase().includes(asked.toLowerCase());
    default:
      return new RegExp(asked, "u").test(value);
  }
}

function compares({ field: name, comparator, value }: Extract<Model, { kind: "compare" }>, event: Event): boolean {
  const { kind, values } = fieldOf(name);
  const own = values(event);
  const isAny = value.length > 1 && value.join("") === "";
  if (isAny) return own.some((each) => each !== "" && !(kind === "id" && each === UNSET));
  const passes = (each: string | bigint): boolean => {
    if (comparator !== ":" && comparator !== "=" && comparator !== "!=")
      return inOrder(kind, comparator, each, value.join("*"));
    if (typeof each === "bigint")
      return kind === "time" ? each === nanosOf(value.join("")) : equalNumber(kind, each, value.join(""));
    // What is an address by itself asks for that one, and for no other that has it as a part.
    const [only = ""] = value;
    const address = kind === "address" && value.length === 1 ? canonicalAddress(only) : undefined;
    if (address !== undefined) return each === address;
    const isWhole = comparator !== ":" || kind === "item" || (kind === "word" && name === "event.category");
    return isLike(each, isWhole ? value : ["", ...value, ""]);
  };
  return comparator === "!=" ? own.length > 0 && !own.some(passes) : own.some(passes);
}

function equalNumber(kind: string, value: bigint, asked: string): boolean {
  return value === (kind === "id" && (asked === "unset" || asked === "-1") ? UNSET : BigInt(asked));
}

function inOrder(kind: string, comparator: Comparator, value: string | bigint, asked: string): boolean {
  if (kind === "id" && value === UNSET) return false;
  const bound = typeof value === "string" ? asked : kind === "time" ? nanosOf(asked) : BigInt(asked);
  const isBefore = value < bound;
  if (comparator === "<") return isBefore;
  if (comparator === "<=") return isBefore || value === bound;
  return comparator === ">" ? !isBefore && value !== bound : !isBefore;
}

/** Of a time as `timeOf` writes it. */
function nanosOf(time: string): bigint {
  const [, seconds = "", fraction = ""] = /^(.*)\.(\d{9})Z$/.exec(time) ?? [];
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction);
}

export function timeOf(nanos: bigint): string {
  const fraction = ((nanos % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return `${new Date(Number((nanos - fraction) / 1_000_000n)).toISOString().slice(0, 19)}.${String(fraction).padStart(9, "0")}Z`;
}

/** By trying every place of each part. */
function isLike(value: string, [first = "", ...rest]: readonly string[]): boolean {
  if (rest.length === 0) return value === first;
  if (!value.startsWith(first)) return false;
  const left = value.slice(first.length);
  for (let at = 0; at <= left.length; at++) if (isLike(left.slice(at), rest)) return true;
  return false;
}

/** All texts of an event in which words are found. */
function textsOf(event: Event): string[] {
  const { process, user, source, destination, audit } = event;
  const texts = [event.event?.action, event.host?.name, event.container?.systemdUnit];
  if (process !== undefined) {
    texts.push(process.name, process.executable, commandLine(process), process.title, process.workingDirectory);
    texts.push(process.sessionLeader?.name, process.sessionLeader?.executable);
    texts.push(...process.ancestry.map(({ executable }) => executable));
    const { parent } = process;
    if (parent !== undefined) texts.push(parent.name, parent.executable, commandLine(parent));
  }
  for (const { name, executable } of event.targets) texts.push(name, executable);
  texts.push(user?.name, user?.effectiveName, user?.auditName, user?.targetName, user?.group?.name);
  for (const { path, relativeTo } of event.files) texts.push(path, relativeTo);
  for (const end of [source, destination])
    if (end !== undefined) texts.push(canonicalAddress(end.address) ?? end.address, end.domain);
  texts.push(destination?.path);
  for (const record of audit?.records ?? []) for (const words of readRecord(record).values()) texts.push(...words);
  return texts.filter((each) => each !== undefined);
}

/** The filter as text: brackets only where they must be, or where `allBrackets` asks for them. */
export function write(model: Model, allBrackets = false): string {
  const inner = (part: Model, isBound: boolean): string =>
    allBrackets || !isBound ? `(${write(part, allBrackets)})` : write(part, allBrackets);
  switch (model.kind) {
    case "and":
      return model.parts.map((part) => inner(part, part.kind !== "and")).join(" AND ");
    case "sequence":
      return model.parts.map((part) => inner(part, part.kind !== "and" && part.kind !== "sequence")).join(" ");
    case "or":
      return model.parts.map((part) => inner(part, !["and", "or", "sequence"].includes(part.kind))).join(" OR ");
    case "not":
      return `${model.isDash ? "-" : "NOT "}${inner(model.part, !["and", "or", "sequence", "not"].includes(model.part.kind))}`;
    case "word":
      return quote([model.word]);
    case "call": {
      const value = `"${model.value.replaceAll(/[\\"]/g, (sign) => `\\${sign}`)}"`;
      return model.isMethod ? `${model.field}.${model.name}(${value})` : `${model.name}(${model.field}, ${value})`;
    }
    default: {
      const value = model.isQuoted ? quote(model.value) : model.value.join("*");
      return `${model.field}${model.comparator === ":" ? ":" : ` ${model.comparator} `}${value}`;
    }
  }
}

function quote(parts: readonly string[]): string {
  return `"${parts.map((part) => part.replaceAll(/[\\"*]/g, (sign) => `\\${sign}`)).join("*")}"`;
}
