/** Text to numbers, with what to do where it is none. */

/** A decimal u32; `fallback` where the text is missing or none. */
export function u32(text: string | undefined, fallback: number): number {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return fallback;
  const value = Number(text);
  return value <= 0xffffffff ? value : fallback;
}

/** A hex u32. */
export function hex32(text: string | undefined, fallback: number): number {
  return text !== undefined && /^[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : fallback;
}

/** A hex u64; 0 where the text is missing or none. */
export function hex64(text: string | undefined): bigint {
  if (text === undefined || !/^[0-9a-f]{1,16}$/i.test(text)) return 0n;
  return text.length <= 12 ? BigInt(Number.parseInt(text, 16)) : BigInt(`0x${text}`);
}

/** A decimal i64; 0 where the text is missing or none. */
export function i64(text: string | undefined): bigint {
  return text !== undefined && /^-?\d{1,19}$/.test(text) ? BigInt.asIntN(64, BigInt(text)) : 0n;
}

/** A decimal u64. */
export function u64(text: string | undefined): bigint {
  return text !== undefined && /^\d{1,20}$/.test(text) ? BigInt.asUintN(64, BigInt(text)) : 0n;
}

/** An octal u32. */
export function octal(text: string | undefined): number {
  return text !== undefined && /^[0-7]{1,11}$/.test(text) ? Number.parseInt(text, 8) >>> 0 : 0;
}
