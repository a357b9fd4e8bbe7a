/** Whether the times of an Int64Column lie where they should. */
import { type Span, unzigzag, WireReader } from "../wire.ts";

/** Sums up to here are exact in a double. */
const OFFSET_MAX = 2 ** 52;

/** `column`: an Int64Column message of `count` numbers that can be read; one that ends at 0 is missing. False also where it takes more than doubles to tell. */
export function isWithin(
  payload: Uint8Array,
  column: Span,
  {
    count,
    firstTimeUnixNano,
    lastTimeUnixNano,
  }: { count: number; firstTimeUnixNano: bigint; lastTimeUnixNano: bigint },
): boolean {
  let base = 0n;
  let least = 0;
  let most = 0;
  if (column.end > 0 && count > 0) {
    const reader = new WireReader(payload, "events.time", column.start, column.end);
    let unit = 1;
    let deltas: Span = { start: 0, end: 0 };
    while (!reader.done) {
      const { field } = reader.tag();
      if (field === 1) base = reader.signed64();
      else if (field === 2) unit = reader.varint();
      else deltas = reader.span();
    }
    const inner = reader.within(payload, deltas.start, deltas.end);
    let offset = 0;
    for (let index = 0; index < count; index++) {
      const zigzag = inner.varint();
      offset += unzigzag(zigzag) * unit;
      if (zigzag > Number.MAX_SAFE_INTEGER || offset > OFFSET_MAX || offset < -OFFSET_MAX) return false;
      if (index === 0 || offset < least) least = offset;
      if (index === 0 || offset > most) most = offset;
    }
  }
  return base + BigInt(least) >= firstTimeUnixNano && base + BigInt(most) <= lastTimeUnixNano;
}
