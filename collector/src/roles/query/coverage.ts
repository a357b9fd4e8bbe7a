/** Which machines of a cloud have an agent. */
import { CoverageServiceService } from "@hosttrail/proto/coverage";
import { CoverageApi } from "../../coverage/index.ts";
import { PageTokens } from "../../serve/index.ts";
import type { Api } from "../services.ts";
import type { ApiParts } from "./api.ts";

export function openCoverage({ archive, gate }: ApiParts): Api {
  const tokens = new PageTokens(() => archive.secrets.key("page tokens"));
  const api = new CoverageApi(archive.coverage, tokens);
  return {
    service: {
      name: "hosttrail.v1.CoverageService",
      definition: CoverageServiceService,
      implementation: { ...api.methods(gate) },
    },
  };
}
