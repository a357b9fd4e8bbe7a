/** Opens a block and notes what is inside: what the database keeps of it, and the facts of its host. */
import {
  BlockError,
  type ColumnBlock,
  columnsOf,
  eventId,
  FLAG_ENDING,
  FLAG_GOING_DOWN,
  FLAG_GOODBYE,
  openColumns,
  type ParsedBlock,
  parseBlock,
  type ScannedHost,
  scanPayload,
} from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { Arrival, BlockMessage, Goodbye } from "../model/index.ts";
import { type HostFacts, type Link, type PlaceOptions, placeOf } from "../trail/index.ts";

/** Characters of a host's fact, at most. */
export const FACT_LENGTH_MAX = 256;

export interface IndexedBlock {
  document: Arrival;
  link: Link;
  facts: HostFacts;
}

/** Throws a BlockError where the block is not what its header says: it will be the same the next time. */
export function indexBlock(message: BlockMessage, receivedMs: number, options: PlaceOptions): IndexedBlock {
  const parsed = parseBlock(message.bytes);
  const { block, header } = parsed;
  if (header.hostId !== message.hostId) {
    throw new BlockError(
      "HOST_MISMATCH",
      "header.host_id",
      `host ${header.hostId} on the subject of ${message.hostId}`,
    );
  }
  const host = readableHost(parsed);
  const link = {
    epoch: header.epoch,
    firstSeq: header.firstSeq,
    count: header.count,
    hash: hexOf(nodePrimitives.sha256(block.header)),
    previous: hexOf(header.previousHeaderSha256),
  };
  const times = { firstTimeNano: header.firstTimeUnixNano, lastTimeNano: header.lastTimeUnixNano, receivedMs };
  return {
    link,
    document: {
      id: eventId(header.hostId, header.epoch, header.firstSeq),
      place: placeOf(times, options),
      hostId: header.hostId,
      epoch: header.epoch,
      firstSeq: header.firstSeq,
      count: header.count,
      ...times,
      chain: { hash: link.hash, previous: link.previous, status: "unknown" },
      signer: message.signer,
      bytes: message.bytes,
    },
    facts: {
      name: fact(host?.name ?? message.hostName),
      bootId: fact(header.bootId),
      agentVersion: fact(header.agentVersion),
      kernel: fact(host?.kernel ?? ""),
      osName: fact(host?.osName ?? ""),
      osVersion: fact(host?.osVersion ?? ""),
      architecture: fact(host?.architecture ?? ""),
      instanceId: fact(host?.instanceId ?? ""),
      cloudAccount: fact(host?.accountId ?? ""),
      goodbye: goodbyeOf(header.flags),
    },
  };
}

/** Makes sure that all of the block can be read, before anybody relies on it; gives what it says of its host last. */
function readableHost(parsed: ParsedBlock): ScannedHost | undefined {
  const { header } = parsed;
  const payload = columnsOf(parsed, nodePrimitives);
  const scanned = scanPayload(payload, header);
  if (scanned !== undefined) return scanned.host;
  // Rare: it is wrong, or of a kind that is not looked at so quickly.
  const columns = openColumns(payload, header);
  checkTimes(columns, header);
  checkHosts(columns, header.hostId);
  columns.check();
  const host = columns.hosts.row(lastRow(columns.columns.host), "events.host");
  const cloud = columns.clouds.row(lastRow(columns.columns.cloud), "events.cloud");
  return host && { ...host, instanceId: cloud?.instanceId ?? "", accountId: cloud?.accountId ?? "" };
}

function lastRow(rows: Uint32Array): number {
  return rows.findLast((row) => row !== 0) ?? 0;
}

/** The header's time range is what blocks are found by: no event may hide outside of it. */
function checkTimes(
  columns: ColumnBlock,
  { firstTimeUnixNano, lastTimeUnixNano }: { firstTimeUnixNano: bigint; lastTimeUnixNano: bigint },
): void {
  for (const [index, time] of columns.columns.time.entries()) {
    if (time < firstTimeUnixNano || time > lastTimeUnixNano) {
      const range = `${firstTimeUnixNano} to ${lastTimeUnixNano}`;
      throw new BlockError("TIME_MISMATCH", `events.time[${index}]`, `${time} where the header says ${range}`);
    }
  }
}

/** No host speaks for another one. */
function checkHosts(columns: ColumnBlock, hostId: string): void {
  for (const [index, { id }] of columns.hosts.rows.entries()) {
    if (id !== "" && id !== hostId) {
      throw new BlockError("HOST_MISMATCH", `hosts.id[${index}]`, `"${id.slice(0, 64)}" in a block of ${hostId}`);
    }
  }
}

function goodbyeOf(flags: number): Goodbye {
  if ((flags & FLAG_GOODBYE) === 0) return (flags & FLAG_ENDING) === 0 ? "" : "announced";
  return (flags & FLAG_GOING_DOWN) === 0 ? "stopped" : "going-down";
}

function fact(value: string): string {
  return value.slice(0, FACT_LENGTH_MAX);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
