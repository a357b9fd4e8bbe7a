/** Opens a block and notes what is inside: the document that the database keeps, and the facts of its host. */
import { BlockError, type ColumnBlock, eventId, openBlock, parseBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { termsOf } from "@hosttrail/lib/filter";
import type { BlockDocument, BlockMessage } from "../model/index.ts";
import type { Link } from "../trail/index.ts";
import { type PlaceOptions, placeOf } from "./place.ts";

/** Distinct actions that a document counts, at most; the others are counted together, without a name. */
export const ACTIONS_MAX = 64;
/** Characters of an action, of a host's fact and of all terms of a block, at most. */
export const ACTION_LENGTH_MAX = 128;
export const FACT_LENGTH_MAX = 256;
export const TERMS_LENGTH_MAX: number = 256 * 1024;

/** What the newest block of a host tells about it. */
export interface HostFacts {
  name: string;
  bootId: string;
  agentVersion: string;
  kernel: string;
  osName: string;
  osVersion: string;
  architecture: string;
}

export interface IndexedBlock {
  document: BlockDocument;
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
  const columns = openBlock(parsed, nodePrimitives);
  checkTimes(columns, header);
  checkHosts(columns, header.hostId);
  // Building every event shows that all of the block can be read, before anybody relies on it.
  let host: ReturnType<ColumnBlock["event"]>["host"];
  for (let index = 0; index < columns.count; index++) host = columns.event(index).host ?? host;
  const { terms, overflow } = boundedTerms(columns);
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
      actions: actionsOf(columns),
      terms,
      termsOverflow: overflow,
      chain: { hash: link.hash, previous: link.previous, status: "unknown" },
      signer: message.signer,
      agentVersion: fact(header.agentVersion),
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
    },
  };
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

function actionsOf(columns: ColumnBlock): { action: string; count: number }[] {
  const byRow = new Map<number, number>();
  for (const kind of columns.columns.kind) byRow.set(kind, (byRow.get(kind) ?? 0) + 1);
  const actions = new Map<string, number>();
  for (const [row, count] of byRow) {
    const action = (columns.kinds.row(row, "events.kind")?.action ?? "").slice(0, ACTION_LENGTH_MAX);
    const known = actions.has(action) || actions.size < ACTIONS_MAX ? action : "";
    actions.set(known, (actions.get(known) ?? 0) + count);
  }
  return Array.from(actions, ([action, count]) => ({ action, count }));
}

/** Terms field by field while they fit; what does not fit is looked for in the block itself. */
function boundedTerms(columns: ColumnBlock): { terms: string[]; overflow: string[] } {
  const { terms, overflow } = termsOf(columns);
  let length = 0;
  const kept: string[] = [];
  const lost = new Set(overflow);
  for (const term of terms) {
    length += term.length;
    if (length <= TERMS_LENGTH_MAX) kept.push(term);
    else lost.add(term.slice(0, term.indexOf("=")));
  }
  return { terms: kept, overflow: [...lost] };
}

function fact(value: string): string {
  return value.slice(0, FACT_LENGTH_MAX);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
