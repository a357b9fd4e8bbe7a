/** The roles of the collector: each runs alone or beside others, any number of each. */
import type { CollectorConfig } from "../config/index.ts";
import type { OneRole, Shared, StartRole } from "./role.ts";
import type { OpenApi } from "./services.ts";

export type { OpenApi } from "./services.ts";
export { databaseOptions, natsOptions } from "./connections.ts";
export type { OneRole, RunningRole } from "./role.ts";

/** Each role's own way; in the order of the data's. What a process has no role for is not even read. */
export const ROLES: Readonly<Record<OneRole, StartRole>> = {
  enroll: async (shared) => (await import("./enroll.ts")).startEnroll(shared),
  ingest: async (shared) => (await import("./ingest.ts")).startIngest(shared),
  store: async (shared) => (await import("./store.ts")).startStore(shared),
  compact: async (shared) => (await import("./compact.ts")).startCompact(shared),
  attest: async (shared) => (await import("./attest.ts")).startAttest(shared),
  coverage: async (shared) => (await import("./coverage.ts")).startCoverage(shared),
  export: async (shared) => (await import("./export.ts")).startExport(shared),
  detect: async (shared) => (await import("./detect.ts")).startDetect(shared),
  notify: async (shared) => (await import("./notify.ts")).startNotify(shared),
  query: async (shared) => (await import("./query/index.ts")).startQuery(shared),
  console: async (shared) => (await import("./console.ts")).startConsole(shared),
};

/** Opens the services of the API. */
export async function openApi(shared: Omit<Shared, "api">): Promise<OpenApi> {
  return (await import("./query/index.ts")).openApi(shared);
}

/** The roles that a process has. */
export function rolesOf({ roles }: Pick<CollectorConfig, "roles">): OneRole[] {
  const all = Object.keys(ROLES) as OneRole[];
  return all.filter((role) => roles.includes(role) || roles.includes("all"));
}
