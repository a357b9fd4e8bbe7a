/** Serials that never came: what was lost before us, also where the kernel does not count it. */
import { RECORD } from "@hosttrail/lib/audit";
import type { RawRecord } from "../model/index.ts";

/** Farther apart than this the kernel began anew (a reboot), or a record is from another life. */
const NEAR = 1_000_000;
/** Missing serials that are remembered, so that one which comes late is no gap any more. */
const MISSING_MAX = 65_536;

/** Serials are u32: they wrap, and begin anew at each boot. */
export class SerialGaps {
  /** Serials that are missing. */
  missing = 0;
  #next = -1;
  readonly #missing = new Set<number>();

  /** Takes a record that came. Where an event's end came alone, the event is missing. */
  seeRecord({ type, serial }: Pick<RawRecord, "type" | "serial">): void {
    if (type !== RECORD.EOE) this.see(serial);
  }

  /** Takes the serial of an event, or of a part of it. */
  see(serial: number): void {
    // The distance on the circle of 2^32, so that a wrap is a step like any other.
    const ahead = (serial - this.#next) | 0;
    // Most records are of the same event as the one before.
    if (ahead === -1 && this.#next >= 0) return;
    if (this.#next < 0 || ahead > NEAR || ahead < -NEAR) this.#begin(serial);
    else if (ahead >= 0) {
      for (let at = 0; at < ahead && this.#missing.size < MISSING_MAX; at++) this.#missing.add((this.#next + at) >>> 0);
      this.missing += ahead;
      this.#next = (serial + 1) >>> 0;
    } else if (this.#missing.delete(serial)) this.missing--;
  }

  #begin(serial: number): void {
    this.#missing.clear();
    this.#next = (serial + 1) >>> 0;
  }
}
