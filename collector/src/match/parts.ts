/** A batch of matches on messages of the stream. */
import { MatchBatch, RuleMatches } from "@hosttrail/proto/detection";

/** Room for what is not rules. */
const HEAD_BYTES_MAX = 4096;
/** Of an event that is not told in full. */
export const NO_EVENT: Uint8Array = new Uint8Array(0);

/** A batch as the messages that it is sent as. Nearly each one fits, and is written once. */
export function messagesOf(batch: MatchBatch, bytesMax: number): Uint8Array[] {
  const whole = MatchBatch.encode(batch).finish();
  return whole.length <= bytesMax ? [whole] : parted(batch, bytesMax).map((part) => MatchBatch.encode(part).finish());
}

/** Rules of a batch on several messages; a rule whose events in full do not fit into one loses these, and then those behind the last that fits. */
function parted(batch: MatchBatch, bytesMax: number): MatchBatch[] {
  const room = bytesMax - HEAD_BYTES_MAX;
  const parts: MatchBatch[] = [];
  let rules: RuleMatches[] = [];
  let bytes = 0;
  for (const matches of batch.rules) {
    const fitting = fitted(matches, room);
    const size = RuleMatches.encode(fitting).finish().length + 8;
    if (bytes + size > room && rules.length > 0) {
      parts.push({ ...batch, rules, part: parts.length });
      rules = [];
      bytes = 0;
    }
    rules.push(fitting);
    bytes += size;
  }
  parts.push({ ...batch, rules, part: parts.length });
  return parts;
}

function fitted(matches: RuleMatches, room: number): RuleMatches {
  const fits = (each: RuleMatches): boolean => RuleMatches.encode(each).finish().length <= room;
  if (fits(matches)) return matches;
  const bare = { ...matches, events: matches.events.map((event) => ({ ...event, event: NO_EVENT })) };
  let smaller: RuleMatches = bare;
  while (!fits(smaller) && smaller.events.length > 1) smaller = withLess(smaller);
  return smaller;
}

/** The second half of its events is counted only. */
function withLess(matches: RuleMatches): RuleMatches {
  const half = Math.ceil(matches.events.length / 2);
  const dropped = matches.events.slice(half).map(({ timeUnixNano }) => timeUnixNano);
  const { more, moreFirstUnixNano: first, moreLastUnixNano: last } = matches;
  const times = more > 0 ? [...dropped, first, last] : dropped;
  const earliest = times.reduce((a, b) => (b < a ? b : a));
  const latest = times.reduce((a, b) => (b > a ? b : a));
  return {
    ...matches,
    events: matches.events.slice(0, half),
    more: more + dropped.length,
    moreFirstUnixNano: earliest,
    moreLastUnixNano: latest,
  };
}
