/** What was found of machines of a cloud: one document each, changes of their state, and the last look as a whole. */
import { type Db, type Document, Long } from "mongodb";
import type {
  CloudInstance,
  CoverageChange,
  CoveragePoll,
  CoverageReason,
  CoverageState,
  CoveredInstance,
} from "../model/index.ts";
import { classify } from "./failure.ts";
import { documents, number, putAll, removeAll, type Row, Rows, storable, text } from "./rows.ts";

const TIME_LENGTH = 12;
const POLL = "aws";
/** The sign after "/". */
const AFTER = "0";

/** Each throws a RetryableError where the database is away. */
export class CoverageStore {
  readonly #polls: Rows;
  readonly #instances: Rows;
  readonly #changes: Rows;

  constructor(database: Db) {
    this.#polls = new Rows(database, "coverage_polls");
    this.#instances = new Rows(database, "coverage_instances");
    this.#changes = new Rows(database, "coverage_changes");
  }

  async getPoll(): Promise<CoveragePoll | undefined> {
    const row = await tried(() => this.#polls.get(POLL));
    return row === undefined ? undefined : (JSON.parse(text(row, "poll")) as CoveragePoll);
  }

  async putPoll(poll: CoveragePoll): Promise<void> {
    // As a text: its parts are read together, and names of others are keys of it.
    await tried(() => this.#polls.put({ _id: POLL, poll: storable(JSON.stringify(poll)) }));
  }

  /** Accounts and regions of which there are machines. */
  async listPlaces(): Promise<{ account: string; region: string }[]> {
    const places = new Set<string>();
    await tried(async () => {
      for await (const { _id } of this.#instances.all.find({}, { projection: { _id: 1 } }))
        places.add(_id.slice(0, _id.lastIndexOf("/")));
    });
    return [...places].sort().map((place) => {
      const [account = "", region = ""] = place.split("/");
      return { account, region };
    });
  }

  /** Machines of an account and region. */
  async listPlace(account: string, region: string, limit: number): Promise<CoveredInstance[]> {
    const range = { $gt: `${account}/${region}/`, $lt: `${account}/${region}${AFTER}` };
    const rows = await tried(() => this.#instances.all.find({ _id: range }).sort({ _id: 1 }).limit(limit).toArray());
    return rows.map(toInstance);
  }

  /** In the order of their ids (`account/region/instance`), after one of them. */
  async listInstances(afterId: string, limit: number): Promise<CoveredInstance[]> {
    return (await tried(() => this.#instances.page(afterId, limit))).map(toInstance);
  }

  async putInstances(instances: readonly CoveredInstance[]): Promise<void> {
    await tried(() => putAll(this.#instances, instances.map(toRow)));
  }

  async removeInstances(instances: readonly CoveredInstance[]): Promise<void> {
    await tried(() => removeAll(this.#instances, instances.map(idOf)));
  }

  async addChanges(changes: readonly CoverageChange[]): Promise<void> {
    await tried(() => putAll(this.#changes, changes.map(toChangeRow)));
  }

  /** Of this time or later, the newest first, after one of them; empty for all. */
  async listChanges(
    startMs: number,
    afterId: string,
    limit: number,
  ): Promise<{ id: string; change: CoverageChange }[]> {
    const range = { $gte: timePrefix(startMs), ...(afterId === "" ? {} : { $lt: afterId }) };
    const rows = await tried(() => this.#changes.all.find({ _id: range }).sort({ _id: -1 }).limit(limit).toArray());
    return rows.map((row) => ({ id: row._id, change: toChange(row) }));
  }

  /** Removes changes of before this time, and the oldest of those beyond this number. */
  async trimChanges(beforeMs: number, most: number): Promise<void> {
    await tried(async () => {
      await this.#changes.all.deleteMany({ _id: { $lt: timePrefix(beforeMs) } });
      const [oldest] = await this.#changes.all
        .find({}, { projection: { _id: 1 } })
        .sort({ _id: -1 })
        .skip(most)
        .limit(1)
        .toArray();
      if (oldest !== undefined) await this.#changes.all.deleteMany({ _id: { $lte: oldest._id } });
    });
  }
}

async function tried<Value>(ask: () => Promise<Value>): Promise<Value> {
  try {
    return await ask();
  } catch (error) {
    throw classify(error);
  }
}

function idOf({ account, region, instanceId }: Pick<CloudInstance, "account" | "region" | "instanceId">): string {
  return `${account}/${region}/${instanceId}`;
}

function timePrefix(timeMs: number): string {
  return Math.max(0, Math.min(timeMs, 16 ** TIME_LENGTH - 1))
    .toString(16)
    .padStart(TIME_LENGTH, "0");
}

function toRow(instance: CoveredInstance): Row {
  const { account, region, instanceId, tags, launchMs, sinceMs, firstSeenMs, endMs, exclusion } = instance;
  return {
    _id: idOf(instance),
    account,
    region,
    instance: instanceId,
    name: storable(instance.name),
    // As a list: a key may have any sign.
    tags: Object.entries(tags).map(([key, value]) => ({ key: storable(key), value: storable(value) })),
    platform: storable(instance.platform),
    architecture: storable(instance.architecture),
    image: storable(instance.imageId),
    image_name: storable(instance.imageName),
    launch_ms: Long.fromNumber(launchMs),
    power: instance.power,
    group: storable(instance.group),
    state: instance.state,
    reason: instance.reason,
    since_ms: Long.fromNumber(sinceMs),
    first_seen_ms: Long.fromNumber(firstSeenMs),
    end_ms: Long.fromNumber(endMs),
    was_heard: instance.wasHeard,
    host: instance.hostId,
    host_name: storable(instance.hostName),
    verified: instance.isVerified,
    hosts: instance.hosts,
    ...(exclusion === undefined ? {} : { exclusion: { ...exclusion } }),
  };
}

function toInstance(row: Row): CoveredInstance {
  const exclusion = row["exclusion"] as Document | undefined;
  return {
    account: text(row, "account"),
    region: text(row, "region"),
    instanceId: text(row, "instance"),
    name: text(row, "name"),
    tags: Object.fromEntries(documents(row["tags"]).map((tag) => [text(tag, "key"), text(tag, "value")])),
    platform: text(row, "platform"),
    architecture: text(row, "architecture"),
    imageId: text(row, "image"),
    imageName: text(row, "image_name"),
    launchMs: number(row, "launch_ms"),
    power: text(row, "power") as CoveredInstance["power"],
    group: text(row, "group"),
    state: text(row, "state") as CoverageState,
    reason: text(row, "reason") as CoverageReason,
    sinceMs: number(row, "since_ms"),
    firstSeenMs: number(row, "first_seen_ms"),
    endMs: number(row, "end_ms"),
    wasHeard: row["was_heard"] === true,
    hostId: text(row, "host"),
    hostName: text(row, "host_name"),
    isVerified: row["verified"] === true,
    hosts: number(row, "hosts"),
    exclusion:
      exclusion === undefined
        ? undefined
        : {
            name: text(exclusion, "name"),
            approver: text(exclusion, "approver"),
            reason: text(exclusion, "reason"),
            lastDay: text(exclusion, "lastDay"),
          },
  };
}

function toChangeRow(change: CoverageChange): Row {
  const { timeMs, account, region, instanceId, name, group, reason, hostId, previousState, state } = change;
  return {
    _id: `${timePrefix(timeMs)}-${idOf(change)}`,
    time_ms: Long.fromNumber(timeMs),
    account,
    region,
    instance: instanceId,
    name: storable(name),
    group: storable(group),
    reason,
    host: hostId,
    from: previousState ?? "",
    to: state ?? "",
  };
}

function toChange(row: Row): CoverageChange {
  const stateOf = (key: string): CoverageState | undefined =>
    (text(row, key) || undefined) as CoverageState | undefined;
  return {
    timeMs: number(row, "time_ms"),
    account: text(row, "account"),
    region: text(row, "region"),
    instanceId: text(row, "instance"),
    name: text(row, "name"),
    group: text(row, "group"),
    reason: text(row, "reason") as CoverageReason,
    hostId: text(row, "host"),
    previousState: stateOf("from"),
    state: stateOf("to"),
  };
}
