/** Which process acted, and which ones it was aimed at. */
import { lastValueOf, RECORD, type RecordWords, titleOfArguments, unquote, valueOf } from "@hosttrail/lib/audit";
import { Process } from "@hosttrail/proto/event";
import { intern } from "./intern.ts";
import { u32, unquoteName } from "./values.ts";

const UNSET = 0xffffffff;

export function decodeProcess(
  actor: RecordWords,
  { args, count }: { args: string[]; count: number },
  find: (type: number) => RecordWords | undefined,
): Process | undefined {
  const pid = valueOf(actor, "pid");
  if (pid === undefined) return undefined;
  const parentPid = valueOf(actor, "ppid");
  const directory = find(RECORD.CWD);
  const titleRecord = find(RECORD.PROCTITLE);
  const title = titleRecord === undefined ? "" : titleOf(titleRecord);
  const session = actor.type === RECORD.LOGIN ? lastValueOf(actor, "ses") : valueOf(actor, "ses");
  return {
    entityId: "",
    pid: u32(pid, 0),
    name: unquoteName(valueOf(actor, "comm")),
    executable: intern(unquoteName(valueOf(actor, "exe"))),
    args,
    workingDirectory: directory === undefined ? "" : intern(unquoteName(valueOf(directory, "cwd"))),
    title: args.length > 0 && title === titleOfArguments(args) ? "" : title,
    startUnixNano: 0n,
    tty: valueOf(actor, "tty") ?? "",
    provenance: "",
    parent: parentPid === undefined ? undefined : Process.fromPartial({ pid: u32(parentPid, 0) }),
    ancestry: [],
    sessionId: u32(session, UNSET),
    argsCount: count,
    sessionLeader: undefined,
    executableSha256: "",
    ancestryCount: 0,
  };
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
