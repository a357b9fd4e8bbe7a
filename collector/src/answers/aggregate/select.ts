/** The first of many, without an order of all. */

type Texts = readonly (string | undefined)[];

interface Slots {
  slots: readonly number[];
  countOf: (slot: number) => number;
  textsOf: (slot: number) => Texts;
}

/**
 * The most frequent slots, at most `limit`, the most frequent first; of those that are as frequent, by their texts, what is unset last.
 * With `isRough` those that are as frequent as the last one come as they are.
 */
export function mostFrequent({ slots, countOf, textsOf }: Slots, limit: number, isRough: boolean): number[] {
  const least = leastOf(slots, countOf, limit);
  const above = slots.filter((slot) => countOf(slot) > least);
  const room = limit - above.length;
  const alike = slots.filter((slot) => countOf(slot) === least);
  const last = isRough ? alike.slice(0, room) : firstByTexts(alike, textsOf, room);
  return [
    ...withTexts(above, textsOf)
      .sort((a, b) => countOf(b.slot) - countOf(a.slot) || compare(a, b))
      .map(({ slot }) => slot),
    ...last,
  ];
}

/** How frequent the last of them is. */
function leastOf(slots: readonly number[], countOf: (slot: number) => number, limit: number): number {
  if (slots.length === 0) return 0;
  const counts = Float64Array.from(slots, countOf).sort();
  return counts[Math.max(0, counts.length - limit)] ?? 0;
}

/** Groups whose texts are looked at together. */
const CHUNK = 16_384;

function firstByTexts(slots: readonly number[], textsOf: (slot: number) => Texts, room: number): number[] {
  let first: { slot: number; texts: Texts }[] = [];
  for (let at = 0; at < slots.length; at += CHUNK)
    first = [...first, ...withTexts(slots.slice(at, at + CHUNK), textsOf)].sort(compare).slice(0, room);
  return first.map(({ slot }) => slot);
}

function withTexts(slots: readonly number[], textsOf: (slot: number) => Texts): { slot: number; texts: Texts }[] {
  return slots.map((slot) => ({ slot, texts: textsOf(slot) }));
}

function compare({ texts: a }: { texts: Texts }, { texts: b }: { texts: Texts }): number {
  for (const [at, text] of a.entries()) {
    const other = b[at];
    if (text === other) continue;
    if (text === undefined || other === undefined) return text === undefined ? 1 : -1;
    return text < other ? -1 : 1;
  }
  return 0;
}
