/** Rows of a batch as files: each is whole before it goes to where files are kept, and the same batch is cut into the same files. */
import { promisify } from "node:util";
import { gzip, zstdCompress } from "node:zlib";
import type { Batch } from "../ports.ts";

export type Compression = "none" | "gzip" | "zstd";

/** Makes bytes of rows; one for each file. */
export interface RowWriter<Row> {
  write(rows: readonly Row[]): Uint8Array;
  end(): Uint8Array;
}

/** Where files are kept. Throws a ForwardError where it does not take one. */
export interface PartStore {
  /** Puts a file in the place of what is there under this name, for good. `key` has "/" between folders. */
  put(key: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
}

export interface PartOptions<Row> {
  /** Of the folder and the begin of the name. */
  prefix: string;
  /** With its dot. */
  extension: string;
  compression: Compression;
  /** A file is ended when its bytes, before they are compressed, are more. */
  bytesMax: number;
  open(): RowWriter<Row>;
}

const EXTENSION: Readonly<Record<Compression, string>> = { none: "", gzip: ".gz", zstd: ".zst" };
const PART_DIGITS = 4;
const compressGzip = promisify(gzip);
const compressZstd = promisify(zstdCompress);

export class PartsBatch<Row> implements Batch<Row> {
  readonly #store: PartStore;
  readonly #options: PartOptions<Row>;
  readonly #signal: AbortSignal;
  readonly #told: (bytes: number) => void;
  #writer: RowWriter<Row> | undefined;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #parts = 0;

  /** `told` is told of the bytes of each file. */
  constructor(store: PartStore, options: PartOptions<Row>, signal: AbortSignal, told: (bytes: number) => void) {
    this.#store = store;
    this.#options = options;
    this.#signal = signal;
    this.#told = told;
  }

  async write(rows: readonly Row[]): Promise<void> {
    this.#writer ??= this.#options.open();
    this.#add(this.#writer.write(rows));
    if (this.#bytes >= this.#options.bytesMax) await this.#endPart();
  }

  async end(): Promise<void> {
    await this.#endPart();
  }

  /** Files that are whole stay: they are replaced when the batch is sent again. */
  async drop(): Promise<void> {
    this.#writer = undefined;
    this.#chunks = [];
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
  }

  async #endPart(): Promise<void> {
    if (this.#writer === undefined) return;
    this.#add(this.#writer.end());
    const { prefix, extension, compression } = this.#options;
    const part = String(this.#parts).padStart(PART_DIGITS, "0");
    const bytes = await compressed(Buffer.concat(this.#chunks), compression);
    this.#writer = undefined;
    this.#chunks = [];
    this.#bytes = 0;
    await this.#store.put(`${prefix}-${part}${extension}${EXTENSION[compression]}`, bytes, this.#signal);
    this.#parts++;
    this.#told(bytes.length);
  }
}

async function compressed(bytes: Buffer, compression: Compression): Promise<Uint8Array> {
  if (compression === "none") return bytes;
  return compression === "gzip" ? await compressGzip(bytes) : await compressZstd(bytes);
}
