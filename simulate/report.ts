/** What one world's end comes to, as a process tells another. */
import type { Plan } from "./plan.ts";

export interface Report {
  seed: string;
  /** None where all is as it must be. */
  failures: string[];
  plan: Plan;
  /** Simulated milliseconds. */
  lifeMs: number;
  steps: number;
  /** Events that kernels gave, and those of them that are lost for a reason that is known. */
  events: number;
  excused: number;
  blocks: number;
  /** Programs that were started. */
  lives: number;
  faults: number;
  /** Of all that happened: two runs of a seed agree in it. */
  fingerprint: number;
  /** Milliseconds of this machine's processor. */
  cpuMs: number;
  /** Line by line; empty unless asked for. */
  trace: readonly string[];
}
