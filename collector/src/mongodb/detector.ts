/**
 * What the detector goes on from. A state is written in pieces, and then its head, which names the place in the stream; the head that
 * is furthest counts. So whoever was the detector and does not know yet that another one is cannot take anything back.
 */
import { hex64 } from "@hosttrail/lib/block";
import { Binary, type Db, type Document } from "mongodb";
import type { DetectionGap } from "../model/index.ts";
import { classify } from "./failure.ts";
import { number, removeAll, type Row, Rows, text } from "./rows.ts";

export interface SavedState {
  /** Last message of the matches' stream that is in it. */
  sequence: bigint;
  bytes: Uint8Array;
}

/** A document has 16 MiB at most. */
const PIECE_BYTES: number = 8 * 1024 * 1024;
/** States that are kept: should the last one not be whole, the one before serves. */
const KEPT = 2;

/** Numbers of one epoch, from the first to the one before `next`. */
interface LostNumbers {
  hostId: string;
  epoch: bigint;
  first: bigint;
  next: bigint;
}

export class DetectorStore {
  readonly #gaps: Rows;
  readonly #heads: Rows;
  readonly #pieces: Rows;

  constructor(database: Db) {
    this.#gaps = new Rows(database, "detection_gaps");
    this.#heads = new Rows(database, "detector_states");
    this.#pieces = new Rows(database, "detector_state_pieces");
  }

  /** `term` tells detectors apart. */
  async saveState({ sequence, bytes }: SavedState, term: string): Promise<void> {
    const id = `${sequence.toString(16).padStart(16, "0")}-${term}-${Date.now().toString(16)}`;
    const count = Math.max(1, Math.ceil(bytes.length / PIECE_BYTES));
    try {
      for (let piece = 0; piece < count; piece++) {
        const part = bytes.subarray(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES);
        await this.#pieces.insert({ _id: `${id}/${piece}`, bytes: new Binary(part) });
      }
      await this.#heads.insert({ _id: id, pieces: count, size: bytes.length });
      await this.#removeOld();
    } catch (error) {
      throw classify(error);
    }
  }

  async #removeOld(): Promise<void> {
    const heads = await this.#newestFirst();
    for (const head of heads.slice(KEPT)) {
      await this.#heads.delete(head._id);
      for (let piece = 0; piece < number(head, "pieces"); piece++) await this.#pieces.delete(`${head._id}/${piece}`);
    }
  }

  async #newestFirst(): Promise<Row[]> {
    const rows = await this.#heads.all.find({}).toArray();
    return rows.sort((a, b) => (a._id < b._id ? 1 : -1));
  }

  /** The furthest state that is whole; undefined where there is none. */
  async loadState(): Promise<SavedState | undefined> {
    try {
      for (const head of await this.#newestFirst()) {
        const bytes = await this.#bytesOf(head);
        if (bytes !== undefined) return { sequence: BigInt(`0x${head._id.slice(0, 16)}`), bytes };
      }
    } catch (error) {
      throw classify(error);
    }
    return undefined;
  }

  /** Notes that blocks passed detection by since the last state was saved; nothing where there is none. */
  async noteGap(toMs: number): Promise<void> {
    try {
      const [newest] = await this.#newestFirst();
      if (newest === undefined) return;
      const fromMs = Number.parseInt(newest._id.split("-").at(-1) ?? "", 16);
      await this.#gaps.tryInsert({ _id: String(fromMs), from_ms: fromMs, to_ms: toMs });
    } catch (error) {
      throw classify(error);
    }
  }

  /** Notes events of a host that no rule was held against, and that cannot be read. Throws as noteGap. */
  async noteLost({ hostId, epoch, first, next }: LostNumbers, nowMs: number): Promise<void> {
    const place = `${hostId}-${hex64(epoch)}-${hex64(first)}`;
    const lost = { next: hex64(next) };
    try {
      await this.#gaps.tryInsert({ _id: place, from_ms: nowMs, to_ms: nowMs, lost });
    } catch (error) {
      throw classify(error);
    }
  }

  /** Removes those that ended before this time; gives how many. */
  async removeGaps(beforeMs: number): Promise<number> {
    try {
      const rows = await this.#gaps.all.find({}).toArray();
      const old = rows.filter((row) => number(row, "to_ms") < beforeMs).map(({ _id }) => _id);
      await removeAll(this.#gaps, old);
      return old.length;
    } catch (error) {
      throw classify(error);
    }
  }

  async listGaps(): Promise<DetectionGap[]> {
    try {
      const rows = await this.#gaps.all.find({}).toArray();
      return rows.map(toGap);
    } catch (error) {
      throw classify(error);
    }
  }

  async #bytesOf(head: Row): Promise<Uint8Array | undefined> {
    const parts: Uint8Array[] = [];
    for (let piece = 0; piece < number(head, "pieces"); piece++) {
      const value: unknown = (await this.#pieces.get(`${head._id}/${piece}`))?.["bytes"];
      if (!(value instanceof Binary)) return undefined;
      parts.push(value.buffer);
    }
    const bytes = Buffer.concat(parts);
    return bytes.length === number(head, "size") ? bytes : undefined;
  }
}

function toGap(row: Row): DetectionGap {
  const gap = { fromMs: number(row, "from_ms"), toMs: number(row, "to_ms") };
  const lost = row["lost"] as Document | undefined;
  if (lost === undefined) return gap;
  const [hostId = "", epoch = "", first = ""] = row._id.split("-");
  const numberOf = (hex: string): bigint => BigInt(`0x${hex}`);
  return {
    ...gap,
    lost: { hostId, epoch: numberOf(epoch), first: numberOf(first), next: numberOf(text(lost, "next")) },
  };
}
