/** Gives each pair of two numbers that occurs a number of its own, in the order in which they first occur. */

/** Pairs, by their number. */
export interface Pairs {
  /** Of each item, the number of its pair. */
  numbers: Uint32Array;
  firsts: Uint32Array;
  seconds: Uint32Array;
}

/** Of as many possible pairs and fewer there is a table. */
const TABLE_MAX: number = 1 << 18;
/** All zero whenever nobody is at work here. */
let table = new Uint32Array(0);

/** The pairs of two lists, item by item; all of `firsts` are below `firstCount`, and so on. */
export function pairsOf(
  { firsts, firstCount }: { firsts: Uint32Array; firstCount: number },
  { seconds, secondCount }: { seconds: Uint32Array | Int32Array; secondCount: number },
): Pairs {
  const most = Math.min(firsts.length, firstCount * secondCount);
  const found = { firsts: new Uint32Array(most), seconds: new Uint32Array(most) };
  const numbers = new Uint32Array(firsts.length);
  const keyed = firstCount * secondCount <= TABLE_MAX ? byTable : byMap;
  const count = keyed(firsts, seconds, secondCount, { ...found, numbers });
  return { numbers, firsts: found.firsts.subarray(0, count), seconds: found.seconds.subarray(0, count) };
}

type Items = Uint32Array | Int32Array;

function byTable(firsts: Uint32Array, seconds: Items, secondCount: number, into: Pairs): number {
  if (table.length === 0) table = new Uint32Array(TABLE_MAX);
  let count = 0;
  for (let at = 0; at < firsts.length; at++) {
    const first = firsts[at] as number;
    const second = seconds[at] as number;
    const key = first * secondCount + second;
    let number = table[key] as number;
    if (number === 0) {
      into.firsts[count] = first;
      into.seconds[count] = second;
      number = ++count;
      table[key] = number;
    }
    into.numbers[at] = number - 1;
  }
  for (let at = 0; at < count; at++)
    table[(into.firsts[at] as number) * secondCount + (into.seconds[at] as number)] = 0;
  return count;
}

function byMap(firsts: Uint32Array, seconds: Items, secondCount: number, into: Pairs): number {
  const known = new Map<number, number>();
  let lastKey = -1;
  let last = 0;
  for (let at = 0; at < firsts.length; at++) {
    const first = firsts[at] as number;
    const second = seconds[at] as number;
    // Both are far below 2^26, so the key is exact.
    const key = first * secondCount + second;
    if (key !== lastKey) {
      lastKey = key;
      last = known.get(key) ?? known.size;
      if (last === known.size) {
        into.firsts[last] = first;
        into.seconds[last] = second;
        known.set(key, last);
      }
    }
    into.numbers[at] = last;
  }
  return known.size;
}

/** Items put in order of the group that each is in: those of group n from offsets[n] to offsets[n + 1] of `order`. */
export function byGroup(groups: Uint32Array, groupCount: number): { offsets: Uint32Array; order: Uint32Array } {
  const offsets = new Uint32Array(groupCount + 1);
  for (let item = 0; item < groups.length; item++) {
    const after = (groups[item] as number) + 1;
    offsets[after] = (offsets[after] as number) + 1;
  }
  for (let group = 0; group < groupCount; group++)
    offsets[group + 1] = (offsets[group + 1] as number) + (offsets[group] as number);
  const order = new Uint32Array(groups.length);
  const next = offsets.slice(0, groupCount);
  for (let item = 0; item < groups.length; item++) {
    const group = groups[item] as number;
    const at = next[group] as number;
    order[at] = item;
    next[group] = at + 1;
  }
  return { offsets, order };
}
