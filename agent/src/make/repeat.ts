/** Events of a shape that came before. */
import type { Event } from "@hosttrail/proto/event";
import type { Repetition } from "../model/index.ts";

/** The event without what others of its shape have of their own: times, serials and numbers can be written into it. */
export function ownEvent(event: Event): Event {
  const { event: info, audit } = event;
  const syscall = audit?.syscall;
  return {
    ...event,
    event: info && { ...info },
    audit: audit && { ...audit, syscall: syscall && { ...syscall } },
  };
}

// Many events have the same time.
let lastMs = 0;
let lastNano = 0n;

function nanoOf(timeMs: number): bigint {
  if (timeMs !== lastMs) {
    lastMs = timeMs;
    lastNano = BigInt(timeMs) * 1_000_000n;
  }
  return lastNano;
}

/** Makes it the event of this repetition. */
export function writeOwn({ event: info, audit }: Event, repetition: Repetition): void {
  const syscall = audit?.syscall;
  if (info === undefined || audit === undefined || syscall === undefined) return;
  info.timeUnixNano = nanoOf(repetition.seconds * 1000 + repetition.milliseconds);
  audit.serial = repetition.serial;
  syscall.exit = repetition.call.exit;
  syscall.arguments = repetition.call.arguments;
}
