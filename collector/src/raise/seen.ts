/** Messages that were taken lately, so that one that comes again is not counted twice. */

const KEY_BYTES = 8;

export class Seen {
  readonly #max: number;
  readonly #keys = new Set<bigint>();

  /** `max`: messages that are remembered; then the oldest is forgotten. */
  constructor(max: number, state: Uint8Array = new Uint8Array()) {
    this.#max = max;
    const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
    for (let at = 0; at + KEY_BYTES <= state.length; at += KEY_BYTES) this.#add(view.getBigUint64(at));
  }

  /** False where the message was there before. `digest` is at least 8 bytes of a hash. */
  add(digest: Uint8Array): boolean {
    const key = new DataView(digest.buffer, digest.byteOffset, digest.byteLength).getBigUint64(0);
    if (this.#keys.has(key)) return false;
    this.#add(key);
    return true;
  }

  #add(key: bigint): void {
    this.#keys.add(key);
    if (this.#keys.size <= this.#max) return;
    const [oldest] = this.#keys;
    if (oldest !== undefined) this.#keys.delete(oldest);
  }

  /** Content for the constructor. */
  state(): Uint8Array {
    const bytes = new Uint8Array(this.#keys.size * KEY_BYTES);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const key of this.#keys) {
      view.setBigUint64(at, key);
      at += KEY_BYTES;
    }
    return bytes;
  }
}
