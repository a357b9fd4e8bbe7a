/**
 * What a file holds, decompressed where it is compressed: piece by piece, never as a whole. Whatever can be read before a damage comes first.
 * What Node has no decoder for is read by the system's own program.
 */
import { spawn } from "node:child_process";
import { type FileHandle, open } from "node:fs/promises";
import type { Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";

/** Where a file could not be read on, and why. */
export class DamageError extends Error {
  override readonly name = "DamageError";
  /** Bytes of the file as it is on disk; undefined where the program did not tell. */
  readonly offset: number | undefined;

  constructor(offset: number | undefined, reason: string, cause?: unknown) {
    super(reason, { cause });
    this.offset = offset;
  }
}

interface Format {
  extensions: readonly string[];
  /** What its files begin with, in Latin-1. */
  magic: string;
  decoder: { make: () => Transform } | { program: string };
}

const FORMATS: readonly Format[] = [
  { extensions: ["gz"], magic: "\u001f\u008b", decoder: { make: () => createGunzip({ chunkSize: CHUNK_BYTES }) } },
  {
    extensions: ["zst"],
    magic: "\u0028\u00b5\u002f\u00fd",
    decoder: { make: () => createZstdDecompress({ chunkSize: CHUNK_BYTES }) },
  },
  { extensions: ["xz"], magic: "\u00fd7zXZ\0", decoder: { program: "xz" } },
  { extensions: ["lzma"], magic: "\u005d\0\0", decoder: { program: "xz" } },
  { extensions: ["bz2"], magic: "BZh", decoder: { program: "bzip2" } },
  { extensions: ["lz4"], magic: "\u0004\u0022\u004d\u0018", decoder: { program: "lz4" } },
  { extensions: ["Z"], magic: "\u001f\u009d", decoder: { program: "gzip" } },
];
const MAGIC_BYTES = 6;
/** Bytes of the compressed file that are given to a decoder at once. */
const PIECE_BYTES = 16 * 1024;
/** Of text, that is handed on at once. */
const CHUNK_BYTES = 64 * 1024;
/** Of what a program says on standard error. */
const REASON_LENGTH_MAX = 300;
/** What `xz -9` needs is 65 MiB; a file may ask for 4 GiB. */
const PROGRAM_MEMORY = "--memlimit-decompress=128MiB";

/** Every extension that can be read. */
export const COMPRESSIONS: readonly string[] = FORMATS.flatMap(({ extensions }) => extensions);

/**
 * The bytes of a regular file from its beginning; each chunk holds until the next one is asked for. Throws `DamageError` behind the last byte that
 * can be read.
 */
export async function* contentOf(
  handle: FileHandle,
  extension: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0);
  const format = formatOf(buffer.toString("latin1", 0, bytesRead), extension);
  if (format === undefined) yield* plain(handle);
  else if (bytesRead === 0) throw new DamageError(0, "it is empty, without even a header");
  else if ("program" in format.decoder) yield* byProgram(handle, format.decoder.program, signal);
  else yield* byDecoder(handle, format.decoder.make, format.magic);
}

/** By what it begins with; by its name where that is unknown. Text is text, whatever its name says. */
function formatOf(begin: string, extension: string): Format | undefined {
  const byMagic = FORMATS.find(({ magic }) => begin.startsWith(magic));
  if (byMagic !== undefined) return byMagic;
  if (/^[\x20-\x7e]+$/.test(begin)) return undefined;
  return FORMATS.find(({ extensions }) => extensions.includes(extension));
}

async function* plain(handle: FileHandle): AsyncGenerator<Buffer, void, undefined> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** How far a decoder came. */
interface Progress {
  /** Of the file: where the decoder stopped, and where the last piece began that it was given. */
  end: number;
  pieceStart: number;
  error: Error | undefined;
}

/** A file may be several compressed ones, one behind the other. */
async function* byDecoder(
  handle: FileHandle,
  make: () => Transform,
  magic: string,
): AsyncGenerator<Buffer, void, undefined> {
  for (let start = 0; ; ) {
    let given = 0;
    const progress: Progress = { end: start, pieceStart: start, error: undefined };
    for await (const chunk of decode(handle, new Decoder(make()), start, Number.POSITIVE_INFINITY, progress)) {
      given += chunk.length;
      yield chunk;
    }
    if (progress.error !== undefined) {
      yield* beforeDamage(handle, make, start, progress.pieceStart, given);
      throw new DamageError(progress.end, progress.error.message, progress.error);
    }
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(PIECE_BYTES), 0, PIECE_BYTES, progress.end);
    const behind = buffer.subarray(0, bytesRead);
    // Tapes and some tools fill up with zeros.
    if (behind.every((byte) => byte === 0)) return;
    if (progress.end === start || !behind.toString("latin1", 0, magic.length).startsWith(magic))
      throw new DamageError(progress.end, "what follows the end of the compressed data is no more of it");
    start = progress.end;
  }
}

/**
 * A decoder that fails gives nothing of the piece in which it does: once more from the start, and byte by byte from that piece on.
 * `given` bytes were handed on before.
 */
async function* beforeDamage(
  handle: FileHandle,
  make: () => Transform,
  start: number,
  pieceStart: number,
  given: number,
): AsyncGenerator<Buffer, void, undefined> {
  let skip = given;
  const progress: Progress = { end: start, pieceStart: start, error: undefined };
  for await (const chunk of decode(handle, new Decoder(make()), start, pieceStart, progress)) {
    if (chunk.length > skip) yield chunk.subarray(skip);
    skip = Math.max(0, skip - chunk.length);
  }
}

/** A decoder that is given a piece, and then asked for all that comes of it. */
class Decoder {
  error: Error | undefined;
  #isEnded = false;
  #isTaken = true;
  #wake: (() => void) | undefined;
  readonly #transform: Transform & { bytesWritten?: number };

  constructor(transform: Transform) {
    this.#transform = transform;
    transform.on("readable", () => this.#wake?.());
    transform.on("end", () => {
      this.#isEnded = true;
      this.#wake?.();
    });
    transform.on("error", (error) => {
      this.error = error;
      this.#wake?.();
    });
  }

  /** It takes no more. */
  get isDone(): boolean {
    return this.#isEnded || this.error !== undefined;
  }

  /** Bytes that it took; those behind its end are not among them. */
  get bytesTaken(): number {
    return this.#transform.bytesWritten ?? 0;
  }

  /** What comes of the piece. */
  give(piece: Buffer): AsyncGenerator<Buffer, void, undefined> {
    this.#isTaken = false;
    this.#transform.write(piece, () => {
      this.#isTaken = true;
      this.#wake?.();
    });
    return this.#drain();
  }

  /** Only now it tells that more should have come. */
  end(): AsyncGenerator<Buffer, void, undefined> {
    this.#isTaken = false;
    this.#transform.end();
    return this.#drain();
  }

  destroy(): void {
    this.#transform.destroy();
  }

  async *#drain(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const chunk = this.#transform.read() as Buffer | null;
      if (chunk !== null) yield chunk;
      else if (this.#isTaken || this.isDone) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}

/** What the file's bytes from `start` on decode to, up to the decoder's end or error; from `slowFrom` on it is given single bytes. */
async function* decode(
  handle: FileHandle,
  decoder: Decoder,
  start: number,
  slowFrom: number,
  progress: Progress,
): AsyncGenerator<Buffer, void, undefined> {
  const piece = Buffer.alloc(PIECE_BYTES);
  try {
    for (let at = start; !decoder.isDone; ) {
      const { bytesRead } = await handle.read(piece, 0, PIECE_BYTES, at);
      if (bytesRead === 0) {
        yield* decoder.end();
        return;
      }
      progress.pieceStart = at;
      const step = at >= slowFrom ? 1 : PIECE_BYTES;
      for (let from = 0; from < bytesRead && !decoder.isDone; from += step)
        yield* decoder.give(piece.subarray(from, Math.min(from + step, bytesRead)));
      at += bytesRead;
    }
  } finally {
    progress.end = start + decoder.bytesTaken;
    progress.error = decoder.error;
    decoder.destroy();
  }
}

/** The program reads the file itself, and ends with us: its output has no reader any more. */
async function* byProgram(
  handle: FileHandle,
  program: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  // A description of its own, since the program moves the offset; of the same file, whatever its name is by now.
  const input = await open(`/proc/self/fd/${handle.fd}`);
  const child = spawn(program, ["-dc"], {
    stdio: [input.fd, "pipe", "pipe"],
    env: { PATH: process.env["PATH"], LC_ALL: "C", XZ_DEFAULTS: PROGRAM_MEMORY },
    signal,
    killSignal: "SIGKILL",
  });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("a child process has no pipes");
  let said = "";
  stderr.setEncoding("latin1").on("data", (text: string) => {
    if (said.length < REASON_LENGTH_MAX) said += text.slice(0, REASON_LENGTH_MAX - said.length);
  });
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error: NodeJS.ErrnoException) =>
      resolve(
        error.code === "ENOENT"
          ? `it can be read only by the program ${program}, which is not installed`
          : error.message,
      ),
    );
    child.on("close", (code, killed) =>
      resolve(code === 0 ? "" : said.trim() || `${program} ended with ${code ?? killed}`),
    );
  });
  try {
    try {
      for await (const chunk of stdout) yield chunk as Buffer;
    } catch {
      // A program that did not start has no output; why, is told by how it ended.
    }
    const reason = await ended;
    if (reason !== "" && !signal.aborted) throw new DamageError(undefined, reason);
  } finally {
    child.kill("SIGKILL");
    await input.close();
  }
}
