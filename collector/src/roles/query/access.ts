/** Tokens, revocation, the record of calls. */
import { AccessServiceService } from "@hosttrail/proto/access";
import { AccessApi } from "../../administer/index.ts";
import type { Api } from "../services.ts";
import type { ApiParts } from "./api.ts";

export function openAccess({ config, archive, stream, gate }: ApiParts): Api {
  const { methods } = new AccessApi(
    {
      tokens: archive.tokens,
      identities: archive.identities,
      audit: archive.apiAudit,
      links: { insertLink: (link) => archive.console.insertLink(link), consoleUrl: config.console.publicUrl },
    },
    gate,
    (hostId) => stream.tellIdentity(hostId),
  );
  return {
    service: { name: "hosttrail.v1.AccessService", definition: AccessServiceService, implementation: { ...methods } },
  };
}
