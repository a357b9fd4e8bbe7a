/** A file's bytes: as every process sees them, and as a loss of power leaves them. */
import type { Random } from "../schedule/index.ts";

const PAGE_BYTES = 4096;
/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

export class Inode {
  readonly kind: "file" | "directory";
  mtimeMs: number;
  size = 0;
  #bytes = Buffer.alloc(0);
  #synced = Buffer.alloc(0);
  #syncedSize = 0;
  readonly #dirty = new Set<number>();

  constructor(kind: "file" | "directory", nowMs: number) {
    this.kind = kind;
    this.mtimeMs = nowMs;
  }

  /** Its bytes now; not to be changed. */
  get content(): Buffer {
    return this.#bytes.subarray(0, this.size);
  }

  /** What is on the disk for certain; not to be changed. */
  get syncedContent(): Buffer {
    return this.#synced.subarray(0, this.#syncedSize);
  }

  read(into: Uint8Array, offset: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.size - position));
    into.set(this.#bytes.subarray(position, position + count), offset);
    return count;
  }

  write(bytes: Uint8Array, position: number, nowMs: number): void {
    const end = position + bytes.length;
    this.#bytes = grown(this.#bytes, end);
    if (position > this.size) this.#bytes.fill(0, this.size, position);
    this.#bytes.set(bytes, position);
    this.#touch(Math.min(position, this.size), end);
    this.size = Math.max(this.size, end);
    this.mtimeMs = nowMs;
  }

  truncate(size: number, nowMs: number): void {
    this.#bytes = grown(this.#bytes, size);
    if (size > this.size) this.#bytes.fill(0, this.size, size);
    this.#touch(Math.min(size, this.size), Math.max(size, this.size));
    this.size = size;
    this.mtimeMs = nowMs;
  }

  #touch(from: number, to: number): void {
    for (let page = Math.floor(from / PAGE_BYTES); page * PAGE_BYTES < to; page++) this.#dirty.add(page);
  }

  sync(): void {
    this.#synced = grown(this.#synced, this.size);
    for (const page of this.#dirty) {
      const [from, to] = [page * PAGE_BYTES, Math.min((page + 1) * PAGE_BYTES, this.size)];
      if (from < to) this.#bytes.copy(this.#synced, from, from, to);
    }
    this.#syncedSize = this.size;
    this.#dirty.clear();
  }

  /** The power goes: each page that was not synced is there, or as it was before, or half of each; the size is an old or a new one. */
  losePower(random: Random): void {
    const size = this.#sizeAfter(random);
    const after = Buffer.alloc(size);
    this.#synced.copy(after, 0, 0, Math.min(size, this.#syncedSize));
    for (const page of [...this.#dirty].sort((a, b) => a - b)) {
      const from = page * PAGE_BYTES;
      const whole = Math.min(from + PAGE_BYTES, this.size, size);
      const torn = Math.min(whole, from + random.whole(0, PAGE_BYTES / SECTOR_BYTES) * SECTOR_BYTES);
      const to = random.pick([from, whole, torn]);
      if (from < to) this.#bytes.copy(after, from, from, to);
    }
    this.#bytes = after;
    this.size = size;
    this.#synced = Buffer.from(after);
    this.#syncedSize = size;
    this.#dirty.clear();
  }

  #sizeAfter(random: Random): number {
    if (this.size === this.#syncedSize) return this.size;
    const [least, most] = [Math.min(this.size, this.#syncedSize), Math.max(this.size, this.#syncedSize)];
    return random.pick([this.#syncedSize, this.size, random.whole(least, most)]);
  }

  /** One bit of what is stored is another one from now on. */
  flip(position: number, bit: number): void {
    for (const bytes of [this.#bytes, this.#synced]) {
      const byte = bytes[position];
      if (byte !== undefined) bytes[position] = byte ^ (1 << bit);
    }
  }
}

/** A buffer with room for so many bytes. */
function grown(bytes: Buffer<ArrayBuffer>, length: number): Buffer<ArrayBuffer> {
  if (length <= bytes.length) return bytes;
  const larger = Buffer.alloc(Math.max(length, bytes.length * 2, 256));
  bytes.copy(larger);
  return larger;
}
