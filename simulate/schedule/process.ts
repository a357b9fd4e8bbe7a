/** Who runs: simulated machines and the processes on them. */

/** A machine: its clock, and whether it has power. Its disk belongs to whoever makes it (disk/). */
export interface Machine {
  readonly name: string;
  /** Its clock minus the true time, milliseconds. */
  clockOffsetMs: number;
}

/** Thrown out of every simulated call of a process that was killed: nothing that it still does has an effect. */
export class Killed extends Error {
  override readonly name = "Killed";

  constructor(process: string) {
    super(`${process} is dead`);
  }
}

/** One life of a program. */
export class SimulatedProcess {
  readonly name: string;
  readonly machine: Machine;
  /** Stopped until then, as a process that the system does not let run; true milliseconds. */
  stalledUntilMs = 0;
  /** Calls to the system until it is killed by one; infinite for never. */
  callsLeft: number = Number.POSITIVE_INFINITY;
  readonly #ends: (() => void)[] = [];
  #isAlive = true;
  #onLastCall: (() => void) | undefined;

  constructor(name: string, machine: Machine) {
    this.name = name;
    this.machine = machine;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Called once, when it is killed or has ended. */
  onEnd(run: () => void): void {
    this.#ends.push(run);
  }

  end(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    for (const run of this.#ends) run();
  }

  /** Kills it at its n-th call to the system from now on. */
  endAtCall(calls: number, onLastCall: () => void): void {
    this.callsLeft = calls;
    this.#onLastCall = onLastCall;
  }

  /** Before each call to the system. Throws Killed where it has no more effect. */
  enterCall(): void {
    if (!this.#isAlive) throw new Killed(this.name);
    if (--this.callsLeft > 0) return;
    this.callsLeft = Number.POSITIVE_INFINITY;
    this.#onLastCall?.();
    if (!this.#isAlive) throw new Killed(this.name);
  }
}
