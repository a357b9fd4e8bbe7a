/** When an agent is asked to go: its stream is old, or its collector stops. It is asked once. */
import { type Goodbye, Goodbye_Reason } from "@hosttrail/proto/ingest";
import { metrics } from "../metrics/index.ts";

/** Why agents are asked to go. */
export type Reason = "stopping" | "age";

export interface FarewellOptions {
  /** Milliseconds after which an agent is asked to go, each after half of them at least; 0 for never. */
  ageMaxMs: number;
  /** Time in which an agent that was asked to go for its stream's age must have gone. */
  graceMs: number;
}

const REASONS = { stopping: Goodbye_Reason.STOPPING, age: Goodbye_Reason.AGE } as const;

export class Farewell {
  readonly #options: FarewellOptions;
  readonly #say: (goodbye: Goodbye) => void;
  readonly #end: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isSaid = false;

  /** `say` tells the agent, `end` ends the stream of one that does not go. */
  constructor(options: FarewellOptions, say: (goodbye: Goodbye) => void, end: () => void) {
    this.#options = options;
    this.#say = say;
    this.#end = end;
  }

  /** The stream is open from now on. */
  begin(): void {
    const { ageMaxMs, graceMs } = this.#options;
    if (ageMaxMs === 0 || this.#isSaid) return;
    // Each at its own time: agents that came together go one by one.
    const ageMs = ageMaxMs * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => {
      this.ask("age", 0);
      this.#timer = setTimeout(this.#end, graceMs);
    }, ageMs);
  }

  /** Asks the agent to go, after a random part of `spreadMs`. */
  ask(reason: Reason, spreadMs: number): void {
    if (this.#isSaid) return;
    this.#isSaid = true;
    this.close();
    metrics.ingestGoodbyes.inc({ reason });
    this.#say({ reason: REASONS[reason], spreadMs: Math.ceil(spreadMs) });
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
