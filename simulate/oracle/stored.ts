/** What the database has in the end, read as the product reads it, and every block opened. */
import { historySource } from "@hosttrail/collector/archives";
import { History, type Unit } from "@hosttrail/collector/history";
import { type HostDocument, OUTSIDE } from "@hosttrail/collector/model";
import { Archive } from "@hosttrail/collector/mongodb";
import { type Header, openBlock, parseBlock, SegmentReader } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";

/** A block as it is kept, and where. */
export interface StoredBlock {
  hostId: string;
  /** Under which it is kept: that of a fork is not the one of its header. */
  epoch: bigint;
  header: Header;
  /** Of the serialized header, hex. */
  hash: string;
  headerBytes: Uint8Array;
  signature: Uint8Array;
  /** Time in milliseconds and serial of each event, as the kernel gave them; 0 where the agent made it. */
  events: { timeMs: number; serial: number }[];
}

export interface Stored {
  blocks: StoredBlock[];
  hosts: Map<string, HostDocument>;
}

const TIME_MIN = -(1n << 63n);
const TIME_MAX = (1n << 63n) - 1n;
const NANOS_OF_MS = 1_000_000n;

/** To be run as a simulated process. Throws what reading throws: of a healed world all can be read. */
export async function readStored(hostIds: readonly string[]): Promise<Stored> {
  const archive = Archive.open({ url: "mongodb://simulated", database: "hosttrail" });
  const history = new History(historySource(archive));
  const reading = await history.begin({ hosts: undefined, startNano: TIME_MIN, endNano: TIME_MAX });
  if (reading.floorNano !== undefined) throw new Error("there are too many arrivals for one question");
  const blocks: StoredBlock[] = [];
  for (const place of [...reading.days, OUTSIDE])
    for (const unit of await reading.all(place)) blocks.push(...blocksOf(unit, await history.payloadOf(unit)));
  const hosts = new Map<string, HostDocument>();
  for (const [hostId, { host }] of await archive.hosts.getHosts(hostIds)) hosts.set(hostId, host);
  await archive.close();
  return { blocks, hosts };
}

function blocksOf(unit: Unit, bytes: Uint8Array): StoredBlock[] {
  const isSegment = "entry" in unit.from && unit.from.entry.block === undefined;
  return isSegment ? blocksOfSegment(unit, bytes) : [blockOf(unit, bytes)];
}

function blockOf({ hostId, epoch }: Unit, bytes: Uint8Array): StoredBlock {
  const parsed = parseBlock(bytes);
  const { time, serial } = openBlock(parsed, nodePrimitives).columns;
  const { header, block } = parsed;
  return {
    hostId,
    epoch,
    header,
    hash: hexOf(nodePrimitives.sha256(block.header)),
    headerBytes: block.header,
    signature: block.signature,
    events: namesOf(time, serial),
  };
}

function blocksOfSegment({ hostId, epoch }: Unit, bytes: Uint8Array): StoredBlock[] {
  const reader = new SegmentReader(bytes, nodePrimitives);
  const { time, serial } = reader.events.columns;
  return Array.from({ length: reader.count }, (_, index) => {
    const { firstEvent, count } = reader.block(index);
    const { header, headerBytes, headerSha256, signature } = reader.rebuild(index);
    const events = namesOf(time, serial).slice(firstEvent, firstEvent + count);
    return { hostId, epoch, header, hash: hexOf(headerSha256), headerBytes, signature, events };
  });
}

function namesOf(times: ArrayLike<bigint>, serials: ArrayLike<number>): { timeMs: number; serial: number }[] {
  return Array.from(times, (time, at) => ({ timeMs: Number(time / NANOS_OF_MS), serial: serials[at] ?? 0 }));
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
