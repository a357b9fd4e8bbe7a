/** Compares what we and ausearch make of the same events. */
import { readFileSync } from "node:fs";
import { decode } from "@hosttrail/agent/decode";
import type { RecordGroup } from "@hosttrail/agent/model";
import {
  ERRNO,
  type FieldContext,
  interpretField,
  messageWords,
  nameSyscall,
  RECORD,
  type RecordWords,
  recordTypeName,
  splitWords,
  valueOf,
} from "@hosttrail/lib/audit";
import { ACTIONS, ARGUMENTS_NAMED_BY_AUSEARCH, FIELDS, NO_ACTION, PROGRAMS, RESULTS } from "./accepted.ts";
import { type CsvEvent, type InterpretedRecord, valuesOf } from "./ausearch.ts";

const EXAMPLES_MAX = 3;

/** Facts compared, differences that are accepted (by their reason), and those that are not. */
export class Comparison {
  compared = 0;
  readonly accepted: Map<string, number> = new Map();
  readonly differences: Map<string, string[]> = new Map();
  differing = 0;

  equal(what: string, ours: unknown, theirs: unknown, where: string): void {
    this.compared++;
    if (ours !== theirs) this.differ(what, `${where}: ours ${JSON.stringify(ours)}, theirs ${JSON.stringify(theirs)}`);
  }

  differ(what: string, example: string): void {
    this.differing++;
    const examples = this.differences.get(what) ?? [];
    if (examples.length < EXAMPLES_MAX) examples.push(example);
    this.differences.set(what, examples);
  }

  accept(name: string): void {
    this.compared++;
    this.accepted.set(name, (this.accepted.get(name) ?? 0) + 1);
  }
}

function namesIn(file: string): Map<string, string> {
  const lines = readFileSync(file, "utf8").split("\n");
  return new Map(lines.map((line) => [line.split(":")[2] ?? "", line.split(":")[0] ?? ""]));
}
const users = namesIn("/etc/passwd");
const groups = namesIn("/etc/group");

function contextOf(words: readonly RecordWords[]): FieldContext {
  const system = words.find(({ type }) => type === RECORD.SYSCALL);
  if (system === undefined) return { archName: "", call: "", success: "" };
  const arch = Number.parseInt(valueOf(system, "arch") ?? "0", 16);
  const { archName, name } = nameSyscall(arch, Number(valueOf(system, "syscall")));
  return { archName, call: name, success: valueOf(system, "success") ?? "" };
}

/** `ausearch -i`: every field of every record. */
export function compareInterpreted(to: Comparison, group: RecordGroup, theirs: readonly InterpretedRecord[]): void {
  const words = group.records.map(({ type, text }) => splitWords(type, text));
  const context = contextOf(words);
  const ours = words.filter(({ type }) => type !== RECORD.EOE);
  const others = theirs.filter(({ type }) => type !== "EOE");
  to.equal("number of records", ours.length, others.length, String(group.serial));
  for (const [index, record] of ours.entries()) {
    const other = others[index];
    if (other === undefined) return;
    to.equal("record type", recordTypeName(record.type), other.type, String(group.serial));
    compareFields(to, record, other.text, context, `${group.serial} ${other.type}`);
  }
}

function compareFields(to: Comparison, record: RecordWords, text: string, context: FieldContext, where: string): void {
  const values = valuesOf(
    text,
    record.keys.filter((key) => key !== ""),
  );
  for (const [at, key] of record.keys.entries()) {
    if (key === "") continue;
    const raw = record.values[at] ?? "";
    const theirs = utf8(values.get(key) ?? "");
    const message = key === "msg" ? messageWords(record) : undefined;
    // What user space wrote is compared field by field as well.
    if (message !== undefined) compareFields(to, message, theirs.replace(/^'|'$/g, ""), context, where);
    else compareField(to, record.type, key, raw, theirs, context, where);
  }
}

function utf8(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
}

function compareField(
  to: Comparison,
  type: number,
  key: string,
  raw: string,
  theirs: string,
  context: FieldContext,
  where: string,
): void {
  const ours = named(key, interpretField(type, key, raw, context));
  if (ours === theirs) {
    to.compared++;
    return;
  }
  const accepted = acceptedField(type, key, raw, ours, theirs, context);
  if (accepted !== undefined) to.accept(accepted);
  else
    to.differ(
      `${recordTypeName(type)}.${key}${/^a\d$/.test(key) ? ` of ${context.call}` : ""}`,
      `${where} ${raw}: ours ${JSON.stringify(ours)}, theirs ${JSON.stringify(theirs)}`,
    );
}

/** Ids as the names of this host's accounts, as ausearch shows them. */
function named(key: string, value: string): string {
  if (key.endsWith("uid")) return users.get(value) ?? value;
  if (key.endsWith("gid")) return groups.get(value) ?? value;
  return value;
}

function acceptedField(
  type: number,
  key: string,
  raw: string,
  ours: string,
  theirs: string,
  { call }: FieldContext,
): string | undefined {
  const typed = `${recordTypeName(type)}.${key}`;
  if (key === "exit" && theirs.startsWith(`${ours}(`)) return "exit";
  if (key === "key" && ours.split(",").join(" key=") === theirs) return "key";
  if (key === "id" && (theirs === `unknown(${ours})` || users.get(ours) === theirs)) return "id";
  if (key === "proctitle" && ours.replaceAll("\0", " ").trim() === theirs.trim()) return "proctitle";
  if (key === "saddr" && sameAddress(ours, theirs)) return "saddr";
  if (Object.hasOwn(FIELDS, typed)) return typed;
  if (type !== RECORD.SYSCALL || !/^a\d$/.test(key)) return undefined;
  const number = `0x${raw}`;
  // The same number: one of both has a name for it.
  if (theirs === number) return "argument that only we name";
  if (ours === number && Object.hasOwn(ARGUMENTS_NAMED_BY_AUSEARCH, `${call}.${key}`)) return `${call}.${key}`;
  if (users.get(ours) === theirs || groups.get(ours) === theirs) return "id of an argument";
  return sameMode(ours, theirs) ? "mode of an argument" : undefined;
}

/** `suid,0755` and `04755`, `0000` and `00`. */
function sameMode(ours: string, theirs: string): boolean {
  const [special, digits = special] = theirs.split(",");
  const bits = { suid: 0o4000, sgid: 0o2000, sticky: 0o1000 }[special ?? ""] ?? 0;
  return /^0[0-7]+$/.test(digits ?? "") && Number.parseInt(ours, 8) === (Number.parseInt(digits ?? "", 8) | bits);
}

/** `inet 127.0.0.1:9` and `{ saddr_fam=inet laddr=127.0.0.1 lport=9 }`. */
function sameAddress(ours: string, theirs: string): boolean {
  const field = (name: string): string => new RegExp(`${name}=(.*?) (?:[\\w-]+=|\\})`).exec(theirs)?.[1] ?? "";
  // Behind the family ausearch may complain: "local sockaddr len too short".
  const [family] = field("saddr_fam").split(" ");
  switch (family) {
    case "inet":
      return ours === `inet ${field("laddr")}:${field("lport")}`;
    case "inet6":
      return (
        ours === `inet6 [${field("laddr")}]:${field("lport")}` ||
        ours === `inet6 ${field("laddr").replace("::ffff:", "")}:${field("lport")}`
      );
    case "local":
      return (
        ours === (field("path") === "" ? "unix" : `unix ${field("path").replace(/^\0/, "@")}`) ||
        ours.startsWith("unix @")
      );
    case "netlink":
      return ours === `netlink pid ${field("nlnk-pid")}`;
    default:
      // ausearch does not take these apart.
      return theirs.includes("unsupported") && theirs.includes(`saddr_fam=${ours.split(" ")[0]} `);
  }
}

/** `ausearch --format csv`: what happened, did it work, with which program, and to what. */
export function compareMeaning(to: Comparison, group: RecordGroup, theirs: CsvEvent): void {
  const { event } = decode(group);
  const where = `${group.serial} ${theirs.event}`;
  const action = event.event?.action ?? "";
  if (action === theirs.action) to.compared++;
  else if (theirs.action === NO_ACTION) to.accept(NO_ACTION);
  else if (group.records.some(({ text }) => text.includes(`op=${theirs.action} `))) to.accept("op");
  else if (ACTIONS[action]?.includes(theirs.action) === true) to.accept(action);
  else to.differ(`action of ${theirs.event}`, `${where}: ours ${action}, theirs ${theirs.action}`);

  const outcome = { success: "success", failed: "failure", "": "unknown" }[theirs.result] ?? theirs.result;
  const { syscall } = event.audit ?? {};
  if (event.event?.outcome === outcome) to.compared++;
  else if (syscall?.exit === BigInt(-(ERRNO.number("EINPROGRESS") ?? 0))) to.accept("EINPROGRESS");
  else if (theirs.event === "CONFIG_CHANGE" && theirs.result === "") to.accept("CONFIG_CHANGE");
  else to.differ(`result of ${theirs.event}`, `${where}: ours ${event.event?.outcome}, theirs ${theirs.result}`);

  const executable = event.process?.executable ?? "";
  if (executable === theirs.how) to.compared++;
  else if (theirs.how === event.process?.name || (action === "executed" && !theirs.how.includes("/")))
    to.accept("script");
  else if (executable === "" && group.records[0]?.text.includes("msg='") === true) to.accept("message");
  else if (theirs.how === syscall?.name) to.accept("identity");
  else to.differ(`program of ${theirs.event}`, `${where}: ours ${executable}, theirs ${theirs.how}`);
}

/** The list of accepted differences with how often each was met. */
export function acceptedReasons(to: Comparison): string[] {
  const reasons: Readonly<Record<string, string>> = {
    ...FIELDS,
    ...ARGUMENTS_NAMED_BY_AUSEARCH,
    ...RESULTS,
    ...PROGRAMS,
  };
  return [...to.accepted]
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} × ${name}: ${reasons[name] ?? "named by one of both"}`);
}
