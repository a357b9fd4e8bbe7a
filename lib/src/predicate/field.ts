/** What a field is, and how one that is made from a row or from columns is described. */
import type { ColumnBlock, Lists } from "../block/index.ts";
import * as types from "./types.ts";

/** A value to compare with; a list matches where one of its items does. */
export type FieldValue = string | number | bigint | undefined | readonly (string | number | bigint | undefined)[];

/**
 * The quickest ways to a field's values: numbers of a column, so that no row is made and each string is decided once. Rows are those of the
 * field's column, counted from 0.
 */
export interface Reach {
  /** Rows that are read in place of these, each plus one; 0 where there is none, and so no value. */
  through?: (block: ColumnBlock) => Uint32Array;
  /** The number of each row's string among the block's. */
  strings?: (block: ColumnBlock) => Uint32Array;
  /** What of that string is the value. */
  of?: (text: string) => string;
  /** Numbers of several strings, each one a value. */
  items?: (block: ColumnBlock) => Lists;
  /** Numbers of several strings that, joined by spaces, are the value: where `strings` has an empty one, if there is `strings`. */
  words?: (block: ColumnBlock) => Lists;
  /** What records keep, from which values are read: as they are, or out of hex. See `lists` of a block's records. */
  kept?: (block: ColumnBlock) => Lists;
  /** Values that are small numbers. */
  numbers?: (block: ColumnBlock) => Uint32Array;
  /** The value of a row that is an event. */
  at?: (block: ColumnBlock, event: number) => FieldValue;
}

/**
 * A field. `rows` are the distinct rows of its table and `value` reads one, so that a comparison is decided once for each distinct row.
 */
export interface Field {
  /** What events refer to its rows by: fields of one column have the same rows. */
  column: string;
  /** How many rows there are. */
  count(block: ColumnBlock): number;
  rows(block: ColumnBlock): readonly unknown[];
  /** The same rows for those who ask a few fields of them: only these are read. */
  views(block: ColumnBlock): readonly unknown[];
  value(row: never): FieldValue;
  /** For a field whose values are strings of the block: their numbers there, by row; 0 is the empty one. */
  strings?: (block: ColumnBlock) => Uint32Array;
  /** What its values are. */
  type: types.FieldType;
  /** True where an event has several of them, each one for itself: a filter asks for a whole one. */
  list: boolean;
  /** True where a sieve is told its whole values. */
  indexed: boolean;
  /** The group of a sieve in which parts of its values can be asked for. */
  group: number | undefined;
  /** True where another field of the group has these texts in its own, so that a sieve needs no telling of them. */
  covered: boolean;
  reach?: Reach;
}

/** Groups of texts in a sieve: those that are alike share their trigrams. */
export const ARGUMENTS = 0;
export const PATHS = 1;
export const NAMES = 2;

/** Of fields whose rows are the events themselves. */
export const EVENT_COLUMN = "event";

/** What there is to say about a field beside where it lies. */
export interface Kind {
  type?: types.FieldType;
  list?: boolean;
  indexed?: boolean;
  group?: number;
  covered?: boolean;
}

export function kindOf(kind: Kind): Pick<Field, "type" | "list" | "indexed" | "group" | "covered"> {
  const { type = types.text, list = false, indexed = false, group, covered = false } = kind;
  return { type, list, indexed, group, covered };
}
