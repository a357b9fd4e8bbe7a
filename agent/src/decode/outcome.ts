/** event.outcome: did it work? */
import { type RecordWords, valueOf } from "@hosttrail/lib/audit";
import type { Syscall } from "@hosttrail/proto/event";
import { resultOf } from "./message.ts";
import type { Decision } from "./policy.ts";

/** connect() on a non-blocking socket: the connection is under way, nothing failed. */
const EINPROGRESS = -115n;

/**
 * A policy that refused goes before the call's own result: the call may succeed all the same. So does a change that failed: sending the
 * request for it succeeded.
 */
export function outcomeOf(
  decision: Decision | undefined,
  change: RecordWords | undefined,
  syscall: Syscall | undefined,
  actor: RecordWords | undefined,
  message: RecordWords | undefined,
): string {
  if (decision?.isFinal === true) return decision.outcome;
  if (change !== undefined && valueOf(change, "res") === "0") return "failure";
  if (syscall !== undefined && syscall.success !== "") {
    return syscall.success === "yes" || syscall.exit === EINPROGRESS ? "success" : "failure";
  }
  const call = actor === undefined ? "" : (valueOf(actor, "success") ?? "");
  if (call === "yes") return "success";
  if (call === "no") return "failure";
  const result = (message && resultOf(message)) ?? (actor && valueOf(actor, "res")) ?? decision?.outcome;
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
