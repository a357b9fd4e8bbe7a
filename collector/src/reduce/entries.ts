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
  const isPlain = [...grouped, ...measured].every(({ hasSeveral }) => !hasSeveral);
  if (isPlain && count * (1 + measured.length) <= weightMax) {
    const positions = Uint32Array.from({ length: count }, (_, at) => at);
    yield { positions, values: grouped.map(({ ones }) => ones), events: count, cutEvents: 0 };
    return;
  }
  let gathered = new Gathered(grouped.length);
  for (let position = 0; position < count; position++) {
    const { values, isCut } = combinationsAt(position, grouped);
    gathered.begin(isCut);
    const each = 1 + measured.reduce((sum, column) => sum + column.countAt(position), 0);
    for (let at = 0; at < values.length; at += Math.max(1, grouped.length)) {
      if (gathered.weight >= weightMax) {
        yield gathered.entries();
        gathered = new Gathered(grouped.length);
      }
      gathered.add(position, values, at, each);
    }
  }
  if (gathered.events > 0 || gathered.weight > 0) yield gathered.entries();
}

/** Numbers of values, field by field, combination by combination; of no fields there is one combination, which is written as a zero. */
function combinationsAt(position: number, grouped: readonly Column[]): { values: number[]; isCut: boolean } {
  let found: number[][] = [[]];
  let isCut = false;
  for (const column of grouped) {
    const one = column.ones[position] ?? 0;
    if (one !== SEVERAL) {
      for (const each of found) each.push(one);
      continue;
    }
    const values = [...column.all(position)];
    const most = Math.max(1, Math.floor(COMBINATIONS_MAX / values.length));
    isCut ||= found.length > most;
    found = found.slice(0, most).flatMap((each) => values.map((value) => [...each, value]));
  }
  return { values: grouped.length === 0 ? [0] : found.flat(), isCut };
}

/** Entries while they are put together. */
class Gathered {
  readonly #positions: number[] = [];
  readonly #values: readonly number[][];
  events = 0;
  #cutEvents = 0;
  weight = 0;

  constructor(fields: number) {
    this.#values = Array.from({ length: fields }, () => []);
  }

  begin(isCut: boolean): void {
    this.events++;
    if (isCut) this.#cutEvents++;
  }

  /** Adds the combination that begins at `from`. */
  add(position: number, values: readonly number[], from: number, weight: number): void {
    this.#positions.push(position);
    for (const [field, list] of this.#values.entries()) list.push(values[from + field] ?? 0);
    this.weight += weight;
  }

  entries(): Entries {
    return {
      positions: Uint32Array.from(this.#positions),
      values: this.#values.map((list) => Uint32Array.from(list)),
      events: this.events,
      cutEvents: this.#cutEvents,
    };
  }
}
