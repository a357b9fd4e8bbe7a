/** An event's records to an event in ECS terms: pure, bytes in and values out. */
import {
  decodeSocketAddress,
  flagsForWriting,
  opensForWriting,
  RECORD,
  type RecordWords,
  recordOf,
  splitWords,
  unquote,
  valueOf,
} from "@hosttrail/lib/audit";
import type { Endpoint, Event, Syscall } from "@hosttrail/proto/event";
import { type RawRecord, type RecordGroup, textOf } from "../model/index.ts";
import { RecordCache, wordsOf } from "./cache.ts";
import { basesIn } from "./directories.ts";
import { enrichedNames } from "./enriched.ts";
import { decodeArguments } from "./execve.ts";
import { decodeFiles } from "./files.ts";
import { meaningOf } from "./meaning.ts";
import { localOf, messageOf, remoteOf, sideOf } from "./message.ts";
import { outcomeOf } from "./outcome.ts";
import { decisionOf } from "./policy.ts";
import { actorOf, decodeProcess, decodeTargets } from "./process.ts";
import { decodeSyscall, effectiveCall, isExec } from "./syscall.ts";
import { decodeUser } from "./user.ts";
import { octal, ruleKeys } from "./values.ts";

export { allMeanings } from "./meaning.ts";
export { meansTheSame } from "./syscall.ts";

/** An event and its records' words: what the event does not hold itself is kept from them later. */
export interface DecodedEvent {
  event: Event;
  words: RecordWords[];
  /** True where the event is a successful execve or execveat: the process is a new program now. */
  executed: boolean;
}

/**
 * Replaces secrets in the records, in place; is given the arguments of EXECVE and gives back what is left of them. It comes
 * before everything else, so that no secret can be in any part of the event.
 */
export type RedactRecords = (records: readonly RecordWords[], args: readonly string[]) => readonly string[];

/** Decodes events, and remembers what it made of texts that come again and again. */
export class Decoder {
  readonly #redact: RedactRecords | undefined;
  readonly #known = new RecordCache();

  constructor(redact?: RedactRecords) {
    this.#redact = redact;
  }

  /** Decodes one event. Never throws on what a record holds: what is not understood stays in its record. */
  decode(group: RecordGroup): DecodedEvent {
    const { records } = group;
    const words = new Array<RecordWords>(records.length);
    for (let at = 0; at < records.length; at++) words[at] = this.#known.words(records[at] as RawRecord);
    return decodeWords(group, words, this.#redact);
  }

  /** Forgets all texts, to give memory back. */
  shrink(): void {
    this.#known.clear();
  }
}

/** Decodes one event and remembers nothing. */
export function decode(group: RecordGroup, redact?: RedactRecords): DecodedEvent {
  return decodeWords(group, group.records.map(wordsOf), redact);
}

function decodeWords(group: RecordGroup, words: RecordWords[], redact: RedactRecords | undefined): DecodedEvent {
  const given = decodeArguments(words);
  const args = redact === undefined ? given.args : (redact(words, given.args) as string[]);
  const system = recordOf(words, RECORD.SYSCALL);
  const syscall = system === undefined ? undefined : decodeSyscall(system);
  const call = effectiveCall(syscall, words);
  // The kernel's own fields of another record tell who acted where there is no SYSCALL record.
  const actor = system ?? words.find(({ keys }) => keys.includes("pid")) ?? words[0];
  const known = actorOf(system);
  const process = actor === undefined ? undefined : decodeProcess(actor, known, { args, count: given.count }, words);
  const files = decodeFiles(words, {
    workingDirectory: process?.workingDirectory ?? "",
    bases: basesIn(call, syscall, words),
  });
  const socket = recordOf(words, RECORD.SOCKADDR);
  const endpoint = socket && endpointOf(socket);
  const isSource = SOURCE_CALLS.has(call);
  const message = actor === undefined || known !== undefined ? undefined : messageOf(actor);
  const decision = decisionOf(words);
  // Its SOCKADDR, where there is one, is that of the netlink socket which was asked for the change.
  const security = recordOf(words, RECORD.MAC_IPSEC_EVENT);
  const source = security && sideOf(security, "src");
  const destination = security && sideOf(security, "dst");
  const change = recordOf(words, RECORD.CONFIG_CHANGE) ?? security;
  const { action, category, type } = meaningOf({
    records: words,
    call,
    nametype: files[0]?.nametype ?? "",
    operation: operationOf(change),
    decision,
    writes: writesTo(call, syscall, words),
  });
  const event: Event = {
    id: "",
    event: {
      timeUnixNano: BigInt(group.seconds * 1000 + group.milliseconds) * 1_000_000n,
      kind: "event",
      category,
      type,
      action,
      outcome: outcomeOf(decision, change, syscall, actor, message),
      sequence: 0n,
    },
    host: undefined,
    process,
    user: actor === undefined ? undefined : known === undefined ? decodeUser(actor, message) : known.user,
    files,
    source: source ?? (isSource ? endpoint : remoteOf(message)),
    destination: destination ?? (isSource ? undefined : (endpoint ?? localOf(message))),
    container: undefined,
    cloud: undefined,
    audit: {
      serial: group.serial,
      node: group.node,
      partial: group.partial === "" && given.isCut === true ? "arguments" : group.partial,
      syscall,
      keys: known?.keys ?? decodeKeys(actor),
      records: [],
      redacted: 0,
    },
    targets: decodeTargets(words),
  };
  if (group.records.some(({ enriched }) => enriched !== "")) enrichedNames(event, words);
  return { event, words, executed: isExec(syscall) };
}

/** The keys of an event before it is decoded: all that is needed to know how important it is. */
export function keysOf(group: RecordGroup): string[] {
  for (const record of group.records) {
    const { type } = record;
    if (type !== RECORD.SYSCALL) continue;
    const text = textOf(record);
    return decodeKeys(splitWords(type, text.slice(text.lastIndexOf(" key=") + 1)));
  }
  return [];
}

function endpointOf(socket: RecordWords): Endpoint | undefined {
  const { memo } = socket;
  const decoded = (): Endpoint | undefined => decodeSocketAddress(valueOf(socket, "saddr") ?? "");
  if (memo === undefined) return decoded();
  if (!("endpoint" in memo)) memo.endpoint = decoded();
  return memo.endpoint;
}

/** True where a file was opened for writing; undefined where nothing tells. */
function writesTo(call: string, syscall: Syscall | undefined, words: readonly RecordWords[]): boolean | undefined {
  if (syscall === undefined) return undefined;
  // Its flags are not among the arguments of the call.
  const how = call === "openat2" ? recordOf(words, RECORD.OPENAT2) : undefined;
  if (how !== undefined) return flagsForWriting(octal(valueOf(how, "oflag")), syscall.archName);
  return opensForWriting(call, syscall.arguments, syscall.archName);
}

/** `op` of what changes audit itself or IPsec. Older kernels write `op="add rule"`, and still older ones that without quotes. */
function operationOf(change: RecordWords | undefined): string {
  if (change === undefined) return "";
  const { keys, values } = change;
  const at = keys.indexOf("op");
  const operation = values[at] ?? "";
  if (operation.startsWith('"')) return unquote(operation).replaceAll(" ", "_");
  const isCut = keys[at + 1] === "" && values[at + 1] === "rule";
  return isCut ? `${operation}_rule` : operation;
}

/** Calls whose SOCKADDR names this side, or who called. */
const SOURCE_CALLS = new Set(["bind", "accept", "accept4", "recvfrom", "recvmsg", "getsockname", "getpeername"]);

/** The keys of the rules that matched. A CONFIG_CHANGE has the key of the rule that it is about, which did not match. */
function decodeKeys(actor: RecordWords | undefined): string[] {
  const isCall = actor?.type === RECORD.SYSCALL || actor?.type === RECORD.URINGOP;
  return isCall ? ruleKeys(valueOf(actor, "key")) : NO_KEYS;
}

const NO_KEYS: string[] = [];
