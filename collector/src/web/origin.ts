/** Whether a request comes from our own pages: what another site makes a browser send is not let in. */
import type { IncomingHttpHeaders } from "node:http";
import { status } from "@grpc/grpc-js";
import { metrics } from "../metrics/index.ts";
import { serviceError } from "../serve/index.ts";

/** No form and no simple request of another site can have it. */
const OWN_HEADER = "x-hosttrail-console";

/** Throws a ServiceError where a request is not one of our own pages. `publicUrl` is where they are; empty for wherever it was sent. */
export function checkOrigin(headers: IncomingHttpHeaders, publicUrl: string): void {
  if (headers[OWN_HEADER] === "1" && isOwn(headers, publicUrl)) return;
  metrics.consoleRefused.inc({ reason: "origin" });
  throw serviceError(
    status.PERMISSION_DENIED,
    "ORIGIN_FOREIGN",
    "only pages of this console may ask: X-Hosttrail-Console is 1, and Sec-Fetch-Site (or Origin) our own",
  );
}

function isOwn(headers: IncomingHttpHeaders, publicUrl: string): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  const { origin } = headers;
  if (origin === undefined) return false;
  // HTTP/2 has the host under a name of its own.
  const host = String(headers[":authority"] ?? headers.host ?? "");
  return origin === (publicUrl === "" ? `https://${host}` : new URL(publicUrl).origin);
}
