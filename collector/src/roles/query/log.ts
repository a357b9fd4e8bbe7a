/** What stands in the transparency log. */
import { LogServiceService } from "@hosttrail/proto/log";
import { LogApi } from "../../logapi/index.ts";
import { LogReader } from "../../logbook/index.ts";
import type { Api } from "../services.ts";
import type { ApiParts } from "./api.ts";

export function openLog({ config, archive, gate }: ApiParts): Api {
  const { origin } = config.attest;
  const { methods } = new LogApi(origin === "" ? undefined : new LogReader(archive.log, origin), gate);
  return {
    service: { name: "hosttrail.v1.LogService", definition: LogServiceService, implementation: { ...methods } },
  };
}
