/** The fewest candidates that cover everything: exact where that can be found in a bounded number of steps, else with a bound from below. */

export interface Cover {
  /** Numbers of candidates, ascending. */
  chosen: number[];
  /** No cover is smaller; equal to the number of those that were chosen where that is shown to be the fewest. */
  lowerBound: number;
}

/** Looked at in all, so that whatever rules there are the answer comes within seconds. */
const STEPS_MAX = 100_000;

type Sets = readonly ReadonlySet<number>[];

/** Each element is given as the candidates of which one must be chosen. Of equally good ones the lower number is chosen. */
export function smallestCover(elements: readonly Iterable<number>[], stepsMax: number = STEPS_MAX): Cover {
  const { needed, left } = reduce(elements.map((element) => new Set(element)));
  const search = { steps: stepsMax };
  const chosen = [...needed];
  let lowerBound = needed.size;
  for (const part of partsOf(left)) {
    const best = new Search(part, search).run();
    chosen.push(...best.chosen);
    lowerBound += best.lowerBound;
  }
  return { chosen: chosen.sort((a, b) => a - b), lowerBound };
}

/** Chooses what must be, and takes away what makes no difference, until nothing changes. */
function reduce(elements: Sets): { needed: Set<number>; left: Sets } {
  const needed = new Set<number>();
  let left = withoutLooser(elements);
  for (;;) {
    const single = left.find((element) => element.size === 1);
    if (single === undefined) {
      const fewer = withoutLooser(withoutWeaker(left));
      const isSame = fewer.length === left.length && fewer.every((element, at) => element.size === left[at]?.size);
      left = fewer;
      if (isSame) return { needed, left };
      continue;
    }
    const [only] = single;
    needed.add(only as number);
    left = left.filter((element) => !element.has(only as number));
  }
}

/** Without elements that are covered with another one, whatever covers that. */
function withoutLooser(elements: Sets): Sets {
  const bySize = [...elements].sort((a, b) => a.size - b.size);
  const kept: ReadonlySet<number>[] = [];
  for (const element of bySize) if (!kept.some((other) => isWithin(other, element))) kept.push(element);
  return kept;
}

/** Without candidates that cover nothing but what another one covers as well. */
function withoutWeaker(elements: Sets): Sets {
  const covered = coveredBy(elements);
  const order = [...covered.keys()].sort((a, b) => a - b);
  const weak = new Set<number>();
  for (const one of order) {
    const own = covered.get(one) as Set<number>;
    const isWeaker = (other: number): boolean => {
      const others = covered.get(other) as Set<number>;
      return other !== one && isWithin(own, others) && (own.size < others.size || other < one);
    };
    if (order.some((other) => !weak.has(other) && isWeaker(other))) weak.add(one);
  }
  return elements.map((element) => new Set([...element].filter((candidate) => !weak.has(candidate))));
}

function coveredBy(elements: Sets): Map<number, Set<number>> {
  const covered = new Map<number, Set<number>>();
  for (const [at, element] of elements.entries()) {
    for (const candidate of element) {
      const known = covered.get(candidate);
      if (known === undefined) covered.set(candidate, new Set([at]));
      else known.add(at);
    }
  }
  return covered;
}

/** Elements that share candidates, also by others between them. */
function partsOf(elements: Sets): Sets[] {
  const parts: { elements: ReadonlySet<number>[]; candidates: Set<number> }[] = [];
  for (const element of elements) {
    const touched = parts.filter(({ candidates }) => !isApart(candidates, element));
    const joined = {
      elements: [...touched.flatMap((part) => part.elements), element],
      candidates: new Set([...element, ...touched.flatMap((part) => [...part.candidates])]),
    };
    for (const part of touched) parts.splice(parts.indexOf(part), 1);
    parts.push(joined);
  }
  return parts.map((part) => part.elements);
}

/** Branches on the candidates of one element after the other, and leaves what cannot be better than the best so far. */
class Search {
  readonly #elements: Sets;
  readonly #left: { steps: number };
  #best: number[];

  constructor(elements: Sets, left: { steps: number }) {
    this.#elements = elements;
    this.#left = left;
    this.#best = greedy(elements);
  }

  run(): Cover {
    const isWhole = this.#branch(this.#elements, []);
    const lowerBound = isWhole ? this.#best.length : apartFrom(this.#elements);
    return { chosen: this.#best, lowerBound };
  }

  /** False where the steps were not enough. */
  #branch(elements: Sets, chosen: readonly number[]): boolean {
    if (elements.length === 0) {
      if (chosen.length < this.#best.length) this.#best = [...chosen];
      return true;
    }
    if (chosen.length + apartFrom(elements) >= this.#best.length) return true;
    if (this.#left.steps-- <= 0) return false;
    const narrow = elements.reduce((least, element) => (element.size < least.size ? element : least));
    let isWhole = true;
    for (const candidate of [...narrow].sort((a, b) => a - b)) {
      const open = elements.filter((element) => !element.has(candidate));
      isWhole = this.#branch(open, [...chosen, candidate]) && isWhole;
    }
    return isWhole;
  }
}

/** What covers most comes first. */
function greedy(elements: Sets): number[] {
  const chosen: number[] = [];
  for (let left = elements; left.length > 0; ) {
    let best = { candidate: -1, count: 0 };
    for (const [candidate, { size }] of coveredBy(left))
      if (size > best.count || (size === best.count && candidate < best.candidate)) best = { candidate, count: size };
    chosen.push(best.candidate);
    left = left.filter((element) => !element.has(best.candidate));
  }
  return chosen;
}

/** Elements without a common candidate need one each: so many at least. */
function apartFrom(elements: Sets): number {
  const used = new Set<number>();
  let count = 0;
  for (const element of [...elements].sort((a, b) => a.size - b.size)) {
    if (!isApart(used, element)) continue;
    count++;
    for (const candidate of element) used.add(candidate);
  }
  return count;
}

function isWithin(some: ReadonlySet<number>, all: ReadonlySet<number>): boolean {
  if (some.size > all.size) return false;
  for (const each of some) if (!all.has(each)) return false;
  return true;
}

function isApart(one: ReadonlySet<number>, other: ReadonlySet<number>): boolean {
  for (const each of other) if (one.has(each)) return false;
  return true;
}
