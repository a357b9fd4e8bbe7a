/** What events take at rest, by how many of them are merged: a few were weighed, a day has more. */
import { SEGMENT_EVENTS_MAX } from "../block/index.ts";
import type { Interval } from "./interval.ts";
import type { Weight } from "./sample.ts";

/** Bytes of a new event beside those before it never grow, nor fall faster than by this power. */
const POWER_MIN = 0.4;
/** A longer time has what a short one did not repeat yet: of the way to 1, so much is gone. As `./dev bench cost` showed. */
const NEWS_SHARE = 0.2;
/** By so much the power may be wrong. */
const POWER_ERROR = 0.1;
/** What was weighed itself is right within this share. */
const WEIGHED_ERROR = 0.1;

/** A block's signature and what else nothing can shorten: it is there for each block, however many are merged. */
const BLOCK_BYTES = 64;

/** Bytes an event on a day of so many, without what the database has beside segments; undefined where nothing was weighed. */
export function restOf(weights: readonly Weight[], eventsADay: number): Interval | undefined {
  const last = weights.at(-1);
  if (last === undefined || last.events === 0) return undefined;
  const merged = Math.min(SEGMENT_EVENTS_MAX, Math.max(1, eventsADay));
  const power = powerOf(weights);
  const more = merged / last.events;
  const blocks = (last.blocks * BLOCK_BYTES) / last.events;
  const each = contentOf(last) / last.events;
  const at = (exponent: number): number => blocks + each * more ** (exponent - 1);
  if (more <= 1) return { low: at(power) * (1 - WEIGHED_ERROR), mid: at(power), high: at(power) * (1 + WEIGHED_ERROR) };
  return { low: at(Math.max(POWER_MIN, power - POWER_ERROR)), mid: at(power), high: at(1) };
}

function contentOf({ bytes, blocks }: Weight): number {
  return Math.max(1, bytes - blocks * BLOCK_BYTES);
}

/** Content grows with the number of events by this power: 1 where each costs what the first did. */
function powerOf(weights: readonly Weight[]): number {
  const [first, last] = [weights.at(0), weights.at(-1)];
  if (first === undefined || last === undefined || first.events >= last.events) return 1;
  const power = Math.log(contentOf(last) / contentOf(first)) / Math.log(last.events / first.events);
  const fitted = Math.min(1, Math.max(POWER_MIN, power));
  return fitted + (1 - fitted) * NEWS_SHARE;
}
