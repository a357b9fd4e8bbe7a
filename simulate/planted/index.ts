/** Faults that are planted in the product's text as it is loaded, one at a time: a simulation that does not find them proves nothing. */
import { type Patch, replace } from "../load/patch.ts";
import type { Plan } from "../plan.ts";

interface Planted {
  name: string;
  /** What is wrong then. */
  what: string;
  /** What its worlds have, so that it is found soon; the rest is drawn as ever. */
  plan: Partial<Plan>;
  patches: readonly Patch[];
}

const SHIP = "agent/src/ship/index.ts";
const SPOOL = "agent/src/spool/index.ts";
const STORE = "collector/src/store/index.ts";
const WRITE = "collector/src/store/write.ts";
const ARRIVALS = "collector/src/mongodb/arrivals.ts";
const HOSTS = "collector/src/mongodb/hosts.ts";
const COMPACT = "collector/src/compact/index.ts";

/** Blocks are sent again all the time, and most of them are stored already. */
const RESENT: Partial<Plan> = {
  faults: ["collector-killed-at-call", "broker-loses-messages"],
  faultEveryMs: 8000,
  lifeMs: 360_000,
  collectors: 2,
  database: "mongodb",
  burstEveryMs: 1500,
  burstEvents: 3,
};

export const PLANTED: readonly Planted[] = [
  {
    name: "free-on-received",
    what: "the agent frees a block when the broker has it",
    plan: { faults: ["broker-loses-messages", "broker-loses-everything", "database-down"] },
    patches: [
      replace(
        SHIP,
        "for (const reference of message.value.blocks) this.#received(reference);",
        "for (const reference of message.value.blocks) { this.#received(reference); this.#stored(reference); }",
      ),
    ],
  },
  {
    name: "commit-before-write",
    what: "the source may forget events before their block is on the disk",
    plan: { faults: ["agent-killed-at-call"] },
    patches: [
      replace(
        "agent/src/pipeline.ts",
        "shipper.offer(spool.append(block, lane));",
        "if (lane === 'normal') source.commit(source.position(), []); shipper.offer(spool.append(block, lane));",
      ),
    ],
  },
  {
    name: "no-sync",
    what: "blocks are not forced to the disk before they are told to be there",
    plan: { faults: ["host-loses-power", "network-cut"], sync: "always" },
    patches: [replace(SPOOL, 'if (sync === "never") return;', "if (sync.length > 0) return;")],
  },
  {
    name: "no-sync-before-rename",
    what: "a file is moved to its place before its content is on the disk",
    plan: { faults: ["host-loses-power-at-call", "host-loses-power"] },
    patches: [replace("lib/src/files/index.ts", "    fsyncSync(file);\n  } catch", "  } catch")],
  },
  {
    name: "no-folder-sync",
    what: "the name of a new segment is not forced to the disk",
    plan: { faults: ["host-loses-power", "network-cut", "broker-down"], sync: "always" },
    patches: [replace(SPOOL, "      syncDirectory(this.#options.directory);\n", "")],
  },
  {
    name: "duplicate-is-failure",
    what: "a block that the database has already is taken for refused",
    plan: { faults: ["collector-killed-at-call", "broker-unreliable", "database-unreliable"] },
    patches: [
      replace(
        ARRIVALS,
        "if (code === DUPLICATE_KEY) present.push(id);",
        "if (code === DUPLICATE_KEY) failed.push({ id, error: classifyWrite(121, 'duplicate') });",
      ),
    ],
  },
  {
    name: "numbers-again",
    what: "after a crash the numbers of the newest block are given again",
    plan: { faults: ["agent-killed"] },
    patches: [
      replace(
        SPOOL,
        "nextSeq: certain && last !== undefined ? last.header.firstSeq + BigInt(last.header.count) : 0n,",
        "nextSeq: certain && last !== undefined ? last.header.firstSeq : 0n,",
      ),
    ],
  },
  {
    name: "epoch-again",
    what: "after a reboot the trail goes on where the disk's newest block is",
    plan: { faults: ["host-loses-power"], sync: "second" },
    patches: [replace(SPOOL, "last?.header.bootId === this.#options.bootId", "last !== undefined")],
  },
  {
    name: "chain-forgotten",
    what: "after a restart the next block names no block before it",
    plan: { faults: ["agent-killed"] },
    patches: [
      replace(
        SPOOL,
        "previousHeaderSha256: last?.headerSha256 ?? new Uint8Array(0),",
        "previousHeaderSha256: new Uint8Array(0),",
      ),
    ],
  },
  {
    name: "damaged-end-kept",
    what: "a damaged block at a segment's end is not cut off, and does not end its epoch",
    // Not one that was torn as it was written: it was never sent, and what is behind it is found all the same.
    plan: { faults: ["agent-killed", "bit-flipped"] },
    patches: [
      replace(SPOOL, "if (offset + length === content.length) truncateSync(path, offset);", ""),
      replace(SPOOL, "this.#counts.corruptStretches === damagedBefore && ", ""),
    ],
  },
  {
    name: "unsynced-inherited",
    what: "what an earlier life wrote to the spool is taken for safe, and never forced to the disk",
    plan: {
      faults: ["agent-killed-at-call", "host-loses-power", "network-cut"],
      sync: "always",
      faultEveryMs: 8000,
      lifeMs: 360_000,
    },
    patches: [replace(SPOOL, 'if (this.#options.sync !== "never") this.#syncAll();', "")],
  },
  {
    name: "unread-forgotten",
    what: "a block that the disk did not give once is asked for no more while the stream lasts",
    plan: { faults: ["disk-failing", "bit-flipped", "network-cut"], faultEveryMs: 8000, lifeMs: 360_000 },
    patches: [replace(SHIP, "this.#putOff.push({ block, sinceMs: performance.now() });", "")],
  },
  {
    name: "offset-after-failed-undo",
    what: "after a write that could be neither done nor undone the next block is looked for in the wrong place",
    plan: { faults: ["disk-failing"], burstEvents: 30 },
    patches: [replace(SPOOL, "      this.#active.delete(lane);\n      closeSync(file);\n", "")],
  },
  {
    name: "crash-repeats-events",
    what: "the events of the newest block are not known after a crash",
    plan: { faults: ["agent-killed-at-call"] },
    patches: [replace("agent/src/pipeline.ts", "...eventKeys(spool.lastBlock), ", "")],
  },
  {
    name: "interleaved-forgotten",
    what: "an event of which some records are after a commit is not known after a crash",
    plan: { faults: ["agent-killed-at-call"], faultEveryMs: 8000, lifeMs: 360_000, burstEvents: 10, lowShare: 0.3 },
    patches: [
      replace("agent/src/journal/index.ts", "last: this.#lasts[at] as number,", "last: this.#firsts[at] as number,"),
    ],
  },
  {
    name: "stored-before-written",
    what: "the store role acknowledges and tells before it writes",
    plan: { faults: ["database-down", "collector-killed-at-call"] },
    patches: [
      replace(
        STORE,
        "    const failed = await this.#writer.write(prepared);\n",
        "    this.#tell(prepared.map(({ taken }) => taken.message.id));\n    for (const { taken } of prepared) taken.ack();\n    const failed = await this.#writer.write(prepared);\n",
      ),
    ],
  },
  {
    name: "redelivery-is-fork",
    what: "a block that is delivered again is taken for another one with its numbers",
    plan: { faults: ["broker-unreliable", "database-unreliable"] },
    patches: [
      replace(
        WRITE,
        "const toFork = await this.#unknown([...taken, ...collided]);",
        "const toFork = [...taken, ...collided];",
      ),
    ],
  },
  {
    name: "told-before-noted",
    what: "a host is told of stored blocks of which its document does not tell",
    plan: RESENT,
    patches: [
      replace(
        STORE,
        "this.#tell((await this.#writer.areNoted(stored)).map(({ id }) => id));",
        "this.#tell(stored.map(({ id }) => id));",
      ),
    ],
  },
  {
    name: "late-writer-wins",
    what: "a host's document is replaced by who knows an old one",
    plan: { faults: ["database-slow", "collector-stalled"], collectors: 3, database: "mongodb", hosts: 1 },
    patches: [
      replace(
        HOSTS,
        "{ replaceOne: { filter: { _id: host.hostId, version }, replacement: document } }",
        "{ replaceOne: { filter: { _id: host.hostId }, replacement: document } }",
      ),
    ],
  },
  {
    name: "removed-before-listed",
    what: "arrivals are removed though another compactor was first",
    plan: { faults: ["collector-stalled", "database-slow"], collectors: 3, database: "mongodb", blocksMin: 2 },
    patches: [
      replace(
        COMPACT,
        "        return 0;\n      }\n      this.#tell(catalog, made);",
        "      }\n      this.#tell(catalog, made);",
      ),
    ],
  },
  {
    name: "swept-by-foreign-clock",
    what: "what a compactor is about to list is swept by the clock of another one",
    plan: {
      faults: ["clock-jumps", "database-slow"],
      faultEveryMs: 30_000,
      lifeMs: 1_200_000,
      burstEveryMs: 4000,
      burstEvents: 3,
      collectors: 3,
      database: "mongodb",
      blocksMin: 2,
    },
    patches: [
      replace(
        "collector/src/compact/commit.ts",
        "const old = leftovers.filter(({ id }) => nowMs - (seen.get(id) ?? nowMs) >= LEFTOVER_MS);",
        "const old = leftovers.filter(({ timeMs }) => Date.now() - timeMs >= LEFTOVER_MS);",
      ),
    ],
  },
];

/** The fault of this name; undefined for an empty one. Throws an Error for one that there is not. */
export function plantedOf(name: string): Planted | undefined {
  if (name === "") return undefined;
  const found = PLANTED.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no planted fault "${name}"`);
  return found;
}
