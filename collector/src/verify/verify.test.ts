import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { before, describe, it } from "node:test";
import { columnsOf, parseBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { Block } from "@hosttrail/proto/block";
import { certificatesOf } from "@hosttrail/lib/tls";
import { compact } from "../compact/index.ts";
import type { Arrival } from "../model/index.ts";
import { forkEpoch, forkId, noticeBlock } from "../trail/index.ts";
import { authority, MemoryKept, SealingHost } from "./fixture.ts";
import { type HostResult, prepare, type Question, verifyHost } from "./host.ts";
import type { LoggedDrop, LoggedHead, LoggedTrail } from "./source.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const NOON: number = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2;
const ALL = { startNano: -(1n << 63n), endNano: (1n << 63n) - 1n };
const BUDGET = { timeMs: 60_000, bytes: 1e9, events: 1e9 };

let trusted: Awaited<ReturnType<typeof authority>>;
before(async () => {
  trusted = await authority();
});

/** A database that has a host's blocks: the first of them in a segment, the others as they arrived. */
async function keep(blocks: readonly Arrival[], host: SealingHost, compacted: number): Promise<MemoryKept> {
  const kept = new MemoryKept(compact);
  kept.arrive(...blocks);
  kept.compact(...blocks.slice(0, compacted));
  kept.certificates.set(host.hostId, [
    { hostId: host.hostId, chain: [await trusted.certify(host.hostId, host.publicKey)] },
  ]);
  return kept;
}

async function verify(kept: MemoryKept, host: SealingHost, asked: Partial<Question> = {}): Promise<HostResult> {
  const prepared = (await prepare(kept, [host.hostId])).get(host.hostId);
  assert.ok(prepared);
  const question: Question = {
    hostId: host.hostId,
    range: ALL,
    budget: BUDGET,
    authorities: certificatesOf(trusted.pem),
    logged: undefined,
    signal: new AbortController().signal,
    progress: () => undefined,
    ...asked,
  };
  return await verifyHost(kept, question, prepared);
}

function sealed(count = 12, host: SealingHost = new SealingHost(NOON - MINUTE_MS)): [SealingHost, Arrival[]] {
  const blocks = Array.from({ length: count }, (_, at) => host.seal(5, NOON + at * 1000));
  return [host, blocks];
}

function reasons({ findings }: HostResult): string[] {
  return findings.map(({ verdict, reason }) => `${verdict} ${reason}`);
}

function loggedOf(heads: readonly LoggedHead[], drops: readonly LoggedDrop[] = []): LoggedTrail {
  return { heads, drops, proofs: [] };
}

describe("a trail", () => {
  it("is verified as it arrived, in segments and where a block is in both", async () => {
    for (const compacted of [0, 5, 12]) {
      const [host, blocks] = sealed();
      const kept = await keep(blocks, host, compacted);
      const { verdict, findings, blocks: count, events } = await verify(kept, host);
      assert.deepEqual([verdict, findings, count, events], ["verified", [], 12, 60]);
      if (blocks[0] !== undefined) kept.arrive(blocks[0]);
      assert.equal((await verify(kept, host)).verdict, "verified");
    }
  });

  it("is verified, with every event, where its host's document does not tell of a block that is stored", async () => {
    for (const unnoted of [0, 6, 11]) {
      const [host, blocks] = sealed();
      const block = blocks[unnoted];
      assert.ok(block !== undefined);
      const kept = await keep(
        blocks.filter((each) => each !== block),
        host,
        5,
      );
      kept.arrivals.set(block.id, block);
      const { verdict, findings, events } = await verify(kept, host);
      assert.deepEqual([verdict, findings, events], ["verified", [], 60]);
    }
  });

  it("is verified over reboots, a lost spool, late blocks and clocks that are set back", async () => {
    const [host, blocks] = sealed(4);
    host.begin(NOON + 10_000);
    const second = [host.seal(5, NOON + 11_000), host.seal(5, NOON - DAY_MS), host.seal(5, NOON + 12_000)];
    host.begin(NOON + 20_000, new Uint8Array(0));
    const third = [host.seal(1, NOON + 21_000), host.seal(700, NOON + 22_000)];
    const all = [...blocks, ...third, ...second.reverse()];
    for (const compacted of [0, 3, all.length]) {
      const kept = await keep(all, host, compacted);
      const result = await verify(kept, host);
      assert.deepEqual([result.verdict, result.findings], ["verified", []]);
      // Also the parts of it.
      for (const [fromMs, toMs] of [
        [NOON + 1000, NOON + 3000],
        [NOON + 10_500, NOON + 11_500],
        [NOON - DAY_MS, NOON],
      ]) {
        const range = { startNano: BigInt(fromMs ?? 0) * 1_000_000n, endNano: BigInt(toMs ?? 0) * 1_000_000n };
        assert.deepEqual(reasons(await verify(kept, host, { range })), []);
      }
    }
  });

  it("keeps forks and the collector's own events without an alarm, and says so", async () => {
    const [host, blocks] = sealed(3);
    // The machine is set back to a snapshot after the second block, and goes on in another way.
    const [, before_] = blocks;
    host.seq = 10n;
    host.previous = Buffer.from(before_?.chain.hash ?? "", "hex");
    const other = host.seal(5, NOON + 9000);
    const fork: Arrival = {
      ...other,
      id: forkId(host.hostId, { hash: other.chain.hash, firstSeq: other.firstSeq }),
      epoch: forkEpoch(other.chain.hash),
      forkOf: other.id,
      chain: { ...other.chain, status: "forked" },
    };
    const next = host.seal(5, NOON + 10_000);
    const notice = noticeBlock({
      kind: "forked",
      hostId: host.hostId,
      hostName: "h",
      receivedMs: NOON + 11_000,
      fields: { block: other.id },
    });
    for (const isCompacted of [false, true]) {
      const kept = await keep([...blocks, next], host, isCompacted ? 4 : 0);
      kept.arrive(fork, notice);
      if (isCompacted) kept.compact(fork, notice);
      const result = await verify(kept, host);
      assert.deepEqual([result.verdict, result.findings], ["verified", []]);
      assert.deepEqual(result.notes.map(({ reason }) => reason).sort(), ["COLLECTOR_EVENT", "FORK"]);
    }
  });

  it("is altered where any byte of a block is another one", async () => {
    const [host, blocks] = sealed();
    for (let turn = 0; turn < 100; turn++) {
      const kept = await keep(blocks, host, 0);
      const victim = blocks[randomInt(blocks.length)] as Arrival;
      const bytes = Uint8Array.from(victim.bytes);
      const at = randomInt(bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << randomInt(8));
      // Compression has bits that mean nothing, and nobody signs how columns are compressed.
      const isSame = isSameBlock(bytes, victim.bytes);
      kept.arrivals.set(victim.id, { ...victim, bytes });
      const result = await verify(kept, host);
      assert.equal(result.verdict, isSame ? "verified" : "altered", `byte ${at} of ${victim.id}`);
      if (!isSame)
        assert.ok(
          result.findings.some(({ subject }) => subject === victim.id),
          JSON.stringify(result.findings, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
        );
    }
  });

  it("is altered where any byte of a segment is another one, also where the catalog's hash is made to fit", async () => {
    const [host, blocks] = sealed();
    let named = 0;
    for (let turn = 0; turn < 100; turn++) {
      const kept = await keep(blocks, host, 12);
      const [[key, payload] = ["", new Uint8Array(0)]] = kept.payloads;
      const bytes = Uint8Array.from(payload);
      const at = randomInt(bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << randomInt(8));
      kept.payloads.set(key, bytes);
      assert.equal((await verify(kept, host)).verdict, "altered", `byte ${at}`);
      const [catalog] = kept.catalogs.values();
      const entry = catalog?.entries[0];
      assert.ok(catalog !== undefined && entry !== undefined);
      const { createHash } = await import("node:crypto");
      catalog.entries[0] = { ...entry, sha256: createHash("sha256").update(bytes).digest() };
      const { verdict } = await verify(kept, host);
      if (verdict === "altered") named++;
      // What is not signed and means nothing: when a block came, say, within the certificate's time.
      else assert.ok(["verified", "not checked"].includes(verdict), verdict);
    }
    assert.ok(named > 80, `${named}`);
  });

  it("is incomplete where a block is missing, and names its numbers", async () => {
    for (const isCompacted of [false, true]) {
      for (let at = 0; at < 11; at++) {
        const [host, blocks] = sealed();
        const kept = await keep(blocks, host, 0);
        const victim = blocks[at] as Arrival;
        kept.arrivals.delete(victim.id);
        if (isCompacted) kept.compact(...blocks.filter((each) => each !== victim));
        const result = await verify(kept, host);
        assert.deepEqual(reasons(result), ["incomplete BLOCKS_MISSING"]);
        assert.deepEqual(result.findings[0]?.range, { first: BigInt(at * 5), next: BigInt(at * 5 + 5) });
        // Outside of the time that is asked about it is not told.
        const range = { startNano: BigInt(NOON + 11_000) * 1_000_000n, endNano: ALL.endNano };
        assert.equal((await verify(kept, host, { range })).verdict, at === 10 ? "incomplete" : "verified");
      }
    }
  });

  it("misses a tail that was cut by the host's document, by the host's own ledger and by the log", async () => {
    const [host, blocks] = sealed();
    const last = blocks.at(-1) as Arrival;
    const kept = await keep(blocks, host, 6);
    kept.arrivals.delete(last.id);
    assert.equal((await verify(kept, host)).findings[0]?.evidence, "host document");
    // The insider adapts the document.
    const shorter = await keep(blocks.slice(0, -1), host, 6);
    assert.equal((await verify(shorter, host)).verdict, "verified");
    const head = { epoch: host.epoch, next: 60n, hash: last.chain.hash, isWhole: true, timeMs: Date.now() };
    const result = await verify(shorter, host, { logged: loggedOf([head]) });
    assert.deepEqual(reasons(result), ["incomplete BLOCKS_MISSING"]);
    assert.deepEqual(result.findings[0]?.evidence, "log");
    const other = await verify(kept, host, { logged: loggedOf([{ ...head, next: 55n, hash: "ab".repeat(32) }]) });
    assert.ok(reasons(other).includes("altered HEAD_DIFFERS"));
    const epoch = host.epoch.toString(16);
    host.begin(NOON + 100_000, new Uint8Array(0));
    const ledger = { epoch, next_seq: "60", evicted_ranges: `${epoch}-55+5` };
    const told = host.seal(1, NOON + 101_000, { ledger });
    shorter.arrive(told);
    const admitted = await verify(shorter, host);
    assert.deepEqual(reasons(admitted), ["incomplete BLOCKS_MISSING"]);
    assert.deepEqual([admitted.findings[0]?.evidence, admitted.findings[0]?.isAdmitted], ["ledger", true]);
  });

  it("misses an epoch that the next one names, and a host that only the log knows", async () => {
    const [host, blocks] = sealed();
    host.begin(NOON + 100_000);
    const next = host.seal(5, NOON + 101_000);
    const kept = await keep([next], host, 0);
    assert.deepEqual(reasons(await verify(kept, host)), ["incomplete BLOCKS_MISSING"]);
    const empty = new MemoryKept(compact);
    assert.deepEqual(reasons(await verify(empty, host)), ["not checked NO_BLOCKS"]);
    const last = blocks.at(-1) as Arrival;
    const head = { epoch: last.epoch, next: 60n, hash: last.chain.hash, isWhole: true, timeMs: Date.now() };
    assert.deepEqual(reasons(await verify(empty, host, { logged: loggedOf([head]) })), ["incomplete BLOCKS_MISSING"]);
  });

  it("says of what retention dropped who dropped it, and of the rest that it is missing", async () => {
    const [host, blocks] = sealed();
    const kept = await keep(blocks.slice(6), host, 6);
    assert.equal((await verify(kept, host)).verdict, "incomplete");
    const drop = { epoch: host.epoch, policy: "default", timeMs: NOON };
    const some = loggedOf([], [{ ...drop, ranges: [{ first: 0n, next: 20n }] }]);
    const result = await verify(kept, host, { logged: some });
    assert.deepEqual(
      result.findings.map(({ range }) => range),
      [{ first: 20n, next: 30n }],
    );
    const all = [
      {
        ...drop,
        ranges: [
          { first: 0n, next: 10n },
          { first: 10n, next: 30n },
        ],
      },
    ];
    const dropped = await verify(kept, host, { logged: loggedOf([], all) });
    assert.deepEqual([dropped.verdict, dropped.notes[0]?.reason], ["verified", "DROPPED"]);
    // The whole epoch before.
    host.begin(NOON + 100_000);
    const next = host.seal(5, NOON + 101_000);
    const later = await keep([next], host, 1);
    const heads = [{ epoch: drop.epoch, next: 60n, hash: blocks[11]?.chain.hash ?? "", isWhole: true, timeMs: NOON }];
    assert.equal((await verify(later, host, { logged: loggedOf(heads, all) })).verdict, "incomplete");
    const whole = [{ ...drop, ranges: [{ first: 0n, next: 60n }] }];
    assert.equal((await verify(later, host, { logged: loggedOf(heads, whole) })).verdict, "verified");
  });

  it("is altered where blocks change places, stand twice, or nobody signed them", async () => {
    const [host, blocks] = sealed();
    const [first, second, third] = blocks as [Arrival, Arrival, Arrival];
    const swapped = await keep(blocks, host, 0);
    swapped.arrivals.set(first.id, { ...first, bytes: second.bytes });
    swapped.arrivals.set(second.id, { ...second, bytes: first.bytes });
    const result = await verify(swapped, host);
    assert.deepEqual(result.findings.map(({ subject }) => subject).sort(), [first.id, second.id].sort());
    assert.equal(result.verdict, "altered");

    const twice = await keep(blocks, host, 12);
    twice.compact({ ...third, place: "outside" });
    assert.deepEqual(reasons(await verify(twice, host)), ["altered REPEATED"]);

    const unsigned = await keep(blocks, host, 0);
    const block = Block.decode(third.bytes);
    const bytes = Block.encode({ ...block, signature: new Uint8Array(64) }).finish();
    unsigned.arrivals.set(third.id, { ...third, bytes });
    assert.deepEqual(reasons(await verify(unsigned, host)), ["altered UNSIGNED"]);
  });

  it("is altered where a document says something else than its block", async () => {
    const [host, blocks] = sealed();
    const [first] = blocks as [Arrival];
    const changes: Partial<Arrival>[] = [
      { hostId: "0".repeat(32) },
      { epoch: 7n },
      { firstSeq: 1n },
      { count: 4 },
      { firstTimeNano: 0n },
      { lastTimeNano: 0n },
      { place: "20200101" },
      { chain: { ...first.chain, hash: "" } },
      { chain: { ...first.chain, previous: "ab" } },
      { forkOf: first.id },
      { signer: "ab" },
    ];
    for (const change of changes) {
      const kept = await keep(blocks, host, 0);
      kept.arrivals.set(first.id, { ...first, ...change });
      const { verdict, findings } = await verify(kept, host);
      assert.deepEqual([verdict, findings[0]?.subject], ["altered", first.id], Object.keys(change).join());
    }
  });

  it("does not believe a catalog that lists what is missing somewhere else", async () => {
    const [host, blocks] = sealed();
    const kept = await keep(blocks, host, 0);
    const victim = blocks[5] as Arrival;
    kept.compact(...blocks.filter((each) => each !== victim));
    kept.arrivals.delete(victim.id);
    const range = { startNano: BigInt(NOON + 3000) * 1_000_000n, endNano: BigInt(NOON + 8000) * 1_000_000n };
    assert.equal((await verify(kept, host, { range })).verdict, "incomplete");
    // Of a day that nobody asks about.
    const place = "20200101";
    const [other] = kept.catalogs.values();
    const [entry] = other?.entries ?? [];
    assert.ok(other !== undefined && entry !== undefined);
    const ranges = [
      { first: 1000n, next: 1001n },
      { first: victim.firstSeq, next: victim.firstSeq + 5n },
    ];
    for (const some of [ranges, ranges.toReversed()]) {
      const listed = { ...entry, id: `${host.hostId}-none`, ranges: some, firstTimeNano: 0n, lastTimeNano: 1n };
      kept.catalogs.set(`${place} ${host.hostId}`, { ...other, place, entries: [listed] });
      assert.equal((await verify(kept, host, { range })).verdict, "incomplete");
    }
  });

  it("has no time at which a block came that ends everything", async () => {
    const [host, blocks] = sealed();
    for (const receivedMs of [Number.NaN, Infinity, 9e18, -9e18]) {
      const kept = await keep(
        blocks.map((each) => ({ ...each, receivedMs })),
        host,
        0,
      );
      assert.equal(reasons(await verify(kept, host))[0], "not checked CERTIFICATE_INVALID");
    }
  });

  it("is not verified by anybody's certificate", async () => {
    const [host, blocks] = sealed();
    const kept = await keep(blocks, host, 6);
    kept.certificates.delete(host.hostId);
    assert.equal(reasons(await verify(kept, host))[0], "not checked CERTIFICATE_MISSING");
    const stranger = await authority();
    const chain = [await stranger.certify(host.hostId, host.publicKey)];
    kept.certificates.set(host.hostId, [{ hostId: host.hostId, chain }]);
    assert.equal(reasons(await verify(kept, host))[0], "not checked CERTIFICATE_INVALID");
    const other = new SealingHost(NOON);
    const ofOther = [await trusted.certify(other.hostId, host.publicKey)];
    kept.certificates.set(host.hostId, [{ hostId: host.hostId, chain: ofOther }]);
    assert.equal(reasons(await verify(kept, host))[0], "not checked CERTIFICATE_MISSING");
    const otherKey = [await trusted.certify(host.hostId, other.publicKey)];
    kept.certificates.set(host.hostId, [{ hostId: host.hostId, chain: otherKey }]);
    assert.equal(reasons(await verify(kept, host))[0], "altered SIGNATURE_INVALID");
    // It was given long after the blocks came.
    const early = await keep(
      blocks.map((each) => ({ ...each, receivedMs: NOON })),
      host,
      6,
    );
    assert.equal(reasons(await verify(early, host))[0], "not checked CERTIFICATE_INVALID");
  });

  it("is not verified when the budget ends, the log cannot be read, or the time has nothing", async () => {
    const [host, blocks] = sealed();
    const kept = await keep(blocks, host, 0);
    const budget = { ...BUDGET, events: 20 };
    assert.deepEqual(reasons(await verify(kept, host, { budget })), ["not checked BUDGET_ENDED"]);
    assert.deepEqual(reasons(await verify(kept, host, { logged: "away" })), ["not checked LOG_UNAVAILABLE"]);
    const range = { startNano: 0n, endNano: 1n };
    assert.deepEqual(reasons(await verify(kept, host, { range })), ["not checked NO_BLOCKS"]);
    const ended = AbortSignal.abort();
    await assert.rejects(verify(kept, host, { signal: ended }));
  });

  it("gives blocks that pass each other a minute", async () => {
    const [host, blocks] = sealed(3);
    const late = host.seal(5, NOON + 9000);
    const now = host.seal(5, NOON + 10_000, { receivedMs: Date.now() });
    const kept = await keep([...blocks, now], host, 0);
    const result = await verify(kept, host);
    assert.deepEqual([result.verdict, result.notes[0]?.reason], ["verified", "ON_ITS_WAY"]);
    // What was stored once is not on its way any more.
    const head = { epoch: host.epoch, next: 25n, hash: now.chain.hash, isWhole: true, timeMs: Date.now() };
    assert.equal((await verify(kept, host, { logged: loggedOf([head]) })).verdict, "incomplete");
    kept.arrive(late);
    assert.deepEqual((await verify(kept, host)).notes, []);
    kept.arrivals.delete(late.id);
    assert.equal((await verify(kept, host)).verdict, "incomplete");
  });
});

function isSameBlock(a: Uint8Array, b: Uint8Array): boolean {
  try {
    const [one, two] = [a, b].map((bytes) => {
      const parsed = parseBlock(bytes);
      return [parsed.block.header, parsed.block.signature, columnsOf(parsed, nodePrimitives)];
    });
    return one?.every((part, at) => Buffer.from(part).equals(two?.[at] ?? new Uint8Array(0))) ?? false;
  } catch {
    return false;
  }
}
