/** A tar file of a few small files: POSIX ustar, as every tar reads it. */

const BLOCK_BYTES = 512;
/** A name has its own field; no name here is longer. */
const NAME_BYTES_MAX = 100;

export interface TarFile {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Pieces of the file, one after the other. Throws a RangeError for a name that has no place. */
export function tarOf(files: readonly TarFile[]): Uint8Array<ArrayBuffer>[] {
  const pieces = files.flatMap(({ name, bytes }) => {
    const rest = (BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES;
    return [headerOf(name, bytes.length), bytes, new Uint8Array(rest)];
  });
  // Two empty blocks end it.
  return [...pieces, new Uint8Array(2 * BLOCK_BYTES)];
}

function headerOf(name: string, size: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(BLOCK_BYTES);
  const put = (at: number, text: string): void => header.set(new TextEncoder().encode(text), at);
  if (new TextEncoder().encode(name).length > NAME_BYTES_MAX) throw new RangeError(`the name ${name} is too long`);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;
  put(0, name);
  put(100, octal(0o600, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(size, 11));
  put(136, octal(0, 11));
  // The sum is made with spaces in its own place.
  put(148, " ".repeat(8));
  put(156, "0");
  put(257, "ustar\0");
  put(263, "00");
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return header;
}
