/** Events by the groups that they are in: an entry for each event and each combination of its values. */
import type { Column } from "./column.ts";
import { SEVERAL } from "./values.ts";

/** Some entries; arrays have an item for each. */
export interface Entries {
  /** Of the events: positions among those that are looked at. */
  positions: Uint32Array;
  /** By field that is grouped by: the number of its value. */
  values: readonly (Uint32Array | Int32Array)[];
  /** Events of which the first entry is here. */
  events: number;
  /** Of these, events that have more combinations than there are entries for. */
  cutEvents: number;
}

/** Combinations of one event's values that are counted. */
const COMBINATIONS_MAX = 65_536;
/** Of entries, each with its values that metrics ask for, that come together. One segment has less, but of long lists. */
export const WEIGHT_MAX = 262_144;

/** The entries of `count` events, together where they are not too many. `measured` are the columns that metrics read. */
export function* entriesOf(
  count: number,
  { grouped, measured }: { grouped: readonly Column[]; measured: readonly Column[] },
  weightMax: number,
): Generator<Entries, void, undefined> {
  const listed = measured.filter(({ hasSeveral }) => hasSeveral);
  const plainWeight = 1 + measured.length - listed.length;
  if (listed.length === 0 && grouped.every(({ hasSeveral }) => !hasSeveral) && count * plainWeight <= weightMax) {
    yield { positions: countedTo(count), values: grouped.map(({ ones }) => ones), events: count, cutEvents: 0 };
    return;
  }
  let gathered = new Gathered(grouped.length, count);
  for (let position = 0; position < count; position++) {
    let weight = plainWeight;
    for (const column of listed) weight += column.countAt(position);
    const { values, entries, isCut } = combinationsAt(position, grouped);
    gathered.begin(isCut);
    for (let entry = 0; entry < entries; entry++) {
      if (gathered.weight >= weightMax) {
        yield gathered.entries();
        gathered = new Gathered(grouped.length, count);
      }
      gathered.add(position, values, entry * grouped.length, weight);
    }
  }
  if (gathered.weight > 0) yield gathered.entries();
}

let counted = new Uint32Array(0);

/** 0, 1, 2 and so on. */
function countedTo(count: number): Uint32Array {
  if (counted.length < count) {
    counted = new Uint32Array(count);
    for (let at = 0; at < count; at++) counted[at] = at;
  }
  return counted.subarray(0, count);
}

interface Combinations {
  /** Numbers of values, field by field, combination by combination. Good until the next ones are asked for. */
  values: readonly number[];
  entries: number;
  isCut: boolean;
}

const numbers: number[] = [];
const one: Combinations = { values: numbers, entries: 1, isCut: false };

/** Of no fields there is one combination. */
function combinationsAt(position: number, grouped: readonly Column[]): Combinations {
  for (let at = 0; at < grouped.length; at++) {
    const number = (grouped[at] as Column).ones[position] ?? 0;
    if (number === SEVERAL) return severalAt(position, grouped);
    numbers[at] = number;
  }
  return one;
}

function severalAt(position: number, grouped: readonly Column[]): Combinations {
  const [first] = grouped;
  if (first !== undefined && grouped.length === 1) {
    const values = first.all(position);
    return { values, entries: values.length, isCut: false };
  }
  let found: number[][] = [[]];
  let isCut = false;
  for (const column of grouped) {
    const values = [...column.all(position)];
    const most = Math.max(1, Math.floor(COMBINATIONS_MAX / values.length));
    isCut ||= found.length > most;
    found = found.slice(0, most).flatMap((each) => values.map((value) => [...each, value]));
  }
  return { values: found.flat(), entries: found.length, isCut };
}

/** Entries while they are put together. */
class Gathered {
  #positions: Uint32Array;
  readonly #values: Uint32Array[];
  #length = 0;
  #events = 0;
  #cutEvents = 0;
  weight = 0;

  /** Of so many fields, with room for so many entries at first. */
  constructor(fields: number, room: number) {
    this.#positions = new Uint32Array(room);
    this.#values = Array.from({ length: fields }, () => new Uint32Array(room));
  }

  begin(isCut: boolean): void {
    this.#events++;
    if (isCut) this.#cutEvents++;
  }

  /** Adds the combination that begins at `from`. */
  add(position: number, values: readonly number[], from: number, weight: number): void {
    if (this.#length === this.#positions.length) this.#grow();
    this.#positions[this.#length] = position;
    for (let field = 0; field < this.#values.length; field++)
      (this.#values[field] as Uint32Array)[this.#length] = values[from + field] as number;
    this.#length++;
    this.weight += weight;
  }

  #grow(): void {
    this.#positions = twiceAsLong(this.#positions);
    for (const [field, list] of this.#values.entries()) this.#values[field] = twiceAsLong(list);
  }

  entries(): Entries {
    return {
      positions: this.#positions.subarray(0, this.#length),
      values: this.#values.map((list) => list.subarray(0, this.#length)),
      events: this.#events,
      cutEvents: this.#cutEvents,
    };
  }
}

export function twiceAsLong(list: Uint32Array): Uint32Array {
  const longer = new Uint32Array(Math.max(256, list.length * 2));
  longer.set(list);
  return longer;
}
