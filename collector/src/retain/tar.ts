/** Files in a tar of the ustar format (POSIX.1-1988), which every tar reads. Pure. */

const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;
const CHECKSUM_AT = 148;

/** A file with its header, filled up to whole blocks. The name has up to 100 bytes; the time is milliseconds since 1970. */
export function tarMember(name: string, bytes: Uint8Array, timeMs: number): Uint8Array {
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) throw new RangeError(`${name}: a name in a tar has up to 100 bytes`);
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name, 0, "latin1");
  header.write("0000600\0", 100, "latin1");
  header.write("0000000\0", 108, "latin1");
  header.write("0000000\0", 116, "latin1");
  header.write(`${octal(bytes.length, 11)}\0`, 124, "latin1");
  header.write(`${octal(Math.floor(timeMs / 1000), 11)}\0`, 136, "latin1");
  header.write("        ", CHECKSUM_AT, "latin1");
  header.write("0", 156, "latin1");
  header.write("ustar\u000000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, CHECKSUM_AT, "latin1");
  const rest = (BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES;
  return Buffer.concat([header, bytes, Buffer.alloc(rest)]);
}

/** What a tar ends with. */
export function tarEnd(): Uint8Array {
  return new Uint8Array(2 * BLOCK_BYTES);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
