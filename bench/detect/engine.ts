/** Engines of others, and what they are asked. */
import type { DetectionRule } from "@hosttrail/lib/sigma";
import type { Document } from "./documents.ts";

/** A rule as all engines have it; `text` names it by its number alone, as r0. */
export interface Asked {
  rule: DetectionRule;
  /** Which rules it is one of. */
  from: string;
  route: string;
  text: string;
}

/** A document of an event. */
export interface Told {
  route: string;
  document: Document;
  /** The event's number among all. */
  event: number;
}

export interface Answers {
  /** Its name and version. */
  engine: string;
  /** Matches, as "<number of the rule> <number of the event>". */
  found: ReadonlySet<string>;
  /** Rules that it could not be asked, by number, and why. */
  left: ReadonlyMap<number, string>;
}

export interface Engine {
  name: string;
  take(told: readonly Told[]): void;
  /** What it found in all that it took. */
  end(): Answers;
  close(): void;
}
