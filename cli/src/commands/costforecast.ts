/** What a forecast of cost is made of, and what it says. */
import type { Bill, FleetForecast, HostForecast, KeyForecast, Needs, SampledProgram, Sum } from "@hosttrail/lib/cost";

export interface CostOptions {
  /** Empty for none. */
  spec: string;
  /** Files, or folders with them. */
  samples: readonly string[];
  /** Empty for none. */
  prices: string;
  without: readonly string[];
  /** Undefined for what the collector keeps, or where none is asked for what comes with the product. */
  retentionDays: number | undefined;
  /** "" for those that are known, "200" for so many, "2x" for so many times. */
  hosts: string;
  outageHours: number;
  /** Rule files, or folders with them; none: not looked at. */
  detections: readonly string[];
  placeholders: string;
}

export interface Suggestion {
  executable: string;
  key: string;
  /** Of all events, 0 to 1. */
  share: number;
  lines: readonly string[];
  /** Names of detections; empty as well where none was looked at. */
  blinds: readonly string[];
  isChecked: boolean;
}

export interface CostForecast {
  options: CostOptions & { retentionDays: number };
  /** What it was made of. */
  basis: string;
  hosts: readonly HostForecast[];
  groups: readonly ({ name: string } & Sum)[];
  fleet: FleetForecast;
  needs: Needs;
  suggestions: readonly Suggestion[];
  bill: Bill | undefined;
  diskFull: string | undefined;
  notes: readonly string[];
}

/** What is known of hosts before anything is made of it. */
export interface KnownCost {
  basis: string;
  hosts: readonly HostForecast[];
  programs: readonly SampledProgram[];
  /** Of all hosts together, where they are not known of each. */
  keys?: readonly KeyForecast[];
  diskFull: string | undefined;
  notes: readonly string[];
}
