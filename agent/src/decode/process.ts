/** Which process acted, and which ones it was aimed at. */
import {
  type Actor,
  lastValueOf,
  RECORD,
  type RecordWords,
  recordOf,
  titleOfArguments,
  unquote,
  valueOf,
} from "@hosttrail/lib/audit";
import { Process } from "@hosttrail/proto/event";
import { intern } from "./intern.ts";
import { decodeUser } from "./user.ts";
import { ruleKeys, u32, unquoteName } from "./values.ts";

const UNSET = 0xffffffff;

/** What a SYSCALL record's last words say, where they are remembered. */
export function actorOf(record: RecordWords | undefined): Actor | undefined {
  const words = record?.actor;
  if (words?.memo === undefined) return undefined;
  words.memo.actor ??= decodeActor(words);
  return words.memo.actor;
}

function decodeActor(words: RecordWords): Actor {
  return {
    user: decodeUser(words, undefined),
    name: unquoteName(valueOf(words, "comm")),
    executable: intern(unquoteName(valueOf(words, "exe"))),
    tty: valueOf(words, "tty") ?? "",
    sessionId: u32(valueOf(words, "ses"), UNSET),
    keys: ruleKeys(valueOf(words, "key")),
  };
}

export function decodeProcess(
  actor: RecordWords,
  known: Actor | undefined,
  { args, count }: { args: string[]; count: number },
  words: readonly RecordWords[],
): Process | undefined {
  const { call } = actor;
  const pid = call?.pid ?? pidOf(valueOf(actor, "pid"));
  // Without the record that names it, what others tell of the process is kept: pid 0 is that of none.
  if (pid === undefined && count === 0 && args.length === 0 && !tellsOfProcess(actor, words)) return undefined;
  const parentPid = call?.parentPid ?? pidOf(valueOf(actor, "ppid"));
  const directory = recordOf(words, RECORD.CWD);
  const titleRecord = recordOf(words, RECORD.PROCTITLE);
  const title = titleRecord === undefined ? "" : titleOf(titleRecord);
  return {
    entityId: "",
    pid: pid ?? 0,
    name: known?.name ?? unquoteName(valueOf(actor, "comm")),
    executable: known?.executable ?? intern(unquoteName(valueOf(actor, "exe"))),
    args,
    workingDirectory: directory === undefined ? "" : intern(unquoteName(valueOf(directory, "cwd"))),
    title: args.length > 0 && title === titleOfArguments(args) ? "" : title,
    startUnixNano: 0n,
    tty: known?.tty ?? valueOf(actor, "tty") ?? "",
    provenance: "",
    parent: parentPid === undefined ? undefined : parentOf(parentPid),
    ancestry: [],
    sessionId:
      known?.sessionId ?? u32(actor.type === RECORD.LOGIN ? lastValueOf(actor, "ses") : valueOf(actor, "ses"), UNSET),
    argsCount: count,
    sessionLeader: undefined,
    executableSha256: "",
    ancestryCount: 0,
  };
}

function tellsOfProcess(actor: RecordWords, words: readonly RecordWords[]): boolean {
  if (["ses", "comm", "exe"].some((key) => actor.keys.includes(key))) return true;
  return words.some(({ type }) => type === RECORD.CWD || type === RECORD.PROCTITLE);
}

function pidOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : u32(text, 0);
}

/** The one asked for last, which most often is asked for again: nobody writes to it. */
let lastParent = Process.fromPartial({});

function parentOf(pid: number): Process {
  if (lastParent.pid !== pid) lastParent = Process.fromPartial({ pid });
  return lastParent;
}

function titleOf(record: RecordWords): string {
  const { memo } = record;
  const title = memo?.title ?? unquote(valueOf(record, "proctitle") ?? "");
  if (memo !== undefined) memo.title = title;
  return title;
}

const NO_TARGETS: Process[] = [];

/** OBJ_PID: who got the signal or was traced. */
export function decodeTargets(words: readonly RecordWords[]): Process[] {
  let targets = NO_TARGETS;
  for (const record of words) {
    if (record.type !== RECORD.OBJ_PID) continue;
    const pid = valueOf(record, "opid");
    if (pid === undefined) continue;
    const target = Process.fromPartial({ pid: u32(pid, 0), name: unquoteName(valueOf(record, "ocomm")) });
    target.sessionId = u32(valueOf(record, "oses"), UNSET);
    targets = [...targets, target];
  }
  return targets;
}
