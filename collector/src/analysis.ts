/** The API of what many events say together, with the database as it sees it. */
import type { Logger } from "@hosttrail/lib/log";
import { AnalysisApi, type AnswerSource } from "./answers/index.ts";
import type { Archive } from "./mongodb/index.ts";
import type { Gate } from "./serve/index.ts";

export function openAnalysisApi(
  archive: Archive,
  history: Pick<AnswerSource, "find" | "scans" | "finder" | "most" | "turns">,
  gate: Gate,
  logger: Logger,
): AnalysisApi {
  const { alerts, alertWork, hosts, identities } = archive;
  return new AnalysisApi(
    {
      ...history,
      alerts: {
        listAlerts: (query) => alerts.listAlerts(query),
        getAlerts: (ids) => alerts.getAlerts(ids),
        getWorks: (ids) => alertWork.getWorks(ids),
      },
      isKnown: async (hostId) => (await hosts.getHost(hostId)) !== undefined,
      labelsOf: async (hostId) => (await identities.getIdentity(hostId))?.labels ?? {},
    },
    gate,
    logger,
  );
}
