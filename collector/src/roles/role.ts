/** What a role is given, and what it is while it runs. */
import type { Logger } from "@hosttrail/lib/log";
import type { CollectorConfig, Role } from "../config/index.ts";
import type { Probe } from "../health/index.ts";
import type { History } from "../history/index.ts";
import type { BlockStream } from "../jetstream/index.ts";
import type { Archive } from "../mongodb/index.ts";
import type { RunningServer } from "../serve/index.ts";
import type { OpenApi } from "./services.ts";

/** What the roles of one process share: connections, and what was read of the past. */
export interface Shared {
  /** As it was when the process started. */
  config: CollectorConfig;
  /** As it is now: the few keys that change without a restart are asked for here, each time. */
  live: () => CollectorConfig;
  stream: BlockStream;
  archive: Archive;
  history: History;
  /** Whether those are there. */
  reach: { nats: Probe; database: Probe };
  /** The services of the API, opened for whoever asks first. */
  api: () => Promise<OpenApi>;
  /** Aborted when work on what has come already is to end; servers have stopped by then. */
  signal: AbortSignal;
  logger: Logger;
}

/** A role that runs. */
export interface RunningRole {
  /** It can work while all of these are there. */
  needs: readonly Probe[];
  /** Where callers come in. */
  server?: RunningServer;
  /** Has callers go elsewhere and settles what they gave, at most `deadlineMs`. Before `close`; new callers are refused by then. */
  drain?(deadlineMs: number): Promise<void>;
  /** Ends what callers wait for, so that their calls can end. Before servers stop. */
  close?(): void;
  /** Work that goes on until the signal. Rejects where it cannot go on. */
  work?: Promise<unknown>;
  /** Gives back what it holds. After servers and work have ended. */
  release?(): Promise<void> | void;
}

/** Starts a role. Undefined where it has nothing to do here; throws where it cannot start. */
export type StartRole = (shared: Shared) => Promise<RunningRole | undefined> | RunningRole | undefined;

/** A role by its own name. */
export type OneRole = Exclude<Role, "all">;
