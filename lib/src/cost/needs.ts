/** What serves a fleet: collectors, the message stream and the database, by what each was measured to take. */
import type { FleetForecast } from "./fleet.ts";
import { type Interval, scaled } from "./interval.ts";

/** What parts were measured to do on two shared cores; docs/cost.md names the command of each. */
export const CAPACITY = {
  /** Events that the store role takes in a processor second, at five a block, with the driver and its merging. */
  storeEventsPerCpuSecond: 12_000,
  /** Resident bytes of the ingest role for each connected agent. */
  ingestBytesPerAgent: 87_040,
  /** The same without any agent. */
  ingestBytesAlone: 127_926_272,
  /** Agents of one ingest process. */
  agentsPerIngest: 10_000,
  /** Share of a processor that is planned with: the rest is for bursts. */
  busyShare: 0.5,
  /** Bytes in the embedded database for each byte of a segment: sieves, catalogs and the database's own. */
  restOverhead: 1.4,
} as const;

export interface NeedsOptions {
  retentionDays: number;
  /** Hours for which the message stream keeps what the database cannot take. */
  outageHours: number;
  /** Copies of the message stream. */
  replicas: number;
}

export interface Needs {
  /** Processes with all roles; one more than is needed, so that one may be away. */
  collectors: number;
  /** Processors that all of them keep busy, in minutes of much. */
  collectorCpus: number;
  /** Resident bytes of the ingest role in each of them, while one is away. */
  ingestBytes: number;
  natsServers: number;
  /** Of all copies together; undefined where bytes on the wire were not measured. */
  streamBytes: Interval | undefined;
  /** Once the retention is filled; undefined where bytes at rest were not measured. */
  databaseBytes: Interval | undefined;
}

const DAY_HOURS = 24;

export function needsOf({ hosts, p90, wireBytes, restBytes }: FleetForecast, options: NeedsOptions): Needs {
  const { retentionDays, outageHours, replicas } = options;
  const collectorCpus = p90 / CAPACITY.storeEventsPerCpuSecond;
  const enough = Math.max(
    1,
    Math.ceil(hosts / CAPACITY.agentsPerIngest),
    Math.ceil(collectorCpus / CAPACITY.busyShare),
  );
  return {
    collectors: enough + 1,
    collectorCpus,
    ingestBytes: CAPACITY.ingestBytesAlone + (hosts / enough) * CAPACITY.ingestBytesPerAgent,
    natsServers: replicas,
    streamBytes: wireBytes && scaled(wireBytes, (outageHours / DAY_HOURS) * replicas),
    // The day that is not over is there as well.
    databaseBytes: restBytes && scaled(restBytes, retentionDays + 1),
  };
}
