/** The roles of the collector: each runs alone or beside others, any number of each. */
import type { CollectorConfig } from "../config/index.ts";
import { startAttest } from "./attest.ts";
import { startCompact } from "./compact.ts";
import { startConsole } from "./console.ts";
import { startCoverage } from "./coverage.ts";
import { startDetect } from "./detect.ts";
import { startEnroll } from "./enroll.ts";
import { startExport } from "./export.ts";
import { startIngest } from "./ingest.ts";
import { startNotify } from "./notify.ts";
import { openApi, startQuery } from "./query/index.ts";
import type { OneRole, StartRole } from "./role.ts";
import { startStore } from "./store.ts";

export { openApi };
export type { OpenApi } from "./services.ts";
export { databaseOptions, natsOptions } from "./connections.ts";
export type { OneRole, RunningRole } from "./role.ts";

/** Each role's own way; in the order of the data's. */
export const ROLES: Readonly<Record<OneRole, StartRole>> = {
  enroll: startEnroll,
  ingest: startIngest,
  store: startStore,
  compact: startCompact,
  attest: startAttest,
  coverage: startCoverage,
  export: startExport,
  detect: startDetect,
  notify: startNotify,
  query: startQuery,
  console: startConsole,
};

/** The roles that a process has. */
export function rolesOf({ roles }: Pick<CollectorConfig, "roles">): OneRole[] {
  const all = Object.keys(ROLES) as OneRole[];
  return all.filter((role) => roles.includes(role) || roles.includes("all"));
}
