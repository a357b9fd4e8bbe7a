/**
 * Puts a dead block into the stream of blocks once more, and finds out what became of it: the store role tells its host whether it was stored
 * or refused, and what the database has is looked at besides, since such a word can be lost.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseEventId } from "@hosttrail/lib/block";
import { type BlockReference, StoredNotice } from "@hosttrail/proto/ingest";
import type { BlockMessage, DeadLetter } from "../model/index.ts";
import { lookAt } from "./look.ts";
import type { DeadBlockParts } from "./ports.ts";

export type Outcome =
  | { kind: "stored" }
  | { kind: "waiting" }
  | { kind: "duplicate" }
  /** `letter` is the newer one, where there is one. */
  | { kind: "dead"; reason: string; detail: string; letter: number | undefined };

const LOOK_EVERY_MS = 250;

/** `waitMs` is how long to wait for what becomes of it. Throws a RetryableError where the stream does not take it. */
export async function replay(parts: DeadBlockParts, letter: DeadLetter, waitMs: number): Promise<Outcome> {
  const { block } = letter;
  const isStored = storedBy(parts, block);
  if (await isStored()) return { kind: "stored" };
  const { buried } = await parts.letters.state();
  const words = listen(parts, block);
  try {
    const { duplicate } = await parts.blocks.publish(block);
    const endMs = performance.now() + waitMs;
    for (;;) {
      const { refusal } = words;
      if (refusal !== undefined) return { kind: "dead", ...refusal, letter: await newerLetter(parts, block, buried) };
      if (words.isTold || (await isStored())) return { kind: "stored" };
      // What the stream did not take again may still be on its way from the last time.
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) return { kind: duplicate ? "duplicate" : "waiting" };
      await sleep(Math.min(LOOK_EVERY_MS, leftMs));
    }
  } finally {
    words.close();
  }
}

/** Whether the database has it; never, where its header cannot be read. */
function storedBy(parts: DeadBlockParts, block: BlockMessage): () => Promise<boolean> {
  const { header } = lookAt(block);
  if (header === undefined) return async () => false;
  return () => parts.isStored(block, header);
}

interface Words {
  isTold: boolean;
  refusal: { reason: string; detail: string } | undefined;
  close(): void;
}

function listen({ blocks }: DeadBlockParts, { id, hostId }: BlockMessage): Words {
  const place = parseEventId(id);
  const isIt = (reference: BlockReference | undefined): boolean =>
    reference !== undefined && reference.epoch === place?.epoch && reference.firstSeq === place.seq;
  const words: Words = { isTold: false, refusal: undefined, close: () => listening.close() };
  const listening = blocks.onStored(hostId, (notice) => {
    const { blocks: stored, rejected } = StoredNotice.decode(notice);
    if (stored.some(isIt)) words.isTold = true;
    const refusal = rejected.find((each) => isIt(each.block));
    if (refusal !== undefined) words.refusal = { reason: refusal.reason, detail: refusal.detail };
  });
  return words;
}

/** The letter that it is now; undefined where the stream took it for the one before. */
async function newerLetter(
  { letters }: DeadBlockParts,
  { id, hostId, headerSha256 }: BlockMessage,
  after: number,
): Promise<number | undefined> {
  const newer = await letters.letters({ hostId, reason: "" }, after, LETTERS_MAX);
  return newer.find(({ block }) => block.id === id && block.headerSha256 === headerSha256)?.sequence;
}

/** Letters of a host that died in the meantime and are looked at. */
const LETTERS_MAX = 64;
