/** The known word that somebody may have meant. */

/** The known word that is nearest to one that is not known, as ` (is it "x"?)`; empty where none is near. */
export function nearest(word: string, known: Iterable<string>): string {
  const best = nearestOf(word, known);
  return best === undefined ? "" : ` (is it "${best}"?)`;
}

/** That word alone; undefined where none is near. */
export function nearestOf(word: string, known: Iterable<string>): string | undefined {
  const lower = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const other of known) {
    if (Math.abs(other.length - word.length) >= bestDistance) continue;
    const distance = distanceOf(lower, other.toLowerCase(), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [other, distance];
  }
  return best;
}
/** Texts longer than this are near to nothing. */
const NEAR_LENGTH_MAX = 64;

/** Characters to change, add, take away, or swap with the next one. */
function distanceOf(a: string, b: string, most: number): number {
  if (a === b) return 0;
  if (a.length > NEAR_LENGTH_MAX || b.length > NEAR_LENGTH_MAX) return most;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwapped ? (before[j - 2] ?? 0) + 1 : change;
      next.push(Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? most;
}
