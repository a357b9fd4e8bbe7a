/**
 * What was dropped by retention. `drops` has a document for each epoch of a host's day, which stays for good. Until it is in the
 * transparency log, its id stands in `drops_unlogged`, and is removed by whoever logs it: so nobody changes a document that another one
 * changes, too, which the embedded database does not do as one.
 *
 * `drop_batches` has one for each day and go, small and few, by which questions find out that something is gone; whose it was stands in
 * `drop_batch_hosts`.
 */
import { type Db, Long } from "mongodb";
import { hex64 } from "@hosttrail/lib/block";
import type { Drop, DropBatch, DroppedDay, Place } from "../model/index.ts";
import { classify } from "./failure.ts";
import { inParallel } from "./parallel.ts";
import { bigintOf, documents, number, type Row, Rows, storable, text, texts } from "./rows.ts";

type BatchHost = DropBatch["hosts"][number];

/** Each throws a RetryableError where the database is away. */
export class DropStore {
  readonly #drops: Rows;
  readonly #unlogged: Rows;
  readonly #batches: Rows;
  readonly #hosts: Rows;

  constructor(database: Db) {
    this.#drops = new Rows(database, "drops");
    this.#unlogged = new Rows(database, "drops_unlogged");
    this.#batches = new Rows(database, "drop_batches");
    this.#hosts = new Rows(database, "drop_batch_hosts");
  }

  /** Writes drops, and that they are to be logged. Those that are there already stay as they are. */
  async noteDrops(drops: readonly Drop[]): Promise<void> {
    await this.#try(() =>
      inParallel(drops, async (drop) => {
        if ((await this.#drops.get(drop.id)) !== undefined) return;
        // First, since a drop that is there and not to be logged counts as logged.
        await this.#unlogged.tryInsert({ _id: drop.id });
        await this.#drops.tryInsert(toRow(drop));
      }),
    );
  }

  /** What became of drops that were noted. */
  async settleDrops(ids: readonly string[], state: "done" | "withdrawn"): Promise<void> {
    await this.#try(() =>
      inParallel(ids, async (id) => {
        const row = await this.#drops.get(id);
        if (row !== undefined && text(row, "state") !== state) await this.#drops.put({ ...row, state });
        if (state === "withdrawn") await this.#unlogged.delete(id);
      }),
    );
  }

  /** Drops that are in no log yet, the ones that were noted first. For whoever keeps the log. */
  async listUnloggedDrops(limit: number): Promise<Drop[]> {
    return await this.#try(async () => {
      const queued = await this.#unlogged.all.find({}).limit(limit).toArray();
      const rows = await inParallel(queued, ({ _id }) => this.#drops.get(_id));
      return rows
        .filter((row) => row !== undefined)
        .map(toDrop)
        .sort((a, b) => a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1));
    });
  }

  /** They are in the log, durably. To be told again does no harm. */
  async markLogged(ids: readonly string[]): Promise<void> {
    await this.#try(() => inParallel(ids, (id) => this.#unlogged.delete(id)));
  }

  /** Those of these that wait to be logged. */
  async unloggedOf(ids: readonly string[]): Promise<string[]> {
    const found = await this.#try(() => inParallel(ids, (id) => this.#unlogged.get(id)));
    return found.filter((row) => row !== undefined).map(({ _id }) => _id);
  }

  /** In the order of hosts, days and epochs, after one of them; of one host where its id is not empty. */
  async listDrops(hostId: string, afterId: string, limit: number): Promise<Drop[]> {
    const range = hostId === "" ? { $gt: afterId } : { $gt: later(afterId, `${hostId}-`), $lt: `${hostId}.` };
    const rows = await this.#try(() => this.#drops.all.find({ _id: range }).sort({ _id: 1 }).limit(limit).toArray());
    return rows.map(toDrop);
  }

  async getBatch(place: Place, timeMs: number): Promise<DropBatch | undefined> {
    return await this.#try(async () => {
      const row = await this.#batches.get(batchId(place, timeMs));
      if (row === undefined) return undefined;
      const hosts = toHosts(await this.#hosts.get(row._id));
      return { place, timeMs, state: text(row, "state") as DropBatch["state"], hosts };
    });
  }

  async putBatch({ place, timeMs, state, hosts }: DropBatch): Promise<void> {
    const _id = batchId(place, timeMs);
    const rows = hosts.map(({ hostId, events, dropIds, payloadIds }) => ({
      host: hostId,
      events,
      drops: [...dropIds],
      ...(payloadIds === undefined ? {} : { payloads: [...payloadIds] }),
    }));
    await this.#try(async () => {
      // Hosts first: whoever finds the batch finds them, too.
      await this.#hosts.put({ _id, hosts: rows });
      const events = hosts.reduce((sum, host) => sum + host.events, 0);
      await this.#batches.put({ _id, place, state, time_ms: timeMs, hosts: hosts.length, events });
    });
  }

  async removeBatch(place: Place, timeMs: number): Promise<void> {
    await this.#try(() => this.#batches.delete(batchId(place, timeMs)));
    await this.#try(() => this.#hosts.delete(batchId(place, timeMs)));
  }

  /**
   * What of these days and hosts (undefined: of all) is gone or is going, the newest day first. A host of which more was dropped later
   * counts again.
   */
  async droppedDays(firstDay: Place, lastDay: Place, hostIds: ReadonlySet<string> | undefined): Promise<DroppedDay[]> {
    const batches = await this.#try(async () => (await this.#batches.all.find({}).toArray()).filter(isGone));
    const wanted = batches.filter((row) => firstDay <= text(row, "place") && text(row, "place") <= lastDay);
    const counts = await this.#try(() => inParallel(wanted, (row) => this.#countsOf(row, hostIds)));
    const found = new Map<Place, DroppedDay>();
    for (const { place, hosts, events } of counts) {
      if (hosts === 0) continue;
      const before = found.get(place) ?? { place, hosts: 0, events: 0 };
      found.set(place, { place, hosts: before.hosts + hosts, events: before.events + events });
    }
    return [...found.values()].sort((a, b) => (a.place < b.place ? 1 : -1));
  }

  async #countsOf(row: Row, hostIds: ReadonlySet<string> | undefined): Promise<DroppedDay> {
    const place = text(row, "place");
    if (hostIds === undefined) return { place, hosts: number(row, "hosts"), events: number(row, "events") };
    const hosts = toHosts(await this.#hosts.get(row._id)).filter(({ hostId }) => hostIds.has(hostId));
    return { place, hosts: hosts.length, events: hosts.reduce((sum, { events }) => sum + events, 0) };
  }

  /** The drop that this event went with, of these places where they are known; undefined where it went with none. */
  async dropOf(hostId: string, epoch: bigint, seq: bigint, places?: readonly Place[]): Promise<Drop | undefined> {
    const batches = await this.#try(async () => (await this.#batches.all.find({}).toArray()).filter(isGone));
    const wanted = batches.filter((row) => places?.includes(text(row, "place")) !== false);
    const ids = wanted.map((row) => dropId(hostId, text(row, "place"), epoch, number(row, "time_ms")));
    const rows = await this.#try(() => inParallel(ids, (id) => this.#drops.get(id)));
    return rows
      .filter((row) => row !== undefined)
      .map(toDrop)
      .find(
        ({ ranges, state }) => state !== "withdrawn" && ranges.some(({ first, next }) => first <= seq && seq < next),
      );
  }

  async #try<Value>(ask: () => Promise<Value>): Promise<Value> {
    try {
      return await ask();
    } catch (error) {
      throw classify(error);
    }
  }
}

/** The id of the drop of an epoch in the go that began at this time. */
function dropId(hostId: string, place: Place, epoch: bigint, timeMs: number): string {
  return `${hostId}-${place}-${hex64(epoch)}-${timeMs.toString(16)}`;
}

function batchId(place: Place, timeMs: number): string {
  return `${place}-${timeMs.toString(16)}`;
}

function isGone(row: Row): boolean {
  return text(row, "state") !== "noted";
}

function later(a: string, b: string): string {
  return a > b ? a : b;
}

function toHosts(row: Row | undefined): BatchHost[] {
  return documents(row?.["hosts"]).map((host) => ({
    hostId: text(host, "host"),
    events: number(host, "events"),
    dropIds: texts(host["drops"]),
    ...(host["payloads"] === undefined ? {} : { payloadIds: texts(host["payloads"]) }),
  }));
}

function toRow(drop: Drop): Row {
  return {
    _id: drop.id,
    host: drop.hostId,
    place: drop.place,
    epoch: hex64(drop.epoch),
    ranges: drop.ranges.map(({ first, next }) => `${hex64(first)}-${hex64(next)}`),
    t0: Long.fromBigInt(drop.firstTimeNano),
    t1: Long.fromBigInt(drop.lastTimeNano),
    blocks: drop.blocks,
    events: drop.events,
    bytes: drop.bytes,
    policy: storable(drop.policy),
    keep_days: drop.keepDays,
    actor: storable(drop.actor),
    time_ms: drop.timeMs,
    state: drop.state,
  };
}

function toDrop(row: Row): Drop {
  const ranges = texts(row["ranges"]).map((range) => {
    const [first = "0", next = "0"] = range.split("-");
    return { first: BigInt(`0x${first}`), next: BigInt(`0x${next}`) };
  });
  return {
    id: row._id,
    hostId: text(row, "host"),
    place: text(row, "place"),
    epoch: BigInt(`0x${text(row, "epoch") || "0"}`),
    ranges,
    firstTimeNano: bigintOf(row["t0"]),
    lastTimeNano: bigintOf(row["t1"]),
    blocks: number(row, "blocks"),
    events: number(row, "events"),
    bytes: number(row, "bytes"),
    policy: text(row, "policy"),
    keepDays: number(row, "keep_days"),
    actor: text(row, "actor"),
    timeMs: number(row, "time_ms"),
    state: text(row, "state") as Drop["state"],
  };
}
