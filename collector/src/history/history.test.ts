import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Arrival } from "../model/index.ts";
import { forkEpoch, forkId } from "../trail/index.ts";
import { arrivalOf, MemoryHistory } from "./fixture.ts";
import { History, MovedError } from "./index.ts";

const HOST = "a".repeat(32);
const PLACE = "20261128";
const START_NANO = 1_795_824_000_000_000_000n;

function blocks(count: number, epoch = 1n): Arrival[] {
  return Array.from({ length: count }, (_, at) =>
    arrivalOf({ hostId: HOST, epoch, firstSeq: BigInt(at * 2), place: PLACE }, [
      { timeUnixNano: START_NANO + BigInt(at * 2), action: `first of ${at}` },
      { timeUnixNano: START_NANO + BigInt(at * 2 + 1), action: `second of ${at}` },
    ]),
  );
}

function asFork(arrival: Arrival): Arrival {
  const { hash } = arrival.chain;
  return { ...arrival, id: forkId(HOST, { hash, firstSeq: arrival.firstSeq }), epoch: forkEpoch(hash) };
}

const everything = { hosts: undefined, startNano: 0n, endNano: 1n << 62n };

describe("history", () => {
  it("finds an event wherever it lies, a fork's under the fork's epoch", async () => {
    const [first, second, third] = blocks(3);
    const fork = asFork(blocks(2, 7n)[1] as Arrival);
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    for (const source of [
      new MemoryHistory([second, fork], [first, third]),
      new MemoryHistory([], [first, second, third, fork]),
      new MemoryHistory([first, second, third, fork], [first]),
    ]) {
      const history = new History(source);
      const actionOf = async (epoch: bigint, seq: bigint): Promise<string | undefined> => {
        const found = await history.find(HOST, epoch, seq);
        return found && found.events.event(found.index).event?.action;
      };
      assert.equal(await actionOf(1n, 0n), "first of 0");
      assert.equal(await actionOf(1n, 3n), "second of 1");
      assert.equal(await actionOf(1n, 4n), "first of 2");
      assert.equal(await actionOf(fork.epoch, 3n), "second of 1");
      assert.equal(await actionOf(1n, 6n), undefined);
      assert.equal(await actionOf(2n, 0n), undefined);
      const ids = (await history.find(HOST, fork.epoch, 3n))?.events.eventId(0).slice(0, 49);
      assert.equal(ids, fork.id.slice(0, 49));
    }
  });

  it("knows the hash of each block that is kept, and of no other", async () => {
    const all = blocks(4);
    const [first, second, third, fourth] = all;
    assert.ok(first !== undefined && second !== undefined && third !== undefined && fourth !== undefined);
    const history = new History(new MemoryHistory([second], [first, third]));
    const asked = all.map(({ id }) => ({ id, place: PLACE }));
    const hashes = await history.hashesOf([...asked, { id: third.id, place: "20200101" }]);
    assert.deepEqual(hashes, new Set([first, second, third].map(({ id, chain }) => `${id} ${chain.hash}`)));
    // A number in the middle of a block is no block's.
    const middle = `${HOST}-0000000000000001-0000000000000001`;
    assert.deepEqual(await history.hashesOf([{ id: middle, place: PLACE }]), new Set());
  });

  it("shows a block that is on its way once, and not before it is settled where its numbers are taken", async () => {
    const [first, second] = blocks(2);
    const [other] = blocks(1).map((block) => ({ ...block, chain: { ...block.chain, hash: "f".repeat(64) } }));
    assert.ok(first !== undefined && second !== undefined && other !== undefined);
    const units = async (waiting: Arrival[], merged: Arrival[]): Promise<number> => {
      const reading = await new History(new MemoryHistory(waiting, merged)).begin(everything);
      return (await reading.units(PLACE)).reduce((sum, { events }) => sum + events, 0);
    };
    assert.equal(await units([first, second], [first]), 4);
    assert.equal(await units([other], [first]), 2);
    assert.equal(await units([first, second], []), 4);
  });

  it("says that a payload moved where the catalog no longer lists it", async () => {
    const [first] = blocks(1);
    assert.ok(first !== undefined);
    const memory = new MemoryHistory([], [first]);
    const history = new History(memory);
    const reading = await history.begin(everything);
    const [unit] = await reading.units(PLACE);
    assert.ok(unit !== undefined);
    memory.payloads.clear();
    memory.kept.length = 0;
    await assert.rejects(history.open(unit), MovedError);
  });

  it("tells where it stopped reading arrivals", async () => {
    const all = blocks(3);
    const memory = new MemoryHistory(all, []);
    const few = new History({
      days: () => memory.days(),
      arrivals: (query, bounds) => memory.arrivals(query, { ...bounds, blocksMax: 2 }),
      arrivalHashes: (ids) => memory.arrivalHashes(ids),
      catalogs: (place, hosts) => memory.catalogs(place, hosts),
      payload: (place, id) => memory.payload(place, id),
      sieve: (place, id) => memory.sieve(place, id),
    });
    const { floorNano } = await few.begin(everything);
    assert.equal(floorNano, all[1]?.lastTimeNano);
    assert.equal((await new History(memory).begin(everything)).floorNano, undefined);
  });
});
