/** How the kernel writes strings that it does not trust: in quotes where harmless, else as hex. */

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const HEX = "0123456789ABCDEF";

/**
 * The kernel's form of a string: quoted, or upper case hex of its bytes where a byte is a control character,
 * a space, a quote or above 0x7e. Source: audit_string_contains_control in kernel/audit.c.
 */
export function quote(value: string): string {
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code === 0x22 || code < 0x21 || code > 0x7e) return hexOf(encoder.encode(value));
  }
  return `"${value}"`;
}

/** Upper case hex. */
export function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += (HEX[byte >> 4] ?? "") + (HEX[byte & 15] ?? "");
  return text;
}

/** The bytes of an even number of hex digits, or undefined where the text is none. */
export function bytesOfHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) {
    const high = digit(text.charCodeAt(2 * at));
    const low = digit(text.charCodeAt(2 * at + 1));
    if (high < 0 || low < 0) return undefined;
    bytes[at] = high * 16 + low;
  }
  return bytes;
}

function digit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 65 && code <= 70) return code - 55;
  if (code >= 97 && code <= 102) return code - 87;
  return -1;
}

/**
 * The string that the kernel meant: the inside of quotes literally, hex decoded; `(null)`, `(none)` and what
 * is neither stay as they are. Bytes that are not UTF-8 become U+FFFD: the record keeps the exact ones.
 */
export function unquote(value: string): string {
  if (value.charCodeAt(0) === 0x22) {
    return value.charCodeAt(value.length - 1) === 0x22 && value.length > 1 ? value.slice(1, -1) : value.slice(1);
  }
  if (value === "") return "";
  const bytes = bytesOfHex(value);
  return bytes === undefined ? value : lenient.decode(bytes);
}

/** Text of bytes that arrived as Latin-1, or undefined where they are not UTF-8. */
export function utf8OfLatin1(text: string): string | undefined {
  let ascii = true;
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 127) {
      ascii = false;
      break;
    }
  }
  if (ascii) return text;
  try {
    return strict.decode(latin1Bytes(text));
  } catch {
    return undefined;
  }
}

/** The bytes of a Latin-1 string. */
export function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
