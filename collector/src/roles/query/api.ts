/** What the services of the API are given. */
import type { HostSelection, Turns } from "../../ask/index.ts";
import type { History } from "../../history/index.ts";
import type { ScanPool, ScanSource } from "../../scan/index.ts";
import type { Gate } from "../../serve/index.ts";
import type { Shared } from "../role.ts";

export interface ApiParts extends Pick<Shared, "config" | "stream" | "archive" | "history" | "logger"> {
  /** Every call goes through it. */
  gate: Gate;
  past: Past;
}

/** The past, as all questions of one process share it: threads, turns, bounds. */
export interface Past {
  pool: ScanPool;
  source: ScanSource;
  finder: HostSelection;
  turns: Turns;
  /** The most that one question may take. */
  most: { timeMs: number; bytes: number; events: number };
  find: History["find"];
}
