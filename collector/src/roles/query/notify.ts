/** Where alerts are told, and what waits there. */
import { NotifyServiceService } from "@hosttrail/proto/notify";
import { NotifyApi } from "../../notify/index.ts";
import type { Api } from "../services.ts";
import type { ApiParts } from "./api.ts";

export function openNotify({ stream, gate }: ApiParts): Api {
  const implementation = { ...new NotifyApi(stream.notifications, gate).methods };
  return { service: { name: "hosttrail.v1.NotifyService", definition: NotifyServiceService, implementation } };
}
