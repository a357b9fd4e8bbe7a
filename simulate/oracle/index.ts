/**
 * What must be true once all faults are healed:
 *
 * - every event that the kernel gave is in the database once, or was lost for a reason that was told;
 * - every block that a host was told is *stored* is in the database;
 * - the blocks of each epoch follow each other, each names the one before it, and each has its host's signature;
 * - what is known of the host tells of each block that its host was told to be stored, or could send again;
 * - each agent's ledger adds up, and nothing waits anywhere.
 */
import { checkSignature, eventId, hex64, type Verify } from "@hosttrail/lib/block";
import { verifierOf } from "@hosttrail/lib/crypto";
import { Codec } from "@hosttrail/proto/block";
import { nameOfEvent, type SimulatedHost } from "../host/index.ts";
import type { Stored, StoredBlock } from "./stored.ts";

export { readStored, type Stored } from "./stored.ts";

/** Failures that are told of one kind and host. */
const TOLD_MAX = 3;

/** Epochs of which a host's document tells; see collector/src/trail/chain.ts. */
const EPOCHS_TOLD = 16;

/** What was said while the world lived. */
export interface Words {
  /** `<host id>-<epoch>-<first seq>` of blocks that were told to be stored. */
  stored: ReadonlySet<string>;
}

export function judge(hosts: readonly SimulatedHost[], stored: Stored, words: Words): string[] {
  const failures: string[] = [];
  for (const host of hosts) {
    const blocks = stored.blocks.filter(({ hostId }) => hostId === host.keys.hostId);
    const own = blocks.filter(({ epoch, header }) => epoch === header.epoch && header.agentVersion !== "collector");
    const kinds = [
      judgeEvents(host, blocks),
      judgeChains(host, own),
      judgeForks(host, blocks),
      judgeDocument(host, own, stored, words),
    ];
    for (const found of kinds) failures.push(...found.slice(0, TOLD_MAX).map((failure) => `${host.name}: ${failure}`));
  }
  const ids = new Set(stored.blocks.map(({ hostId, header }) => eventId(hostId, header.epoch, header.firstSeq)));
  const missing = [...words.stored].filter((id) => !ids.has(id));
  for (const id of missing.slice(0, TOLD_MAX)) failures.push(`${id} was told to be stored, and is not in the database`);
  return failures;
}

/** Each event once, or with an excuse. */
function judgeEvents({ given, excused }: SimulatedHost, blocks: readonly StoredBlock[]): string[] {
  const failures: string[] = [];
  const found = new Map<string, StoredBlock>();
  for (const block of blocks) {
    for (const event of block.events) {
      if (event.serial === 0) continue;
      const name = nameOfEvent(event);
      const before = found.get(name);
      if (before !== undefined)
        failures.push(`event ${name} is stored twice: in ${nameOf(before)} and ${nameOf(block)}`);
      if (!given.has(name)) failures.push(`event ${name} of ${nameOf(block)} never happened`);
      found.set(name, block);
    }
  }
  for (const [name, timeMs] of given) {
    if (found.has(name) || excused.has(name)) continue;
    failures.push(
      `event ${name}, given at ${(timeMs / 1000).toFixed(3)} s, is not in the database, and nothing says why`,
    );
  }
  return failures;
}

function judgeChains({ keys, chainExcused }: SimulatedHost, blocks: readonly StoredBlock[]): string[] {
  const failures: string[] = [];
  const verify: Verify = verifierOf(keys.publicKey);
  for (const list of Map.groupBy(blocks, ({ epoch }) => epoch).values()) {
    let before: StoredBlock | undefined;
    for (const block of list.toSorted(bySeq)) {
      const { header, headerBytes, signature } = block;
      try {
        const unread = { codec: Codec.NONE, payload: new Uint8Array(0) };
        checkSignature({ header, block: { header: headerBytes, signature, ...unread } }, verify);
      } catch (error) {
        failures.push(`${nameOf(block)}: ${String(error)}`);
      }
      const next = before === undefined ? 0n : before.header.firstSeq + BigInt(before.header.count);
      if (header.firstSeq < next)
        failures.push(`${nameOf(block)} overlaps ${before === undefined ? "" : nameOf(before)}`);
      else if (header.firstSeq > next && !isExcused(chainExcused, header.epoch, next, header.firstSeq))
        failures.push(`${nameOf(block)}: from ${next} on is missing before it`);
      else if (before !== undefined && header.firstSeq === next && hexOf(header.previousHeaderSha256) !== before.hash)
        failures.push(`${nameOf(block)} does not name ${nameOf(before)} as the one before it`);
      before = block;
    }
  }
  return failures;
}

/** Whether something tells why these numbers of an epoch are not stored. */
function isExcused(excused: ReadonlySet<string>, epoch: bigint, first: bigint, next: bigint): boolean {
  for (let seq = first; seq < next; seq++) if (excused.has(`${epoch} ${seq}`)) return true;
  return false;
}

function judgeForks(host: SimulatedHost, blocks: readonly StoredBlock[]): string[] {
  return blocks
    .filter(({ epoch, header }) => epoch !== header.epoch)
    .map((block) => `${nameOf(block)} is kept as a fork, and ${host.name} makes none`);
}

function judgeDocument(host: SimulatedHost, blocks: readonly StoredBlock[], { hosts }: Stored, words: Words): string[] {
  const failures: string[] = [];
  const document = hosts.get(host.keys.hostId);
  if (document === undefined) return blocks.length === 0 ? [] : ["it has no document, and blocks"];
  const { faults, trail } = document;
  if (faults.forkedBlocks > 0) failures.push(`its document tells of ${faults.forkedBlocks} forks`);
  if (faults.brokenLinks > 0) failures.push(`its document tells of ${faults.brokenLinks} broken links`);
  if (faults.deadBlocks > 0 && host.flips === 0)
    failures.push(`its document tells of ${faults.deadBlocks} dead blocks`);
  const known = new Map(trail.map((epoch) => [epoch.epoch, epoch]));
  for (const block of blocks) {
    const epoch = known.get(block.epoch);
    if (epoch === undefined && trail.length >= EPOCHS_TOLD) continue;
    const { firstSeq, count } = block.header;
    // Whoever wrote it died before it was noted, and nobody had it any more to send it again. Its host was never told that it is stored.
    const isPromised =
      words.stored.has(eventId(block.hostId, block.epoch, firstSeq)) ||
      !isExcused(host.chainExcused, block.epoch, firstSeq, firstSeq + BigInt(count));
    const isKnown = epoch?.ranges.some(({ first, next }) => first <= firstSeq && firstSeq < next) ?? false;
    if (isPromised && !isKnown && firstSeq >= (epoch?.floor ?? 0n))
      failures.push(`its document does not know of ${nameOf(block)}`);
  }
  return failures;
}

function nameOf({ epoch, header }: StoredBlock): string {
  return `${hex64(epoch)}-${header.firstSeq}+${header.count}`;
}

function bySeq(a: StoredBlock, b: StoredBlock): number {
  return a.header.firstSeq < b.header.firstSeq ? -1 : 1;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
