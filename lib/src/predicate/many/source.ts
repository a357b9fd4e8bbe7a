/** What subjects refer to: rows, and the texts of their fields. */
import type { ColumnBlock } from "../../block/index.ts";

/** Texts of a field in a row; most rows have one or none. */
export type Texts = string | readonly string[] | undefined;

/** Reads a field of a row. */
export type ReadTexts = (block: ColumnBlock, row: number) => Texts;

/** Which rows subjects refer to, each by its index plus one; 0 for none. */
export interface Refs {
  rows: Uint32Array;
  /** True where there is a row for each record of the block, by its place among all of them; else there is one for each event. */
  byRecord?: boolean;
  /** Where events refer to several rows: those of event n are from offsets[n] to before offsets[n + 1]. */
  offsets?: Uint32Array;
}

/** Rows that a subject refers to by one column. */
export interface Source {
  /** True where each event has a row of its own: these are read only where it must be, or once something else has passed. */
  isPerEvent: boolean;
  refs(block: ColumnBlock): Refs;
  /** What reads a field, or undefined where the rows do not have it. */
  reader(field: string): ReadTexts | undefined;
  /** For a field whose texts are strings of the block: their numbers there, by row; 0 where there is no text. */
  strings?(field: string): ((block: ColumnBlock) => Uint32Array) | undefined;
  /** For a field whose texts are of few characters alone: those, for a whole text, as the lower case has them. */
  charactersOf?(field: string): RegExp | undefined;
  /**
   * Further fields, which only the rows themselves name. Each is a text of the row as well, as the field without a name is. Those that
   * are not among `wanted` may be left out.
   */
  others?(
    block: ColumnBlock,
    row: number,
    wanted?: { has(field: string): boolean },
  ): readonly (readonly [field: string, text: string])[];
}

/** A kind of subject: what it refers to, and fields whose texts are the same for all of its kind. */
export interface Shape {
  sources: readonly Source[];
  constants: ReadonlyMap<string, readonly string[]>;
}

export function hasField(source: Source, field: string): boolean {
  return source.reader(field) !== undefined || source.others !== undefined;
}

/** The texts of any field of a subject. `record` is the place of one of its records among all of the block's, or -1. */
export function textsOf(shape: Shape, block: ColumnBlock, field: string, event: number, record: number): string[] {
  const constant = shape.constants.get(field);
  if (constant !== undefined) return [...constant];
  const texts: string[] = [];
  for (const source of shape.sources) {
    const read = source.reader(field);
    if (read === undefined && source.others === undefined) continue;
    for (const row of rowsOf(source.refs(block), event, record)) {
      const own = read?.(block, row - 1);
      if (own !== undefined) texts.push(...(typeof own === "string" ? [own] : own));
      for (const [name, text] of source.others?.(block, row - 1) ?? [])
        if (name === field || field === "") texts.push(text);
    }
  }
  return texts;
}

function rowsOf({ rows, byRecord = false, offsets }: Refs, event: number, record: number): readonly number[] {
  if (offsets !== undefined) return [...rows.subarray(offsets[event], offsets[event + 1])];
  const row = rows[byRecord ? record : event] ?? 0;
  return row === 0 ? [] : [row];
}
