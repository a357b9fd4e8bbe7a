/**
 * Keys of 64 bits, each in two halves, since numbers are much faster than BigInts. Two texts may have one key, by chance or because somebody
 * looked for them: then a sieve says "may be there" of a text that is not there, which costs a look and hides nothing. So nothing
 * cryptographic is needed. It is 32-bit integer arithmetic alone, which all machines do alike.
 */

/** Mixes 32 bits so that each bit decides about all, one to one. Source: MurmurHash3's finalizer, public domain. */
export function mix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** A hash of texts, by their UTF-16 code units, so that lone surrogates are units like any other. One object hashes one text after another. */
export class TextHash {
  /** The hash's halves, after `end`. */
  low = 0;
  high = 0;

  /** Begins a text; other seeds give other hashes. */
  begin(seed: number): this {
    this.low = mix(seed);
    this.high = mix(~seed);
    return this;
  }

  /** Goes on with a part of the text. */
  add(text: string): this {
    let { low, high } = this;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      // Each step is one to one for a given unit, so what told two texts apart is not lost on the way.
      low = Math.imul(low ^ unit, 0x85ebca6b);
      low ^= low >>> 15;
      high = (Math.imul(high ^ unit, 0xc2b2ae35) + low) | 0;
      high = (high << 13) | (high >>> 19);
    }
    this.low = low;
    this.high = high;
    return this;
  }

  end(): this {
    const high = mix(this.high ^ mix(this.low));
    this.low = mix(this.low ^ high);
    this.high = high;
    return this;
  }
}
