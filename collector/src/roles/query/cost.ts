/** What auditing costs. */
import { CostServiceService } from "@hosttrail/proto/cost";
import { CostApi } from "../../cost/index.ts";
import { fullAt } from "../../raise/index.ts";
import { Policies } from "../../retain/index.ts";
import { PageTokens } from "../../serve/index.ts";
import type { Api } from "../services.ts";
import type { ApiParts } from "./api.ts";

const EVER_MS = 0;

export function openCost({ archive, past, gate }: ApiParts): Api {
  const { disk, history, hosts, identities, retention } = archive;
  const api = new CostApi(
    {
      finder: past.finder,
      listHosts: async (afterId, limit, hostIds) =>
        hostIds === undefined ? await hosts.listStates(afterId, limit) : await hosts.listHosts(afterId, limit, hostIds),
      days: () => history.days(),
      catalogs: (place, hostIds) => history.newestCatalogs(place, hostIds),
      eachCatalog: (place) => history.eachCatalog(place),
      async keepDays() {
        const [set, labels] = await Promise.all([retention.listPolicies(), identities.allLabels()]);
        const policies = new Policies(set);
        return (hostId) => policies.ofEvents(labels.get(hostId) ?? {}).keepDays;
      },
      diskSamples: () => disk.samplesSince(EVER_MS),
      fullAt,
    },
    new PageTokens(() => archive.secrets.key("page tokens")),
  );
  return {
    service: {
      name: "hosttrail.v1.CostService",
      definition: CostServiceService,
      implementation: { ...api.methods(gate) },
    },
  };
}
