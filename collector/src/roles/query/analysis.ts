/** What many events say together: trees, timelines, aggregates, differences. */
import { AnalysisServiceService } from "@hosttrail/proto/analysis";
import { AnalysisApi } from "../../answers/index.ts";
import type { Api } from "../services.ts";
import type { ApiParts } from "./api.ts";

export function openAnalysis({ archive, past, gate, logger }: ApiParts): Api {
  const { alerts, alertWork, hosts, identities } = archive;
  const { methods } = new AnalysisApi(
    {
      ...past,
      scans: past.source,
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
  return {
    service: {
      name: "hosttrail.v1.AnalysisService",
      definition: AnalysisServiceService,
      implementation: { ...methods },
    },
  };
}
