/** What became of every event. */
import { LedgerServiceService } from "@hosttrail/proto/ledger";

import { LedgerApi } from "../../ledger/index.ts";
import { PageTokens } from "../../serve/index.ts";
import { ledgerPast } from "../ledger.ts";
import type { Api } from "../services.ts";
import type { ApiParts } from "./api.ts";

export function openLedger({ archive, stream, past, gate, logger }: ApiParts): Api {
  const { methods } = new LedgerApi(
    {
      ...ledgerPast({ archive, stream }, past.source),
      finder: past.finder,
      turns: past.turns,
      most: past.most,
      tokens: new PageTokens(() => archive.secrets.key("page tokens")),
      listHosts: (afterId, limit, hostIds) => archive.hosts.listHosts(afterId, limit, hostIds),
    },
    gate,
    logger,
  );
  return {
    service: { name: "hosttrail.v1.LedgerService", definition: LedgerServiceService, implementation: { ...methods } },
  };
}
