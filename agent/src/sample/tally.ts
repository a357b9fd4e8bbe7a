/** Counts of a sample: events and bytes by key, minute and executable, within bounds. */
import {
  AGENT_KEY,
  type CostSample,
  NO_KEY,
  OTHERS,
  SAMPLE_BOUNDS,
  type SampledProgram,
  type SampleMinute,
} from "@hosttrail/lib/cost";

const MINUTE_MS = 60_000;
/** Executables that are told apart while counting; then the rest is `OTHERS`. */
const PROGRAMS_MAX = 4096;
/** What an event has beside its records, roughly, when its share of a block is worked out. */
const EVENT_BYTES = 100;

/** An event on its way to a block. */
export interface Counted {
  minute: number;
  key: string;
  executable: string;
  /** Its weight among the events of its block. */
  weight: number;
}

interface Count {
  events: number;
  bytes: number;
}

interface Minute {
  events: number;
  blocks: number;
  wireBytes: number;
  cpuMs: number;
  keys: Map<string, Count>;
}

export class Tally {
  readonly #minutes = new Map<number, Minute>();
  readonly #keys = new Set<string>();
  readonly #programs = new Map<string, Count & { byKey: Map<string, number> }>();
  #first: number | undefined;
  #firstMs = 0;
  #lastMs = 0;
  /** Events beyond a day after the first one: they are counted nowhere else. */
  beyond = 0;

  /** Counts an event of a time in milliseconds since 1970; undefined where it is beyond a day. `key` is empty where there is none. */
  see(timeMs: number, key: string, executable: string, recordBytes: number): Counted | undefined {
    const at = Math.floor(timeMs / MINUTE_MS);
    if (this.#first === undefined) [this.#first, this.#firstMs] = [at, timeMs];
    if (at - this.#first >= SAMPLE_BOUNDS.minutes) {
      this.beyond++;
      return undefined;
    }
    this.#lastMs = Math.max(this.#lastMs, timeMs);
    // A log may begin with a record that is later than its next one.
    const minute = Math.max(at, this.#first);
    const counted = {
      minute,
      key: this.#nameOf(key || NO_KEY),
      executable: executable.slice(0, SAMPLE_BOUNDS.name),
      weight: recordBytes + EVENT_BYTES,
    };
    this.#minute(minute).events++;
    this.#countOf(this.#minute(minute), counted.key).events++;
    if (counted.key !== AGENT_KEY) this.#program(counted).events++;
    return counted;
  }

  /** A block with these events went over the wire. */
  block(events: readonly Counted[], wireBytes: number): void {
    const [first] = events;
    if (first === undefined) return;
    this.#minute(first.minute).blocks++;
    const all = events.reduce((sum, { weight }) => sum + weight, 0);
    for (const counted of events) {
      const bytes = (wireBytes * counted.weight) / all;
      this.#minute(counted.minute).wireBytes += bytes;
      this.#countOf(this.#minute(counted.minute), counted.key).bytes += bytes;
      if (counted.key !== AGENT_KEY) this.#program(counted).bytes += bytes;
    }
  }

  /** Processor time until now that belongs to the minute of a time. */
  spend(timeMs: number, cpuMs: number): void {
    const at = Math.max(Math.floor(timeMs / MINUTE_MS), this.#first ?? 0);
    if (this.#first === undefined || at - this.#first >= SAMPLE_BOUNDS.minutes) return;
    this.#minute(at).cpuMs += cpuMs;
  }

  /** What was counted between two times; without them between the first event and the last. Throws where there is nothing. */
  finish(between?: { startMs: number; endMs: number }): Pick<CostSample, "keys" | "minutes" | "programs"> {
    if (between === undefined && this.#first === undefined) throw new Error("there is no event to count");
    const startMs = between?.startMs ?? this.#firstMs;
    const endMs = Math.max(between?.endMs ?? this.#lastMs, startMs + 1000);
    const keys = [...this.#keys];
    const minutes: SampleMinute[] = [];
    const from = Math.floor(startMs / MINUTE_MS);
    for (let at = from; at * MINUTE_MS < endMs && at - from < SAMPLE_BOUNDS.minutes; at++)
      minutes.push(this.#told(at, keys, Math.min(endMs, (at + 1) * MINUTE_MS) - Math.max(startMs, at * MINUTE_MS)));
    return { keys, minutes, programs: this.#mostOf() };
  }

  #told(at: number, keys: readonly string[], coveredMs: number): SampleMinute {
    const minute = this.#minutes.get(at);
    const counts = minute?.keys ?? new Map<string, Count>();
    return {
      startMs: at * MINUTE_MS,
      seconds: coveredMs / 1000,
      events: minute?.events ?? 0,
      blocks: minute?.blocks ?? 0,
      wireBytes: Math.round(minute?.wireBytes ?? 0),
      cpuMs: Math.round(minute?.cpuMs ?? 0),
      keys: Array.from(counts, ([name, { events, bytes }]) => ({
        key: keys.indexOf(name),
        events,
        bytes: Math.round(bytes),
      })),
    };
  }

  #mostOf(): SampledProgram[] {
    return Array.from(this.#programs, ([executable, { events, bytes, byKey }]) => ({
      executable,
      key: [...byKey].reduce((most, each) => (each[1] > most[1] ? each : most), ["", 0])[0],
      events,
      bytes: Math.round(bytes),
    }))
      .sort((a, b) => b.events - a.events)
      .slice(0, SAMPLE_BOUNDS.programs);
  }

  #nameOf(key: string): string {
    const name = key.slice(0, SAMPLE_BOUNDS.name);
    if (!this.#keys.has(name) && this.#keys.size >= SAMPLE_BOUNDS.keys) {
      this.#keys.add(OTHERS);
      return OTHERS;
    }
    this.#keys.add(name);
    return name;
  }

  #minute(at: number): Minute {
    let minute = this.#minutes.get(at);
    if (minute === undefined) {
      minute = { events: 0, blocks: 0, wireBytes: 0, cpuMs: 0, keys: new Map() };
      this.#minutes.set(at, minute);
    }
    return minute;
  }

  #countOf({ keys }: Minute, key: string): Count {
    let count = keys.get(key);
    if (count === undefined) {
      count = { events: 0, bytes: 0 };
      keys.set(key, count);
    }
    return count;
  }

  #program({ executable, key }: Counted): Count {
    const isKnown = this.#programs.has(executable) || this.#programs.size < PROGRAMS_MAX;
    const name = isKnown ? executable : OTHERS;
    let program = this.#programs.get(name);
    if (program === undefined) {
      program = { events: 0, bytes: 0, byKey: new Map() };
      this.#programs.set(name, program);
    }
    program.byKey.set(key, (program.byKey.get(key) ?? 0) + 1);
    return program;
  }
}
