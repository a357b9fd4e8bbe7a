/** What this node knows of hosts, kept in step with the database: facts, trail, faults. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Arrival, Goodbye, HostDocument, WasCalled } from "../model/index.ts";
import { OUTSIDE, RetryableError } from "../model/index.ts";

/** What the newest block of a host tells about it. */
export interface HostFacts {
  name: string;
  bootId: string;
  agentVersion: string;
  kernel: string;
  osName: string;
  osVersion: string;
  architecture: string;
  /** Of the cloud; empty where there is none. */
  instanceId: string;
  cloudAccount: string;
  goodbye: Goodbye;
}

export interface VersionedHost {
  host: HostDocument;
  version: number;
}

/** What the step needs of the database. */
export interface HostArchive {
  getHosts(hostIds: readonly string[]): Promise<Map<string, VersionedHost>>;
  /** Gives the ids of hosts that somebody else has changed meanwhile. */
  putHosts(hosts: readonly VersionedHost[]): Promise<string[]>;
}

/** Hosts that are known at once; those that were used least recently go first. */
const HOSTS_MAX = 10_000;
/** Times that a document is tried where other nodes change it, too; whoever was late waits, a while longer each time, and by chance. */
const ATTEMPTS_MAX = 32;
const WAIT_MIN_MS = 4;
const WAIT_MAX_MS = 256;
const LATER_MS = 500;
const NANOS_OF_MS = 1_000_000n;
/** Names, and instances of a cloud, that are remembered of one host. */
const CALLED_MAX = 16;

export class HostBook {
  readonly #archive: HostArchive;
  readonly #known = new Map<string, VersionedHost>();

  constructor(archive: HostArchive) {
    this.#archive = archive;
  }

  /** Hosts as they are now, those that are new included. Throws where the database is away. */
  async hosts(hostIds: readonly string[]): Promise<Map<string, HostDocument>> {
    const missing = hostIds.filter((id) => !this.#known.has(id));
    const found = await this.#archive.getHosts(missing);
    for (const id of missing) this.#keep(id, found.get(id) ?? { host: newHost(id), version: 0 });
    return new Map(hostIds.map((id) => [id, this.#known.get(id)?.host ?? newHost(id)]));
  }

  /**
   * Changes hosts. `change` makes a new document of the present one, and is asked again where another node was first.
   * Throws a RetryableError where the database is away, and where others are first again and again; then nothing is changed here either.
   */
  async change(changes: ReadonlyMap<string, (host: HostDocument) => HostDocument>): Promise<void> {
    let left = [...changes.keys()];
    for (let attempt = 1; left.length > 0; attempt++) {
      if (attempt > ATTEMPTS_MAX)
        throw new RetryableError(`hosts are changed by others all the time: ${left.join(", ")}`, LATER_MS);
      if (attempt > 1) await sleep(Math.random() * Math.min(WAIT_MIN_MS * 2 ** attempt, WAIT_MAX_MS));
      await this.hosts(left);
      const next = left.map((id): VersionedHost => {
        const { host, version } = this.#known.get(id) ?? { host: newHost(id), version: 0 };
        return { host: changes.get(id)?.(host) ?? host, version };
      });
      const conflicts = new Set(await this.#archive.putHosts(next));
      for (const { host, version } of next) {
        if (conflicts.has(host.hostId)) this.#known.delete(host.hostId);
        else this.#keep(host.hostId, { host, version: version + 1 });
      }
      left = [...conflicts];
    }
  }

  /** Forgets hosts of which it is not known what the database has. */
  forget(hostIds: Iterable<string>): void {
    for (const id of hostIds) this.#known.delete(id);
  }

  #keep(id: string, host: VersionedHost): void {
    this.#known.delete(id);
    this.#known.set(id, host);
    if (this.#known.size <= HOSTS_MAX) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

function newHost(hostId: string): HostDocument {
  return {
    hostId,
    name: "",
    bootId: "",
    agentVersion: "",
    kernel: "",
    osName: "",
    osVersion: "",
    architecture: "",
    cloudAccount: "",
    firstEventNano: 0n,
    lastEventNano: 0n,
    firstReceivedMs: 0,
    lastReceivedMs: 0,
    clockOffsetMs: 0,
    clockSinceMs: 0,
    goodbye: "",
    trail: [],
    faults: { forkedBlocks: 0, brokenLinks: 0, outsideBlocks: 0, deadBlocks: 0 },
    faultTimes: { forkedMs: 0, brokenMs: 0, missingMs: 0, outsideMs: 0, deadMs: 0 },
    missingEvents: 0,
    names: [],
    instances: [],
  };
}

/** A host after a block of its own was stored. Facts of an older block do not go over those of a newer one. */
export function withFacts(
  host: HostDocument,
  { instanceId, ...facts }: HostFacts,
  block: Pick<Arrival, "firstTimeNano" | "lastTimeNano" | "receivedMs" | "place">,
  clockOffsetMs: number | undefined,
): HostDocument {
  const isNewer = block.receivedMs >= host.lastReceivedMs;
  const isOther = isNewer && clockOffsetMs !== undefined && clockOffsetMs !== host.clockOffsetMs;
  const seen = {
    ...host,
    firstReceivedMs: firstReceived(host, block.receivedMs),
    lastReceivedMs: Math.max(host.lastReceivedMs, block.receivedMs),
    ...(isOther ? { clockOffsetMs, clockSinceMs: block.receivedMs } : {}),
  };
  if (block.place === OUTSIDE) return host.name === "" ? { ...seen, ...facts } : seen;
  // An event that comes from the future is at most as new as its arrival.
  const arrived = BigInt(block.receivedMs) * NANOS_OF_MS;
  const last = block.lastTimeNano < arrived ? block.lastTimeNano : arrived;
  const first = block.firstTimeNano < arrived ? block.firstTimeNano : arrived;
  const range = { firstNano: first, lastNano: last };
  const isFirst = host.firstEventNano === 0n || first < host.firstEventNano;
  return {
    ...seen,
    // An agent that started before its cloud answered knows less than it did.
    ...(last >= host.lastEventNano ? { ...facts, cloudAccount: facts.cloudAccount || host.cloudAccount } : {}),
    firstEventNano: isFirst ? first : host.firstEventNano,
    lastEventNano: last > host.lastEventNano ? last : host.lastEventNano,
    names: wasCalled(host.names, { text: facts.name, ...range }),
    instances: wasCalled(host.instances, { text: instanceId, ...range }),
  };
}

/** Of a host that was there before this was noted it stays unknown. */
function firstReceived({ firstReceivedMs, lastReceivedMs }: HostDocument, receivedMs: number): number {
  if (lastReceivedMs === 0) return receivedMs;
  return Math.min(firstReceivedMs, receivedMs);
}

/** With one more use of a name. Of more than are remembered, those that were used longest ago are forgotten. */
function wasCalled(known: readonly WasCalled[], use: WasCalled): readonly WasCalled[] {
  if (use.text === "") return known;
  const { text, firstNano, lastNano } = use;
  const found = known.find((each) => each.text === text);
  if (found === undefined) return [...known, use].sort((a, b) => (a.lastNano < b.lastNano ? -1 : 1)).slice(-CALLED_MAX);
  if (found.firstNano <= firstNano && lastNano <= found.lastNano) return known;
  const wider = {
    text,
    firstNano: firstNano < found.firstNano ? firstNano : found.firstNano,
    lastNano: lastNano > found.lastNano ? lastNano : found.lastNano,
  };
  return known.map((each) => (each === found ? wider : each));
}
