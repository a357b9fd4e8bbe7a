/** Where a search ended, as its page token says it. */
import type { Position } from "../scan/index.ts";
import { TokenError } from "../serve/index.ts";

export function encodePosition({ timeNano, id }: Position): string {
  return `${timeNano} ${id}`;
}

export function decodePosition(place: string): Position {
  const match = /^(-?\d{1,19}) ([0-9a-f-]{0,66})$/.exec(place);
  if (match === null) throw new TokenError("page_token is not one that this API gave out");
  return { timeNano: BigInt(match[1] ?? "0"), id: match[2] ?? "" };
}
