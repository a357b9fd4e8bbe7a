/** What the tests ask of a rollout module, whatever tool runs it. */
import type { FleetChanges } from "./fleet.ts";

/** One run of a module over all hosts. */
export interface Run {
  ok: boolean;
  /** All that the tool said, for messages. */
  output: string;
  /** What was changed, or would be, as "host: what"; sorted. */
  changed: string[];
  /** Why it failed, as the tool told it. */
  reasons: string;
  seconds: number;
}

export interface ApplyOptions {
  /** The hosts are images, of which hosts are made later. */
  goldenImage?: boolean;
}

export interface Module {
  name: string;
  /** The spec in use. */
  readonly spec: string;
  /** Generates the module of a fleet; runs after this are of that fleet. */
  use(changes: FleetChanges): void;
  /** The enrolment token of the runs after this. */
  giveToken(token: string): void;
  /** Tells what a run would change, and changes nothing. */
  predict(): Promise<Run>;
  apply(options?: ApplyOptions): Promise<Run>;
  remove(): Promise<Run>;
}
