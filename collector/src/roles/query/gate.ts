/** Who may call, and the record of their calls. */
import { Access, HostScopes, openProvider } from "../../access/index.ts";
import type { CollectorConfig } from "../../config/index.ts";
import type { Archive } from "../../mongodb/index.ts";
import { explainQuery } from "../../query/index.ts";
import { Gate } from "../../serve/index.ts";
import type { Shared } from "../role.ts";

export function openGate(access: Access, { archive, logger }: Pick<Shared, "archive" | "logger">): Gate {
  return new Gate(
    {
      access,
      scopes: new HostScopes((scope) => archive.identities.hostsWithin(scope)),
      record: (entry) => archive.apiAudit.appendAudit(entry),
      explain: explainQuery,
    },
    logger,
  );
}

export function accessOf(live: () => CollectorConfig, { tokens }: Archive): Access {
  const { oidc } = live().access;
  if (oidc.issuer !== "" && oidc.audience === "")
    throw new Error("access.oidc.issuer is set, so audience must be, too");
  return new Access({
    bindings: () => live().access.bindings,
    findApiToken: (id) => tokens.getApiToken(id),
    checkProviderToken: oidc.issuer === "" ? undefined : openProvider(oidc),
  });
}
