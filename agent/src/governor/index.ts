/**
 * Keeps the agent a guest: where it uses more than its budget it leaves events out, those of the least important rules first,
 * and counts each one.
 *
 * States: calm (nothing left out) -> low (events whose keys are all of low priority) -> normal (all but those with a key
 * of high priority, if the configuration allows it). Two windows over the budget lead one step on, two windows under four
 * fifths of it one step back.
 */

export type Priority = "low" | "normal" | "high";
export type ShedLevel = "calm" | "low" | "normal";

export interface Budget {
  /** Percent of one CPU; 0 for no bound. */
  cpuPercent: number;
  /** Bytes of resident memory; 0 for no bound. */
  memoryBytes: number;
  /** How far to go. */
  shed: "low" | "normal";
}

/** What the process used so far: milliseconds of CPU, bytes of memory. */
export interface Usage {
  cpuMs: number;
  memoryBytes: number;
}

const LEVELS: readonly ShedLevel[] = ["calm", "low", "normal"];
const WINDOW_MS = 5000;
const WINDOWS = 2;
const CALM_SHARE = 0.8;

export class Governor {
  readonly #budget: Budget;
  readonly #usage: () => Usage;
  readonly #onMemory: () => void;
  readonly #onLevel: (level: ShedLevel, cpuPercent: number, memoryBytes: number) => void;
  #level = 0;
  #since: { ms: number; usage: Usage };
  #over = 0;
  #under = 0;
  /** Percent of one CPU in the last window. */
  cpuPercent = 0;

  constructor(
    budget: Budget,
    usage: () => Usage,
    nowMs: number,
    on: { memory: () => void; level: (level: ShedLevel, cpuPercent: number, memoryBytes: number) => void },
  ) {
    this.#budget = budget;
    this.#usage = usage;
    this.#onMemory = on.memory;
    this.#onLevel = on.level;
    this.#since = { ms: nowMs, usage: usage() };
  }

  get level(): ShedLevel {
    return LEVELS[this.#level] ?? "calm";
  }

  /** True where every event is to be kept. Looks at what was used now and then, so an idle agent never does. */
  isCalm(nowMs: number): boolean {
    if (nowMs - this.#since.ms >= WINDOW_MS) this.#look(nowMs);
    return this.#level === 0;
  }

  /** True where an event of this priority is to be kept. */
  admits(priority: Priority): boolean {
    return this.#level === 0 || priority === "high" || (priority === "normal" && this.#level < 2);
  }

  #look(nowMs: number): void {
    const usage = this.#usage();
    const elapsed = nowMs - this.#since.ms;
    this.cpuPercent = ((usage.cpuMs - this.#since.usage.cpuMs) / elapsed) * 100;
    this.#since = { ms: nowMs, usage };
    const { cpuPercent, memoryBytes } = this.#budget;
    const isOverMemory = memoryBytes > 0 && usage.memoryBytes > memoryBytes;
    if (isOverMemory) this.#onMemory();
    const isOver = isOverMemory || (cpuPercent > 0 && this.cpuPercent > cpuPercent);
    const isUnder =
      (cpuPercent === 0 || this.cpuPercent < cpuPercent * CALM_SHARE) &&
      (memoryBytes === 0 || usage.memoryBytes < memoryBytes * CALM_SHARE);
    this.#over = isOver ? this.#over + 1 : 0;
    this.#under = isUnder ? this.#under + 1 : 0;
    const highest = this.#budget.shed === "normal" ? 2 : 1;
    if (this.#over >= WINDOWS && this.#level < highest) this.#step(1, usage);
    else if (this.#under >= WINDOWS && this.#level > 0) this.#step(-1, usage);
  }

  #step(by: 1 | -1, usage: Usage): void {
    this.#level += by;
    this.#over = 0;
    this.#under = 0;
    this.#onLevel(this.level, this.cpuPercent, usage.memoryBytes);
  }
}

/** Priority of an event by the keys of its rules: one of high priority is enough, low must be all. */
export function priorityOf(
  keys: readonly string[],
  { low, high }: { low: readonly string[]; high: readonly string[] },
): Priority {
  if (keys.some((key) => high.includes(key))) return "high";
  return keys.length > 0 && keys.every((key) => low.includes(key)) ? "low" : "normal";
}
