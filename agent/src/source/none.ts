/**
 * No records: for hosts whose kernel audit belongs to another one, as containers'. Identity, canary and the agent's own reports
 * go out all the same. Never chosen by `auto`: an agent without events must be somebody's decision.
 */
import type { Source } from "./source.ts";

export function openNone(): Source {
  const nothing = {
    records: 0,
    overruns: 0,
    foreign: 0,
    ringWaits: 0,
    receiveBufferBytes: 0,
    parseFailures: 0,
    unreadFiles: 0,
  };
  return {
    name: "none",
    endOfEventExpected: false,
    counters: () => nothing,
    position: () => 0,
    commit: () => undefined,
    spooledBefore: () => [],
    readBeforeTo: 0,
    hasUnread: () => false,
    pause: () => undefined,
    resume: () => undefined,
    shrink: () => undefined,
    close: async () => undefined,
    // It has no end either.
    finished: new Promise(() => undefined),
  };
}
