/** The ports of a session over lists: the order in which processes do things is the test's. */
import { openLogger } from "@hosttrail/lib/log";
import { type AlertChange, AlertRule } from "@hosttrail/proto/alert";
import { MatchBatch, MatchedEvent } from "@hosttrail/proto/detection";
import { RuleBook } from "../rulebook/index.ts";
import { Suppressions } from "../suppress/index.ts";
import type { AlertRecord, HeldLease, SequencedMessage } from "./ports.ts";
import type { SessionParts } from "./session.ts";

export interface Saved {
  sequence: bigint;
  bytes: Uint8Array;
}

export class Shared {
  readonly states: Saved[] = [];
  messages: SequencedMessage[] = [];
  /** Alerts as they were written last, by id. */
  readonly alerts: Map<string, AlertRecord> = new Map();
  readonly told: AlertChange[] = [];
  /** Is waited for when alerts are written; gets how many. */
  writing: (alerts: number) => Promise<void> = async () => undefined;
  /** Is waited for between the last look at the lease and the saved state. */
  saving: () => Promise<void> = async () => undefined;
  #published = 0;

  /** A message that says that a block has one match of each of these rules. */
  publish(...rules: string[]): void {
    const sequence = BigInt(++this.#published);
    const batch: MatchBatch = {
      ...MatchBatch.create(),
      blockId: `block ${sequence}`,
      hostId: "a".repeat(32),
      revision: BOOK.revision,
      rules: rules.map((key) => ({
        rule: { ...AlertRule.create(), key },
        alerts: true,
        events: [{ ...MatchedEvent.create(), eventId: `${sequence}`, timeUnixNano: sequence }],
        more: 0,
        moreFirstUnixNano: 0n,
        moreLastUnixNano: 0n,
      })),
    };
    this.messages.push({ sequence, bytes: MatchBatch.encode(batch).finish() });
  }

  /** Messages from this one on that are still there. */
  from(next: bigint): SequencedMessage[] {
    return this.messages.filter(({ sequence }) => sequence >= next);
  }

  forget(upTo: bigint): void {
    this.messages = this.messages.filter(({ sequence }) => sequence > upTo);
  }
}

const BOOK: RuleBook = new RuleBook({
  managed: [],
  own: [],
  settings: { rules: new Map(), managed: new Map() },
});

export function partsOf(shared: Shared, lease: HeldLease): SessionParts {
  return {
    feed: {
      hold: async () => undefined,
      followMatches: async () => undefined,
      forgetMatches: async (upTo) => shared.forget(upTo),
      matchesRange: async () => ({ first: 0n, last: 0n }),
      newestBlocks: async () => new Map(),
      areStored: async () => true,
      areMatched: async () => true,
      publishMatches: async () => undefined,
      publishLooked: async () => undefined,
      messageBytesMax: () => 1_000_000,
      publishAlert: async (change) => void shared.told.push(change),
    },
    archive: {
      async saveState(state) {
        await shared.saving();
        shared.states.push(state);
      },
      loadState: async () => [...shared.states].sort((a, b) => Number(b.sequence - a.sequence))[0],
      async putAlerts(records) {
        await shared.writing(records.length);
        for (const { alert, sequence, isTold } of records)
          shared.alerts.set(alert.id, structuredClone({ alert, sequence, isTold }));
      },
      getAlerts: async (ids) =>
        new Map(
          ids.flatMap((id) => {
            const record = shared.alerts.get(id);
            return record === undefined ? [] : [[id, structuredClone(record)] as const];
          }),
        ),
      getWorks: async () => [],
      changeWork: () => Promise.reject(new Error("there is no alert")),
      putHidden: async () => undefined,
      listTrails: async () => [],
      listGaps: async () => [],
      noteLost: async () => undefined,
    },
    rules: { book: () => BOOK, suppressions: () => new Suppressions([]), refresh: async () => undefined },
    history: { matchesIn: async () => [], event: async () => undefined, recover: async function* () {} },
    hostOf: async (id) => ({ id, labels: {} }),
    lease,
    options: { windowMs: 3_600_000, checkpointMs: 1, lateAfterMs: 1, findingsMs: 1 },
    logger: openLogger("test", "error"),
  };
}

export function leaseOf(term: string): HeldLease & { isLost: boolean } {
  return {
    term,
    isLost: false,
    isHeld() {
      return !this.isLost;
    },
    signal: new AbortController().signal,
  };
}
