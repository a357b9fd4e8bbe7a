/** Who acted, and whom it was about. */
import { lastValueOf, RECORD, type RecordWords, valueOf } from "@hosttrail/lib/audit";
import type { User } from "@hosttrail/proto/event";
import { targetOf } from "./message.ts";
import { u32 } from "./values.ts";

const UNSET = 0xffffffff;

/**
 * The kernel's word for who acted. `message` is what user space wrote into the record: it names the account that
 * the event is about, and nothing else is taken from it.
 */
export function decodeUser(actor: RecordWords, message: RecordWords | undefined): User | undefined {
  const uid = valueOf(actor, "uid");
  const auid = actor.type === RECORD.LOGIN ? lastValueOf(actor, "auid") : valueOf(actor, "auid");
  if (uid === undefined && auid === undefined) return undefined;
  const id = (key: string): number => u32(valueOf(actor, key), UNSET);
  return {
    id: u32(uid, UNSET),
    name: "",
    effectiveId: id("euid"),
    effectiveName: "",
    savedId: id("suid"),
    filesystemId: id("fsuid"),
    auditId: u32(auid, UNSET),
    auditName: "",
    group:
      valueOf(actor, "gid") === undefined
        ? undefined
        : { id: id("gid"), name: "", effectiveId: id("egid"), savedId: id("sgid"), filesystemId: id("fsgid") },
    targetName: message === undefined ? "" : targetOf(message),
  };
}
