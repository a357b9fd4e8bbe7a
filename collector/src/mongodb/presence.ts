/** Which hosts have a stream to which node: one small document of each node, which it replaces again and again. */
import { Binary, type Db, type Document, Long } from "mongodb";
import type { Presence } from "../model/index.ts";
import { classify } from "./failure.ts";
import { number, type Row, Rows } from "./rows.ts";

/** A host's id is 32 hex digits. */
const ID_BYTES = 16;
const TIME_BYTES = 8;
/** A document has 16 MiB at most. */
const CONNECTED_MAX = 500_000;
const LEFT_MAX = 100_000;

export class PresenceStore {
  readonly #presences: Rows;

  constructor(database: Db) {
    this.#presences = new Rows(database, "presences");
  }

  /** Replaces what this node told before. Beyond the bounds hosts are left out. */
  async putPresence({ nodeId, startMs, timeMs, connected, left }: Presence): Promise<void> {
    const ids = connected.slice(0, CONNECTED_MAX).map((id) => Buffer.from(id, "hex"));
    const ends = left.slice(-LEFT_MAX).map(([id, endMs]) => {
      const entry = Buffer.alloc(ID_BYTES + TIME_BYTES);
      entry.set(Buffer.from(id, "hex"));
      entry.writeBigUInt64BE(BigInt(endMs), ID_BYTES);
      return entry;
    });
    const about = { start_ms: Long.fromNumber(startMs), time_ms: Long.fromNumber(timeMs) };
    const hosts = { connected: new Binary(Buffer.concat(ids)), left: new Binary(Buffer.concat(ends)) };
    try {
      await this.#presences.put({ _id: nodeId, ...about, ...hosts });
    } catch (error) {
      throw classify(error);
    }
  }

  async listPresences(): Promise<Presence[]> {
    try {
      return (await this.#presences.all.find({}).toArray()).map(toPresence);
    } catch (error) {
      throw classify(error);
    }
  }

  /** Removes what nodes told before this time and not again: they are gone. */
  async removePresencesBefore(timeMs: number): Promise<void> {
    try {
      await this.#presences.all.deleteMany({ time_ms: { $lt: Long.fromNumber(timeMs) } });
    } catch (error) {
      throw classify(error);
    }
  }
}

function toPresence(row: Row): Presence {
  return {
    nodeId: row._id,
    startMs: number(row, "start_ms"),
    timeMs: number(row, "time_ms"),
    connected: pieces(row, "connected", ID_BYTES).map((entry) => entry.toString("hex")),
    left: pieces(row, "left", ID_BYTES + TIME_BYTES).map((entry) => [
      entry.toString("hex", 0, ID_BYTES),
      Number(entry.readBigUInt64BE(ID_BYTES)),
    ]),
  };
}

function pieces(row: Document, key: string, length: number): Buffer[] {
  const value: unknown = row[key];
  const bytes = Buffer.from(value instanceof Binary ? value.buffer : []);
  return Array.from({ length: Math.floor(bytes.length / length) }, (_, at) =>
    bytes.subarray(at * length, (at + 1) * length),
  );
}
