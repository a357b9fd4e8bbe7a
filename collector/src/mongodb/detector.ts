/**
 * What the detector goes on from. A state is written in pieces, and then its head, which names the place in the stream; the head that
 * is furthest counts. So whoever was the detector and does not know yet that another one is cannot take anything back.
 */
import { Binary, type Db } from "mongodb";
import { classify } from "./failure.ts";
import { number, type Row, Rows } from "./rows.ts";

export interface SavedState {
  /** Last message of the matches' stream that is in it. */
  sequence: bigint;
  bytes: Uint8Array;
}

/** A document has 16 MiB at most. */
const PIECE_BYTES: number = 8 * 1024 * 1024;
/** States that are kept: should the last one not be whole, the one before serves. */
const KEPT = 2;

export class DetectorStore {
  readonly #heads: Rows;
  readonly #pieces: Rows;

  constructor(database: Db) {
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
