/** Filters decided on columns: once for each distinct row of a block, then by number for each event. */
import type { ColumnBlock } from "../block/index.ts";
import { compileTree } from "./compile.ts";
import { formatFilter } from "./format.ts";
import { allEvents, eventsOf, type Mask } from "./mask.ts";
import { Page } from "./page.ts";
import { parseFilter } from "./parse.ts";
import type { SieveAnswers } from "./answers.ts";

/** A filter that was understood. */
export interface Filter {
  /** The filter as it was understood, with all of its brackets; empty for one that matches everything. */
  readonly text: string;
  /** False where nothing in what the sieve was told of can match; asks for little, and costs little. */
  mayMatch(sieve: SieveAnswers): boolean;
  /** Numbers of the events in a block that match, ascending. Throws a BlockError where what must be read of it cannot be. */
  match(block: ColumnBlock): number[];
  /** The same as a byte for each event, 1 where it matches. Events that `among` has 0 for are not looked at, and do not match. */
  matchBits(block: ColumnBlock, among?: Uint8Array): Uint8Array;
}

/** Understands a filter; throws a FilterError that says where and what is allowed. */
export function compileFilter(text: string): Filter {
  const tree = parseFilter(text);
  const test = tree === undefined ? undefined : compileTree(tree);
  const matchBits = (block: ColumnBlock, among?: Mask): Mask =>
    test === undefined ? (among?.slice() ?? allEvents(block.count)) : test.decide(new Page(block), among);
  return {
    text: formatFilter(tree),
    mayMatch: (sieve) => test === undefined || test.mayMatch(sieve),
    matchBits,
    match: (block) => eventsOf(matchBits(block)),
  };
}
