/** Tokens, revocation, the record of calls. */
import { AccessServiceService } from "@hosttrail/proto/access";
import { AccessApi } from "../../administer/index.ts";
import type { Api } from "../services.ts";
import type { ApiParts } from "./api.ts";

export function openAccess({ archive, stream, gate }: ApiParts): Api {
  const { methods } = new AccessApi(
    { tokens: archive.tokens, identities: archive.identities, audit: archive.apiAudit },
    gate,
    (hostId) => stream.tellIdentity(hostId),
  );
  return {
    service: { name: "hosttrail.v1.AccessService", definition: AccessServiceService, implementation: { ...methods } },
  };
}
