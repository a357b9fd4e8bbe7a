/** event.outcome: did it work? */
import { type RecordWords, valueOf } from "@hosttrail/lib/audit";
import type { Syscall } from "@hosttrail/proto/event";
import type { Decision } from "./policy.ts";

/** connect() on a non-blocking socket: the connection is under way, nothing failed. */
const EINPROGRESS = -115n;

/** A policy that refused goes before the call's own result: the call may succeed all the same. */
export function outcomeOf(
  decision: Decision | undefined,
  syscall: Syscall | undefined,
  actor: RecordWords | undefined,
  message: RecordWords | undefined,
): string {
  if (decision?.isFinal === true) return decision.outcome;
  if (syscall !== undefined && syscall.success !== "") {
    return syscall.success === "yes" || syscall.exit === EINPROGRESS ? "success" : "failure";
  }
  const call = actor === undefined ? "" : (valueOf(actor, "success") ?? "");
  if (call === "yes") return "success";
  if (call === "no") return "failure";
  const result = (message && valueOf(message, "res")) ?? (actor && valueOf(actor, "res")) ?? decision?.outcome;
  switch (result) {
    case "success":
    case "1":
    case "yes":
      return "success";
    case "failed":
    case "failure":
    case "0":
    case "no":
      return "failure";
    default:
      return "unknown";
  }
}
