/**
 * Small blocks on their way over one stream. One block has too little in it to learn from, but it resembles those before it: what went
 * over the stream lately is the context in which the next one is compressed. Both ends keep the same bytes, in the order of the stream; a new
 * stream begins with none. Nowhere else does a block depend on another one.
 */
import { Block, Codec } from "@hosttrail/proto/block";
import { parseBlock } from "./header.ts";
import { HEADER_BYTES_MAX } from "./limits.ts";
import { type BlockPrimitives, columnsOf } from "./seal.ts";

/** Columns of a block that is linked, at most: larger ones have enough of their own. */
export const LINKED_COLUMNS_MAX: number = 64 * 1024;
/** Bytes that one linked block comes to, at most: columns, header, signature and tags. */
const LINKED_BYTES_MAX = LINKED_COLUMNS_MAX + HEADER_BYTES_MAX + 256;
/** Bytes that both ends keep where nobody said otherwise: docs/decisions/0023-links.md has what others cost on the wire and in memory. */
export const LINK_WINDOW_DEFAULT: number = 8 * 1024;
/** Bytes that an end is ready to keep, at most. */
export const LINK_WINDOW_MAX: number = 256 * 1024;

/** A frame that is not what the other end can have sent; the stream must begin anew. */
export class LinkError extends Error {
  override readonly name = "LinkError";
}

const NOTHING = new Uint8Array(0);
/** Memory that a stream takes for its first bytes. */
const FIRST_BYTES = 1024;

/**
 * The last bytes that went over a stream. It takes memory as they come, up to the window and not more: a collector has one for each agent, of
 * which many send little.
 */
class History {
  readonly #window: number;
  /** A zero before all: no zstd dictionary with a format of its own begins so. */
  #bytes: Uint8Array = NOTHING;
  #end = 1;

  constructor(window: number) {
    this.#window = window;
  }

  /** A view: valid until the next push. */
  get context(): Uint8Array | undefined {
    return this.#end === 1 ? undefined : this.#bytes.subarray(0, this.#end);
  }

  push(bytes: Uint8Array): void {
    const last = bytes.subarray(Math.max(0, bytes.length - this.#window));
    const kept = Math.min(this.#end - 1, this.#window - last.length);
    const end = 1 + kept + last.length;
    const before = this.#bytes;
    if (end > before.length) this.#bytes = new Uint8Array(1 + Math.min(this.#window, Math.max(FIRST_BYTES, 2 * end)));
    // Bytes move with each block once the window is full: they are few beside what zstd does with them.
    if (this.#bytes !== before) this.#bytes.set(before.subarray(this.#end - kept, this.#end), 1);
    else this.#bytes.copyWithin(1, this.#end - kept, this.#end);
    this.#bytes.set(last, 1 + kept);
    this.#end = end;
  }
}

/** The sending end. */
export class LinkWriter {
  readonly #history: History;
  readonly #primitives: BlockPrimitives;

  /** `window`: bytes that the other end keeps. */
  constructor(window: number, primitives: BlockPrimitives) {
    this.#history = new History(window);
    this.#primitives = primitives;
  }

  /** The frame of a serialized block, which must be sent next; undefined where the block goes better as it is. Throws a BlockError. */
  pack(bytes: Uint8Array): Uint8Array | undefined {
    const parsed = parseBlock(bytes);
    if (parsed.header.columnsBytes > LINKED_COLUMNS_MAX) return undefined;
    const { header, signature } = parsed.block;
    const payload = columnsOf(parsed, this.#primitives);
    const plain = Block.encode({ header, signature, payload, codec: Codec.NONE }).finish();
    const frame = this.#primitives.compress(plain, this.#history.context);
    this.#history.push(plain);
    return frame;
  }
}

/** The receiving end. */
export class LinkReader {
  readonly #history: History;
  readonly #primitives: BlockPrimitives;

  constructor(window: number, primitives: BlockPrimitives) {
    this.#history = new History(window);
    this.#primitives = primitives;
  }

  /** The serialized block of the next frame, its columns as they are; nothing of it is checked. Throws a LinkError, and is of no use after. */
  unpack(frame: Uint8Array): Uint8Array {
    let plain: Uint8Array;
    try {
      plain = this.#primitives.decompress(frame, LINKED_BYTES_MAX, this.#history.context);
    } catch (cause) {
      throw new LinkError("a linked block cannot be decompressed after those before it", { cause });
    }
    this.#history.push(plain);
    return plain;
  }
}
