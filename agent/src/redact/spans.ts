/** Parts of a text that are secrets. */

/** Replaces a secret by its marker. */
export type Mark = (secret: string) => string;

/** From `start` up to, and without, `end`. */
export interface Span {
  start: number;
  end: number;
}

/** In their order, those that meet as one: what was found twice is replaced once, and whole. */
function united(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    if (end <= start) continue;
    const last = result.at(-1);
    if (last !== undefined && start < last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}

/** The text with its secrets replaced; the same text where there is none. */
export function replaceSpans(text: string, spans: readonly Span[], mark: Mark): string {
  let result = "";
  let at = 0;
  for (const { start, end } of united(spans)) {
    result += text.slice(at, start) + mark(text.slice(start, end));
    at = end;
  }
  return at === 0 ? text : result + text.slice(at);
}
