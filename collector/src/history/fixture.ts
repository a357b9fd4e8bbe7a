/** History in memory, for tests: what a database would hold, with places, arrivals, segments and sieves as they really are. */
import { sealBlock, type SealedBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import { compact } from "../compact/index.ts";
import { type Arrival, type Catalog, OUTSIDE, type Place } from "../model/index.ts";
import type { HistorySource } from "./index.ts";

/** A block of events with these times, each with an action, and what was executed. */
export function arrivalOf(
  about: { hostId: string; epoch?: bigint; firstSeq: bigint; place: Place; receivedMs?: number; previous?: Uint8Array },
  events: readonly { timeUnixNano: bigint; action: string; args?: string[] }[],
): Arrival & { sealed: SealedBlock } {
  const { hostId, epoch = 1n, firstSeq, place, receivedMs = 0, previous = new Uint8Array(0) } = about;
  const position = { hostId, epoch, firstSeq, bootId: "", agentVersion: "1", flags: 0 };
  const sealed = sealBlock(
    events.map(({ timeUnixNano, action, args = ["true", action] }) =>
      Event.fromPartial({ event: { timeUnixNano, action }, process: { args } }),
    ),
    { ...position, previousHeaderSha256: previous },
    nodePrimitives,
    () => new Uint8Array(64).fill(7),
  );
  return {
    id: `${hostId}-${epoch.toString(16).padStart(16, "0")}-${firstSeq.toString(16).padStart(16, "0")}`,
    place,
    hostId,
    epoch,
    firstSeq,
    count: events.length,
    firstTimeNano: sealed.header.firstTimeUnixNano,
    lastTimeNano: sealed.header.lastTimeUnixNano,
    receivedMs,
    chain: { hash: Buffer.from(sealed.headerSha256).toString("hex"), previous: "", status: "continues" },
    signer: "",
    bytes: sealed.bytes,
    sealed,
  };
}

/** A source that has some blocks as arrivals and some in segments; a block may be in both. */
export class MemoryHistory implements HistorySource {
  readonly waiting: Arrival[];
  readonly payloads: Map<string, Uint8Array> = new Map();
  readonly sieves: Map<string, Uint8Array> = new Map();
  readonly kept: Catalog[] = [];

  constructor(waiting: readonly Arrival[], merged: readonly Arrival[]) {
    this.waiting = [...waiting];
    for (const list of Map.groupBy(merged, ({ hostId, place }) => `${hostId} ${place}`).values()) this.#merge(list);
  }

  #merge(list: readonly Arrival[]): void {
    const [first] = list;
    if (first === undefined) return;
    const { hostId, place } = first;
    const catalog: Catalog = { hostId, place, version: 1, older: [], entries: [] };
    for (const [epoch, blocks] of Map.groupBy(list, (each) => each.epoch)) {
      const inputs = blocks.map(({ chain, ...block }) => ({ ...block, status: chain.status }));
      for (const { entry, bytes, sieve } of compact({ hostId, epoch, blocks: inputs, segments: [] })) {
        const id = `${hostId}-${this.payloads.size}`;
        this.payloads.set(`${place} ${id}`, bytes);
        this.sieves.set(`${place} ${id}`, sieve);
        catalog.entries.push({ ...entry, id });
      }
    }
    this.kept.push(catalog);
  }

  async days(): Promise<Place[]> {
    return [...new Set(this.kept.map(({ place }) => place))]
      .filter((place) => place !== OUTSIDE)
      .sort()
      .reverse();
  }

  async arrivals(
    { hostIds, startNano, endNano }: Parameters<HistorySource["arrivals"]>[0],
    { blocksMax }: { blocksMax: number },
  ): Promise<{ arrivals: Arrival[]; isAll: boolean }> {
    const found = this.waiting
      .filter(({ hostId }) => hostIds === undefined || hostIds.includes(hostId))
      .filter(({ firstTimeNano, lastTimeNano }) => firstTimeNano < endNano && lastTimeNano >= startNano)
      .sort((a, b) => (a.lastTimeNano === b.lastTimeNano ? 0 : a.lastTimeNano < b.lastTimeNano ? 1 : -1));
    return { arrivals: found.slice(0, blocksMax), isAll: found.length <= blocksMax };
  }

  async arrivalHashes(ids: readonly string[]): Promise<Map<string, string>> {
    return new Map(this.waiting.filter(({ id }) => ids.includes(id)).map(({ id, chain }) => [id, chain.hash]));
  }

  async catalogs(place: Place, hostIds: readonly string[] | undefined): Promise<Catalog[]> {
    return this.kept.filter((each) => each.place === place && hostIds?.includes(each.hostId) !== false);
  }

  async payload(place: Place, id: string): Promise<Uint8Array | undefined> {
    return this.payloads.get(`${place} ${id}`);
  }

  async sieve(place: Place, id: string): Promise<Uint8Array | undefined> {
    return this.sieves.get(`${place} ${id}`);
  }
}
