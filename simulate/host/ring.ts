/** A machine's kernel and the ring in which its records wait until they are spooled: what agent/native/ is on a real one. */
import { presentSchedule, type SimulatedProcess } from "../schedule/index.ts";

/** A record as it came, but for where it lies. */
export interface GivenRecord {
  type: number;
  timeMs: number;
  serial: number;
  text: string;
}

export interface EventName {
  timeMs: number;
  serial: number;
}

export function nameOfEvent({ timeMs, serial }: EventName): string {
  return `${timeMs}:${serial}`;
}

export class KernelRing {
  /** From the committed position on. */
  #records: GivenRecord[] = [];
  #committed = 0;
  #beyond: readonly EventName[] = [];
  /** Where the agent that reads now is. */
  readTo = 0;
  #reader: { process: SimulatedProcess; wake: () => void } | undefined;

  /** Where the next record will begin; each takes one. */
  get end(): number {
    return this.#committed + this.#records.length;
  }

  get committed(): number {
    return this.#committed;
  }

  /** Events after the committed position that are spooled all the same. */
  get beyond(): readonly EventName[] {
    return this.#beyond;
  }

  give(records: readonly GivenRecord[]): void {
    this.#records.push(...records);
    if (this.#reader !== undefined) presentSchedule.now.after(0.01, this.#reader.process, "", this.#reader.wake);
  }

  /** The next record at or after a position. */
  at(position: number): GivenRecord | undefined {
    return this.#records[position - this.#committed];
  }

  attach(process: SimulatedProcess, wake: () => void): void {
    this.#reader = { process, wake };
  }

  detach(): void {
    this.#reader = undefined;
  }

  commit(position: number, beyond: readonly EventName[]): void {
    if (position < this.#committed || position > this.end)
      throw new Error(`a commit at ${position} is not within ${this.#committed} to ${this.end}`);
    this.#records = this.#records.slice(position - this.#committed);
    this.#committed = position;
    this.#beyond = beyond.map(({ timeMs, serial }) => ({ timeMs, serial }));
  }

  /** The power goes: gives the events that were in it and are nowhere else. */
  losePower(): Set<string> {
    const lost = new Set(this.#records.map(nameOfEvent));
    for (const event of this.#beyond) lost.delete(nameOfEvent(event));
    this.#records = [];
    this.#committed = 0;
    this.#beyond = [];
    this.#reader = undefined;
    return lost;
  }
}
