/** The API of the transparency log. See proto/hosttrail/v1/log.proto. */
import { status } from "@grpc/grpc-js";
import { parseLogEntry } from "@hosttrail/lib/logentry";
import { leafHash, TILE_WIDTH, TlogError } from "@hosttrail/lib/tlog";
import {
  GetCheckpointRequest,
  GetTileRequest,
  ListLogEntriesRequest,
  type ListLogEntriesResponse,
  type LogCheckpoint,
  type LogEntry,
  type LogServiceServer,
  type LogTile,
} from "@hosttrail/proto/log";
import type { HostSet } from "../access/index.ts";
import type { LogReader } from "../logbook/index.ts";
import { type Answers, type Gate, invalidField, serviceError, type Visit } from "../serve/index.ts";

const PAGE = { none: 256, most: 1024 };
const LEVEL_MAX = 63;

export class LogApi {
  readonly #reader: LogReader | undefined;
  readonly #gate: Gate;

  /** No reader where this collector has no log. */
  constructor(reader: LogReader | undefined, gate: Gate) {
    this.#reader = reader;
    this.#gate = gate;
  }

  /** The methods as grpc-js wants them. */
  get methods(): LogServiceServer {
    return {
      getCheckpoint: this.#gate.unary(GetCheckpointRequest, () => this.#checkpoint()),
      getTile: this.#gate.unary(GetTileRequest, (request) => this.#tile(request)),
      listLogEntries: this.#gate.unary(ListLogEntriesRequest, (request, visit) => this.#entries(request, visit)),
    };
  }

  async #checkpoint(): Promise<Answers<LogCheckpoint>> {
    const { note, size } = await this.#published();
    return { response: { note, size: BigInt(size) }, results: 1 };
  }

  async #tile({ level, index, width }: GetTileRequest): Promise<Answers<LogTile>> {
    if (level > LEVEL_MAX) throw invalidField("level", level, `0 to ${String(LEVEL_MAX)}`);
    if (width < 1 || width > TILE_WIDTH) throw invalidField("width", width, `1 to ${String(TILE_WIDTH)}`);
    const at = numberOf(index, "index");
    const hashes = await this.#opened().file({ level, index: at, width });
    if (hashes === undefined) {
      const about = { level: String(level), index: String(index), width: String(width) };
      throw serviceError(status.NOT_FOUND, "TILE_NOT_FOUND", "the published tree has no such tile", about);
    }
    return { response: { hashes }, results: width };
  }

  async #entries(
    { firstIndex, pageSize }: ListLogEntriesRequest,
    { hosts }: Visit,
  ): Promise<Answers<ListLogEntriesResponse>> {
    if (pageSize < 0 || pageSize > PAGE.most) throw invalidField("page_size", pageSize, `0 to ${String(PAGE.most)}`);
    const first = numberOf(firstIndex, "first_index");
    const { size } = await this.#published();
    const end = Math.min(size, first + (pageSize === 0 ? PAGE.none : pageSize));
    const entries: LogEntry[] = [];
    for (let bundle = Math.floor(first / TILE_WIDTH); bundle * TILE_WIDTH < end; bundle++) {
      const all = await this.#bundle(bundle, size);
      for (const [at, bytes] of all.entries()) {
        const index = bundle * TILE_WIDTH + at;
        if (index < first || index >= end) continue;
        const entry = isFor(bytes, hosts) ? bytes : new Uint8Array();
        entries.push({ index: BigInt(index), leafHash: leafHash(bytes), entry });
      }
    }
    return { response: { entries }, results: entries.length };
  }

  async #bundle(index: number, size: number): Promise<Uint8Array[]> {
    try {
      return await this.#opened().bundle(index, size);
    } catch (error) {
      if (!(error instanceof TlogError)) throw error;
      throw serviceError(status.DATA_LOSS, "LOG_DAMAGED", error.message, { place: error.place });
    }
  }

  async #published(): Promise<{ note: Uint8Array; size: number }> {
    const published = await this.#opened().published();
    if (published !== undefined) return published;
    throw serviceError(status.NOT_FOUND, "CHECKPOINT_NOT_FOUND", "no checkpoint was published yet");
  }

  #opened(): LogReader {
    if (this.#reader !== undefined) return this.#reader;
    throw serviceError(
      status.FAILED_PRECONDITION,
      "LOG_NOT_KEPT",
      "this collector has no transparency log: attest.origin is not set",
    );
  }
}

/** Whether an entry is for who may see these hosts; undefined for all. What is about hosts by label is for who may see all. */
function isFor(bytes: Uint8Array, hosts: HostSet): boolean {
  if (hosts === undefined) return true;
  try {
    const entry = parseLogEntry(bytes);
    if (entry.kind === "head" || entry.kind === "dropped") return hosts.has(entry.hostId);
    return entry.labels.length === 0 && entry.hostIds.every((hostId) => hosts.has(hostId));
  } catch {
    return false;
  }
}

function numberOf(value: bigint, field: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalidField(field, value, "0 to 2^53 - 1");
  return Number(value);
}
