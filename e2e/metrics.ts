import { fetchPath } from "./http.ts";

/** What a collector tells of itself. */
export async function metricsOf({ metricsPort }: { metricsPort: number }): Promise<string> {
  return (await fetchPath(metricsPort, "/metrics")).body;
}
