/** A role's own server, with the bounds that all of them have. */
import type { Logger } from "@hosttrail/lib/log";
import type { CollectorConfig } from "../config/index.ts";
import { type RunningServer, serve, type ServeOptions, type Service } from "../serve/index.ts";

export async function openServer(
  about: Pick<ServeOptions, "listen" | "clientCertificate" | "messageBytesMax">,
  services: readonly Service[],
  { connections, tls }: Pick<CollectorConfig, "connections" | "tls">,
  logger: Logger,
): Promise<RunningServer> {
  const { max, perAddressMax, strangersPerAddressMax, handshakeTimeoutMs, maxAgeSeconds } = connections;
  // Who must show a certificate of ours is no stranger; many hosts may come from behind one address.
  const connectionsPerAddressMax = about.clientCertificate === "required" ? perAddressMax : strangersPerAddressMax;
  return await serve(
    {
      ...about,
      tls,
      connectionsMax: max,
      connectionsPerAddressMax,
      handshakeTimeoutMs,
      connectionAgeMs: maxAgeSeconds * 1000,
    },
    services,
    logger,
  );
}
