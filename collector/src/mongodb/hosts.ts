/**
 * What is known of hosts: one document each. A document is replaced as a whole, and only by who knows its last version (see rows.ts).
 */
import { randomBytes } from "node:crypto";
import {
  type AnyBulkWriteOperation,
  type Collection,
  type Db,
  type Document,
  Long,
  MongoBulkWriteError,
} from "mongodb";
import { hex64 } from "@hosttrail/lib/block";
import type {
  EpochTrail,
  Goodbye,
  HostDocument,
  HostMachine,
  HostNames,
  HostState,
  WasCalled,
} from "../model/index.ts";
import { classify, DUPLICATE_KEY } from "./failure.ts";
import {
  bigintOf,
  documents,
  DURABLE,
  findAll,
  number,
  type Row,
  storable,
  text,
  WRITES_TOGETHER_MAX,
} from "./rows.ts";

/** A host's document and its version; 0 where there is none yet. */
export interface VersionedHost {
  host: HostDocument;
  version: number;
}

export class HostStore {
  readonly #hosts: Collection<Row>;
  readonly #writer = randomBytes(8).toString("hex");
  #writes = 0;

  constructor(database: Db) {
    this.#hosts = database.collection<Row>("hosts");
  }

  /** Throws a RetryableError where the database is away. */
  async getHosts(hostIds: readonly string[]): Promise<Map<string, VersionedHost>> {
    try {
      const rows = await findAll(this.#hosts, hostIds);
      return new Map(rows.map((row) => [row._id, { host: toHost(row), version: number(row, "version") }]));
    } catch (error) {
      throw classify(error);
    }
  }

  /**
   * Replaces documents whose version is still the given one; gives the ids of those that somebody else has changed meanwhile.
   * Throws as getHosts.
   */
  async putHosts(hosts: readonly VersionedHost[]): Promise<string[]> {
    const changed: string[] = [];
    for (let at = 0; at < hosts.length; at += WRITES_TOGETHER_MAX)
      changed.push(...(await this.#putSome(hosts.slice(at, at + WRITES_TOGETHER_MAX))));
    return changed;
  }

  async #putSome(hosts: readonly VersionedHost[]): Promise<string[]> {
    const writer = `${this.#writer}-${++this.#writes}`;
    const operations = hosts.map(({ host, version }): AnyBulkWriteOperation<Row> => {
      const document = { ...toRow(host), version: version + 1, writer };
      return version === 0
        ? { insertOne: { document } }
        : { replaceOne: { filter: { _id: host.hostId, version }, replacement: document } };
    });
    let done = 0;
    try {
      const { insertedCount, matchedCount } = await this.#hosts.bulkWrite(operations, {
        ordered: false,
        writeConcern: DURABLE,
      });
      done = insertedCount + matchedCount;
    } catch (error) {
      if (!isDuplicateOnly(error)) throw classify(error);
    }
    if (done === hosts.length) return [];
    const now = await this.#hosts
      .find({ _id: { $in: hosts.map(({ host }) => host.hostId) } }, { projection: { writer: 1 } })
      .toArray()
      .catch((error: unknown) => {
        throw classify(error);
      });
    const ours = new Set(now.filter((row) => row["writer"] === writer).map((row) => row._id));
    return hosts.map(({ host }) => host.hostId).filter((id) => !ours.has(id));
  }

  /** Hosts in the order of their ids, after one of them. */
  async listHosts(afterId: string, limit: number, hostIds: readonly string[] | undefined): Promise<HostDocument[]> {
    const rows = await this.#hosts
      .find({ _id: { $gt: afterId, ...(hostIds === undefined ? {} : { $in: [...hostIds] }) } })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    return rows.map(toHost);
  }

  /** As listHosts, of what is looked at again and again. */
  async listStates(afterId: string, limit: number): Promise<HostState[]> {
    const rows = await this.#hosts
      .find({ _id: { $gt: afterId } }, { projection: STATE })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    return rows.map(toState);
  }

  /** As listHosts: which machines of a cloud they are. Throws a RetryableError where the database is away. */
  async listMachines(afterId: string, limit: number): Promise<HostMachine[]> {
    try {
      const rows = await this.#hosts
        .find({ _id: { $gt: afterId } }, { projection: MACHINE })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return rows.map((row) => ({
        ...toState(row),
        cloudAccount: text(row, "cloud_account"),
        instances: toNames(row).instances,
      }));
    } catch (error) {
      throw classify(error);
    }
  }

  /** As listHosts: what they were called. Throws a RetryableError where the database is away. */
  async listNames(afterId: string, limit: number): Promise<HostNames[]> {
    try {
      const rows = await this.#hosts
        .find({ _id: { $gt: afterId } }, { projection: NAMES })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return rows.map(toNames);
    } catch (error) {
      throw classify(error);
    }
  }

  /** As listHosts: what is stored of them. Throws a RetryableError where the database is away. */
  async listTrails(afterId: string, limit: number): Promise<Pick<HostDocument, "hostId" | "trail">[]> {
    try {
      const rows = await this.#hosts
        .find({ _id: { $gt: afterId } }, { projection: { trail: 1 } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return rows.map((row) => ({ hostId: row._id, trail: documents(row["trail"]).map(toEpoch) }));
    } catch (error) {
      throw classify(error);
    }
  }

  /** Time of the newest event of any host, nanoseconds, 0 where there is none. Throws a RetryableError where the database is away. */
  async newestEventNano(): Promise<bigint> {
    try {
      const [newest] = await this.#hosts
        .find({}, { projection: { last_event: 1 } })
        .sort({ last_event: -1 })
        .limit(1)
        .toArray();
      return bigintOf(newest?.["last_event"]);
    } catch (error) {
      throw classify(error);
    }
  }

  async getHost(hostId: string): Promise<HostDocument | undefined> {
    const row = await this.#hosts.findOne({ _id: hostId });
    return row === null ? undefined : toHost(row);
  }
}

function isDuplicateOnly(error: unknown): boolean {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError() !== undefined) return false;
  const problems = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
  return problems.length > 0 && problems.every(({ code }) => code === DUPLICATE_KEY);
}

function toRow(host: HostDocument): Row {
  return {
    _id: host.hostId,
    name: storable(host.name),
    boot_id: storable(host.bootId),
    agent_version: storable(host.agentVersion),
    kernel: storable(host.kernel),
    os_name: storable(host.osName),
    os_version: storable(host.osVersion),
    architecture: storable(host.architecture),
    cloud_account: storable(host.cloudAccount),
    first_event: Long.fromBigInt(host.firstEventNano),
    last_event: Long.fromBigInt(host.lastEventNano),
    first_received_ms: host.firstReceivedMs,
    last_received_ms: host.lastReceivedMs,
    clock_offset_ms: host.clockOffsetMs,
    clock_since_ms: host.clockSinceMs,
    goodbye: host.goodbye,
    faults: {
      forked_blocks: host.faults.forkedBlocks,
      broken_links: host.faults.brokenLinks,
      outside_blocks: host.faults.outsideBlocks,
      dead_blocks: host.faults.deadBlocks,
    },
    fault_times: {
      forked_ms: host.faultTimes.forkedMs,
      broken_ms: host.faultTimes.brokenMs,
      missing_ms: host.faultTimes.missingMs,
      outside_ms: host.faultTimes.outsideMs,
      dead_ms: host.faultTimes.deadMs,
    },
    missing_events: host.missingEvents,
    names: host.names.map(toCalled),
    instances: host.instances.map(toCalled),
    trail: host.trail.map((epoch) => ({
      epoch: hex64(epoch.epoch),
      used_ms: epoch.usedMs,
      floor: hex64(epoch.floor),
      missing: hex64(epoch.missing),
      ranges: epoch.ranges.map(({ first, next, previous, last, holeMs }) => ({
        first: hex64(first),
        next: hex64(next),
        previous,
        last,
        hole_ms: holeMs,
      })),
    })),
  };
}

function toCalled({ text: called, firstNano, lastNano }: WasCalled): Document {
  return { text: storable(called), first: Long.fromBigInt(firstNano), last: Long.fromBigInt(lastNano) };
}

/** What toNames reads. */
const NAMES = { name: 1, first_event: 1, last_event: 1, names: 1, instances: 1 } as const;

function toNames(row: Row): HostNames {
  const called = (key: string): WasCalled[] =>
    documents(row[key]).map((each) => ({
      text: text(each, "text"),
      firstNano: bigintOf(each["first"]),
      lastNano: bigintOf(each["last"]),
    }));
  const names = called("names");
  const name = text(row, "name");
  // Of a host of which nothing came since names are remembered, it is known what it is called now.
  const always = { text: name, firstNano: bigintOf(row["first_event"]), lastNano: bigintOf(row["last_event"]) };
  return {
    hostId: row._id,
    names: names.length > 0 || name === "" ? names : [always],
    instances: called("instances"),
  };
}

/** What toState reads. */
const STATE = {
  name: 1,
  last_received_ms: 1,
  clock_offset_ms: 1,
  clock_since_ms: 1,
  goodbye: 1,
  faults: 1,
  fault_times: 1,
  missing_events: 1,
} as const;

const GOODBYES: readonly Goodbye[] = ["stopped", "going-down", "announced"];

/** What listMachines reads. */
const MACHINE = { ...STATE, cloud_account: 1, instances: 1 } as const;

function toState(row: Row): HostState {
  const faults = row["faults"] as Document | undefined;
  const times = row["fault_times"] as Document | undefined;
  const goodbye = text(row, "goodbye");
  return {
    hostId: row._id,
    name: text(row, "name"),
    lastReceivedMs: number(row, "last_received_ms"),
    clockOffsetMs: number(row, "clock_offset_ms"),
    clockSinceMs: number(row, "clock_since_ms"),
    goodbye: GOODBYES.find((known) => known === goodbye) ?? "",
    faults: {
      forkedBlocks: number(faults, "forked_blocks"),
      brokenLinks: number(faults, "broken_links"),
      outsideBlocks: number(faults, "outside_blocks"),
      deadBlocks: number(faults, "dead_blocks"),
    },
    faultTimes: {
      forkedMs: number(times, "forked_ms"),
      brokenMs: number(times, "broken_ms"),
      missingMs: number(times, "missing_ms"),
      outsideMs: number(times, "outside_ms"),
      deadMs: number(times, "dead_ms"),
    },
    missingEvents: number(row, "missing_events"),
  };
}

function toHost(row: Row): HostDocument {
  return {
    ...toState(row),
    ...toNames(row),
    bootId: text(row, "boot_id"),
    agentVersion: text(row, "agent_version"),
    kernel: text(row, "kernel"),
    osName: text(row, "os_name"),
    osVersion: text(row, "os_version"),
    architecture: text(row, "architecture"),
    cloudAccount: text(row, "cloud_account"),
    firstEventNano: bigintOf(row["first_event"]),
    lastEventNano: bigintOf(row["last_event"]),
    firstReceivedMs: number(row, "first_received_ms"),
    trail: documents(row["trail"]).map(toEpoch),
  };
}

function toEpoch(row: Document): EpochTrail {
  return {
    epoch: fromHex(row, "epoch"),
    usedMs: number(row, "used_ms"),
    floor: fromHex(row, "floor"),
    missing: fromHex(row, "missing"),
    ranges: documents(row["ranges"]).map((range) => ({
      first: fromHex(range, "first"),
      next: fromHex(range, "next"),
      previous: text(range, "previous"),
      last: text(range, "last"),
      holeMs: number(range, "hole_ms"),
    })),
  };
}

function fromHex(row: Document, key: string): bigint {
  return BigInt(`0x${text(row, key) || "0"}`);
}
