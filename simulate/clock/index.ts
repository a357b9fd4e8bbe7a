/**
 * Clocks and timers of simulated processes. `setTimeout`, `Date.now`, `performance.now` and `Math.random` are globals that a hundred places
 * of the product use: they are patched, once, and as before wherever no simulated process runs.
 */
import {
  isRunning,
  presentSchedule,
  type Random,
  runningProcess,
  type Scheduled,
  Present,
  START_MS,
} from "../schedule/index.ts";

/** What processes draw from: `Math.random` and node:crypto. */
export const presentChance: Present<Random> = new Present("chance");

/** Of a simulated program. */
const RESIDENT_BYTES = 64 * 1024 * 1024;

/** Milliseconds of a timer that is given none. */
const LEAST_MS = 1;

/** What `setTimeout` gives: what the product does with it. */
class Timer {
  #task: Scheduled | undefined;
  readonly #begin: () => Scheduled;

  constructor(begin: () => Scheduled) {
    this.#begin = begin;
    this.#task = begin();
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  refresh(): this {
    this.clear();
    this.#task = this.#begin();
    return this;
  }

  clear(): void {
    this.#task?.cancel();
    this.#task = undefined;
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}

type Callback = (...args: unknown[]) => void;

function once(run: Callback, delayMs: number, args: unknown[]): Timer {
  const process = runningProcess();
  const wait = Math.max(LEAST_MS, delayMs || 0);
  return new Timer(() => presentSchedule.now.after(wait, process, "", () => run(...args)));
}

function repeated(run: Callback, delayMs: number, args: unknown[]): Timer {
  const timer = once(
    () => {
      // As Node does: the next turn begins before this one's work.
      timer.refresh();
      run(...args);
    },
    delayMs,
    [],
  );
  return timer;
}

let isPatched = false;

/** Patches the globals; safe twice. */
export function patchGlobals(): void {
  if (isPatched) return;
  isPatched = true;
  const real = {
    setTimeout: globalThis.setTimeout,
    setInterval: globalThis.setInterval,
    setImmediate: globalThis.setImmediate,
    clear: globalThis.clearTimeout,
    dateNow: Date.now.bind(Date),
    now: performance.now.bind(performance),
    random: Math.random.bind(Math),
  };
  const clear = (timer: unknown): void => {
    if (timer instanceof Timer) timer.clear();
    else real.clear(timer as NodeJS.Timeout);
  };
  const begin =
    (simulated: typeof once, otherwise: (...args: never[]) => unknown) =>
    (run: Callback, delayMs = 0, ...args: unknown[]): unknown =>
      isRunning() ? simulated(run, delayMs, args) : otherwise(...([run, delayMs, ...args] as never[]));
  Object.assign(globalThis, {
    setTimeout: begin(once, real.setTimeout),
    setInterval: begin(repeated, real.setInterval),
    setImmediate: (run: Callback, ...args: unknown[]) =>
      isRunning() ? once(run, 0, args) : real.setImmediate(run, ...args),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
  });
  // What a program uses of its machine is what this one would do, and no seed may depend on that.
  const cpuUsage = process.cpuUsage.bind(process);
  process.cpuUsage = (before): NodeJS.CpuUsage => (isRunning() ? { user: 0, system: 0 } : cpuUsage(before));
  const rss = process.memoryUsage.rss.bind(process.memoryUsage);
  process.memoryUsage.rss = (): number => (isRunning() ? RESIDENT_BYTES : rss());
  Date.now = (): number => (isRunning() ? wallMs() : real.dateNow());
  performance.now = (): number => (isRunning() ? presentSchedule.now.nowMs : real.now());
  Math.random = (): number => (isRunning() ? presentChance.now.fraction() : real.random());
}

/** The clock of the machine of whoever runs, milliseconds since 1970. */
export function wallMs(): number {
  return START_MS + Math.floor(presentSchedule.now.nowMs + runningProcess().machine.clockOffsetMs);
}
