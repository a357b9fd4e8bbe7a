/**
 * Tiles: 256 neighbouring hashes of the levels 0, 8, 16 …, and bundles of 256 entries; where they lie and how their bytes are laid out.
 * Source: C2SP tlog-tiles.
 */
import { TlogError } from "./error.ts";
import { HASH_BYTES } from "./hash.ts";
import { concat, fromDecimal } from "./text.ts";

/** Hashes of a full tile, and entries of a full bundle. */
export const TILE_WIDTH = 256;
/** Levels of a tree that a tile spans. */
export const TILE_HEIGHT = 8;
/** Bytes of an entry: its length stands in 16 bits. */
export const ENTRY_BYTES_MAX = 65_535;
/** Levels of tiles that a tree of 2^53 entries has. */
const LEVELS = 7;
/** Levels that a path may name. */
const LEVEL_MAX = 63;
/** Digits of an index in a path. */
const INDEX_DIGITS = 3;

/** A tile of hashes, or a bundle of entries. */
export interface TileName {
  /** Of hashes; "entries" for a bundle. */
  level: number | "entries";
  /** Its place at the level, from 0. */
  index: number;
  /** Hashes or entries in it, 1 to 256. */
  width: number;
}

/** `tile/<level>/<index>[.p/<width>]`. */
export function tilePath({ level, index, width }: TileName): string {
  const elements: string[] = [];
  for (let rest = index; ; rest = Math.floor(rest / 1000)) {
    elements.unshift(String(rest % 1000).padStart(INDEX_DIGITS, "0"));
    if (rest < 1000) break;
  }
  const named = elements.map((element, at) => (at < elements.length - 1 ? `x${element}` : element)).join("/");
  return `tile/${String(level)}/${named}${width === TILE_WIDTH ? "" : `.p/${String(width)}`}`;
}

const PATH = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/;
const PATH_LENGTH_MAX = 64;

/** Undefined for what is no path of a tile, or has another form than tilePath gives. */
export function parseTilePath(path: string): TileName | undefined {
  const match = path.length > PATH_LENGTH_MAX ? null : PATH.exec(path);
  if (match === null) return undefined;
  const [, levelText = "", indexText = "", widthText] = match;
  const level: TileName["level"] | undefined = levelText === "entries" ? levelText : fromDecimal(levelText);
  const width = widthText === undefined ? TILE_WIDTH : fromDecimal(widthText);
  const index = Number(indexText.replaceAll(/[x/]/g, ""));
  if (level === undefined || (level !== "entries" && level > LEVEL_MAX) || !Number.isSafeInteger(index))
    return undefined;
  if (width === undefined || width < 1 || width > TILE_WIDTH) return undefined;
  const name = { level, index, width };
  return tilePath(name) === path ? name : undefined;
}

/** Hashes that a level of tiles has in all, in a tree of `size`. */
export function levelWidth(size: number, level: number): number {
  return level >= LEVELS ? 0 : Math.floor(size / TILE_WIDTH ** level);
}

/** Hashes of one tile in a tree of `size`; 0 where that tree has no such tile. */
export function tileWidth(size: number, level: number, index: number): number {
  return Math.max(0, Math.min(TILE_WIDTH, levelWidth(size, level) - index * TILE_WIDTH));
}

/** Hashes, one after the other. */
export function encodeTile(hashes: readonly Uint8Array[]): Uint8Array {
  return concat(hashes);
}

/** Throws a TlogError for bytes that are not `width` hashes. */
export function decodeTile(bytes: Uint8Array, width: number, place: string): Uint8Array[] {
  if (bytes.length !== width * HASH_BYTES) {
    const wanted = `${String(width * HASH_BYTES)} bytes for ${String(width)} hashes`;
    throw new TlogError("TILE_MALFORMED", place, `it has ${String(bytes.length)} bytes, not ${wanted}`);
  }
  return Array.from({ length: width }, (_, at) => bytes.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES));
}

/** Entries, each behind its length. Throws a RangeError for an entry that is longer than 65,535 bytes. */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  return concat(
    entries.flatMap((entry) => {
      if (entry.length > ENTRY_BYTES_MAX) {
        throw new RangeError(`an entry has ${String(entry.length)} bytes; ${String(ENTRY_BYTES_MAX)} are allowed`);
      }
      return [Uint8Array.of(entry.length >> 8, entry.length & 255), entry];
    }),
  );
}

/** Throws a TlogError for bytes that are not `width` entries and nothing else. */
export function decodeBundle(bytes: Uint8Array, width: number, place: string): Uint8Array[] {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (entries.length < width) {
    const [high, low] = [bytes[at], bytes[at + 1]];
    if (high === undefined || low === undefined) {
      throw new TlogError("TILE_MALFORMED", place, `it ends in entry ${String(entries.length)} of ${String(width)}`);
    }
    const end = at + 2 + high * 256 + low;
    if (end > bytes.length) {
      throw new TlogError("TILE_MALFORMED", place, `entry ${String(entries.length)} goes beyond its end`);
    }
    entries.push(bytes.slice(at + 2, end));
    at = end;
  }
  if (at < bytes.length) {
    throw new TlogError(
      "TILE_MALFORMED",
      place,
      `${String(bytes.length - at)} bytes follow its ${String(width)} entries`,
    );
  }
  return entries;
}
