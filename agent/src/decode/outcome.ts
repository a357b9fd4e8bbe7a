/** event.outcome: did it work? */
import { RECORD, type RecordWords, valueOf } from "@hosttrail/lib/audit";
import type { Syscall } from "@hosttrail/proto/event";

/** connect() on a non-blocking socket: the connection is under way, nothing failed. */
const EINPROGRESS = -115n;

/** A policy that refused goes before the call's own result: in permissive mode the call may succeed all the same. */
export function outcomeOf(
  words: readonly RecordWords[],
  syscall: Syscall | undefined,
  actor: RecordWords | undefined,
  message: RecordWords | undefined,
): string {
  if (syscall !== undefined && syscall.success !== "") {
    return syscall.success === "yes" || syscall.exit === EINPROGRESS ? "success" : "failure";
  }
  const call = actor === undefined ? "" : (valueOf(actor, "success") ?? "");
  if (call === "yes") return "success";
  if (call === "no") return "failure";
  const result = (message && valueOf(message, "res")) ?? (actor && valueOf(actor, "res")) ?? policyResult(words);
  switch (result) {
    case "success":
    case "1":
    case "yes":
    case "granted":
      return "success";
    case "failed":
    case "failure":
    case "0":
    case "no":
    case "denied":
      return "failure";
    default:
      return "unknown";
  }
}

/** SELinux writes `avc:  denied  {`, AppArmor `apparmor="DENIED"`. */
function policyResult(words: readonly RecordWords[]): string | undefined {
  const record = words.find(({ type }) => type === RECORD.AVC);
  if (record === undefined) return undefined;
  const profile = valueOf(record, "apparmor");
  if (profile !== undefined) return profile === '"DENIED"' ? "denied" : profile === '"ALLOWED"' ? "granted" : undefined;
  return record.values.find((value, at) => record.keys[at] === "" && (value === "denied" || value === "granted"));
}
