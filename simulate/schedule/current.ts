/**
 * Who runs now. One task runs at a time, and whatever follows from it runs before the next one, so that one variable is enough; modules that
 * stand in for those of Node are asked without a word of who asks.
 */
import type { SimulatedProcess } from "./process.ts";

let running: SimulatedProcess | undefined;

export function setRunning(process: SimulatedProcess | undefined): void {
  running = process;
}

/** True in a simulated process; false in the world itself, and where nothing is simulated. */
export function isRunning(): boolean {
  return running !== undefined;
}

/** Throws an Error where none runs. */
export function runningProcess(): SimulatedProcess {
  if (running === undefined)
    throw new Error("no simulated process runs now: something real was awaited, or nothing is simulated");
  return running;
}

/** What there is one of in a world at a time, for modules that stand in for others and so are given nothing. */
export class Present<Value> {
  readonly #name: string;
  #value: Value | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  set(value: Value | undefined): void {
    this.#value = value;
  }

  /** Undefined where nothing is simulated. */
  get maybe(): Value | undefined {
    return this.#value;
  }

  /** Throws an Error where nothing is simulated. */
  get now(): Value {
    if (this.#value === undefined) throw new Error(`there is no simulated ${this.#name}`);
    return this.#value;
  }
}
