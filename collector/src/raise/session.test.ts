/** Two processes that take each other for gone: what one of them took in and forgot, the other one must not pass over. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openLogger } from "@hosttrail/lib/log";
import { MatchBatch } from "@hosttrail/proto/detection";
import { RuleBook } from "../rulebook/index.ts";
import { Suppressions } from "../suppress/index.ts";
import type { HeldLease, SequencedMessage } from "./ports.ts";
import { Session, type SessionParts } from "./session.ts";

interface Saved {
  sequence: bigint;
  bytes: Uint8Array;
}

/** Ports over lists: the order in which two processes do things is the test's. */
class Shared {
  readonly states: Saved[] = [];
  messages: SequencedMessage[] = [];

  publish(): void {
    const sequence = BigInt(this.messages.length + 1);
    const bytes = MatchBatch.encode({ ...MatchBatch.create(), blockId: `block ${sequence}`, revision: BOOK.revision });
    this.messages.push({ sequence, bytes: bytes.finish() });
  }

  /** Messages from this one on that are still there. */
  from(next: bigint): SequencedMessage[] {
    return this.messages.filter(({ sequence }) => sequence >= next);
  }

  forget(upTo: bigint): void {
    this.messages = this.messages.filter(({ sequence }) => sequence > upTo);
  }
}

const BOOK = new RuleBook({ managed: [], own: [], settings: { rules: new Map(), managed: new Map() } });

/** `saving` is waited for between the last look at the lease and the checkpoint. */
function partsOf(shared: Shared, lease: HeldLease, saving: () => Promise<void> = async () => undefined): SessionParts {
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
      publishAlert: async () => undefined,
    },
    archive: {
      async saveState(state) {
        await saving();
        shared.states.push(state);
      },
      loadState: async () => [...shared.states].sort((a, b) => Number(b.sequence - a.sequence))[0],
      putAlerts: async () => undefined,
      getAlerts: async () => new Map(),
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
    options: { windowMs: 1, checkpointMs: 1, lateAfterMs: 1, findingsMs: 1 },
    logger: openLogger("test", "error"),
  };
}

function leaseOf(term: string): HeldLease & { isLost: boolean } {
  return {
    term,
    isLost: false,
    isHeld() {
      return !this.isLost;
    },
    signal: new AbortController().signal,
  };
}

describe("a session that somebody overtook", () => {
  it("begins anew from where they were, when what they took in is gone", async () => {
    const shared = new Shared();
    for (let count = 0; count < 3; count++) shared.publish();
    const [first, second] = [leaseOf("1"), leaseOf("2")];
    let resume: () => void = () => undefined;
    const paused = new Promise<void>((resolve) => (resume = resolve));
    let isPausing = false;
    const slow = await Session.begin(partsOf(shared, first, () => (isPausing ? paused : Promise.resolve())));
    await slow.checkpoint(true);
    await slow.take(shared.from(slow.next));
    isPausing = true;
    const saving = slow.checkpoint();
    // It stands still here, and the other one is the one.
    const other = await Session.begin(partsOf(shared, second));
    assert.equal(other.next, 1n);
    await other.take(shared.from(other.next).slice(0, 1));
    // Its own look at the lease is of before.
    resume();
    await saving;
    assert.equal(shared.from(0n).length, 0);
    const late = { sequence: 4n, bytes: MatchBatch.encode({ ...MatchBatch.create(), blockId: "block 4" }).finish() };
    await assert.rejects(other.take([late]), /somebody else took matches 2 to 4 in/);
    const again = await Session.begin(partsOf(shared, second));
    assert.equal(again.next, 4n);
    await again.take([late]);
    assert.equal(again.next, 5n);
  });

  it("forgets nothing where the lease was lost while it saved", async () => {
    const shared = new Shared();
    for (let count = 0; count < 3; count++) shared.publish();
    const lease = leaseOf("1");
    const session = await Session.begin(partsOf(shared, lease, async () => void (lease.isLost = true)));
    await session.take(shared.from(session.next));
    await session.checkpoint();
    assert.equal(shared.from(0n).length, 3);
  });

  it("goes on where messages are gone that nobody has", async () => {
    const shared = new Shared();
    for (let count = 0; count < 5; count++) shared.publish();
    const session = await Session.begin(partsOf(shared, leaseOf("1")));
    await session.take(shared.from(session.next).slice(0, 2));
    await session.take(shared.from(5n));
    assert.equal(session.next, 6n);
  });
});
