/** Single events: searched, got, watched as they come; hosts; saved questions. */
import { QueryServiceService } from "@hosttrail/proto/query";
import { arrivalsOfHosts } from "../../archives.ts";
import { QueryApi } from "../../query/index.ts";
import { PageTokens } from "../../serve/index.ts";
import type { Api } from "../services.ts";
import type { ApiParts } from "./api.ts";

export function openEvents({ archive, stream, past, gate, logger }: ApiParts): Api {
  const api = new QueryApi(
    {
      archive: {
        find: past.find,
        dropOf: (hostId, epoch, seq) => archive.drops.dropOf(hostId, epoch, seq),
        listHosts: (afterId, limit, hostIds) => archive.hosts.listHosts(afterId, limit, hostIds),
        getHost: (hostId) => archive.hosts.getHost(hostId),
        arrivals: (hostIds) => arrivalsOfHosts(archive, hostIds),
      },
      ...past,
      tap: stream,
      gate,
      tokens: new PageTokens(() => archive.secrets.key("page tokens")),
      saved: archive.savedQueries,
    },
    logger,
  );
  return {
    service: {
      name: "hosttrail.v1.QueryService",
      definition: QueryServiceService,
      implementation: { ...api.methods },
    },
    close: () => api.close(),
  };
}
