/** Values as others encode them: UTF-16, Base64. Texts of bytes have one character a byte. */

/** UTF-8. */
export function utf8Bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** UTF-16 without a byte order mark. */
export function utf16Bytes(text: string, order: "le" | "be"): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < text.length; at++) view.setUint16(at * 2, text.charCodeAt(at), order === "le");
  return bytes;
}

/** UTF-16 in little-endian order, with its byte order mark. */
export function utf16WithMark(text: string): Uint8Array {
  return Uint8Array.of(0xff, 0xfe, ...utf16Bytes(text, "le"));
}

export function textOfBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export function base64(bytes: Uint8Array): string {
  return btoa(textOfBytes(bytes));
}

/** Digits that depend on what stands before, and behind, by the bytes before and by the length modulo three. */
const SKIPPED_AT_START = [0, 2, 3] as const;
const SKIPPED_AT_END = [0, 3, 2] as const;

/** What is the same of a value's Base64 wherever it stands in what is encoded: three texts, one for each offset. */
export function base64Offsets(bytes: Uint8Array): string[] {
  return SKIPPED_AT_START.map((skipped, offset) => {
    const shifted = new Uint8Array(offset + bytes.length);
    shifted.set(bytes, offset);
    const digits = base64(shifted);
    return digits.slice(skipped, digits.length - (SKIPPED_AT_END[shifted.length % 3] ?? 0));
  });
}

/** What command lines have for a dash: hyphen, slash, en dash, em dash, horizontal bar. */
const DASHES = ["-", "/", "–", "—", "―"] as const;
/** A dash that begins a word. */
const DASH_OF_WORD = /(?<![\p{L}\p{N}_])[-/–—―](?=[\p{L}\p{N}_])/gu;
const DASHES_MAX = 4;

/** The text with every dash that begins a word as each of the five; undefined where there are too many. */
export function dashVariants(text: string): string[] | undefined {
  const places = Array.from(text.matchAll(DASH_OF_WORD), ({ index }) => index);
  if (places.length > DASHES_MAX) return undefined;
  let variants = [text];
  for (const place of places) {
    variants = variants.flatMap((variant) =>
      DASHES.map((dash) => variant.slice(0, place) + dash + variant.slice(place + 1)),
    );
  }
  return variants;
}

export { DASHES_MAX };
