/** Who this host is to the collector: a key, an id, and a certificate for them. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { readSecretFile } from "@hosttrail/lib/files";
import type { Logger } from "@hosttrail/lib/log";
import type { AgentConfig } from "../config/index.ts";
import type { Identity } from "./identity.ts";
import { OwnIdentity } from "./own.ts";

export type { Identity } from "./identity.ts";
export { certificateRequest } from "./request.ts";

/** The identity that the configuration gives, or one of our own. */
export function openIdentity(
  config: AgentConfig,
  about: { hostName: string; bootId: string },
  logger: Logger,
): Identity {
  return config.hostId === "" ? new OwnIdentity(config, about, logger) : givenIdentity(config);
}

function givenIdentity({ hostId, collector }: AgentConfig): Identity {
  const key = readSecretFile(collector.keyFile);
  return {
    hostId,
    key,
    // Read each time: whoever gave them may renew them.
    credentials: async () => ({
      ca: readFileSync(collector.caFile, "utf8"),
      certificate: readFileSync(collector.certificateFile, "utf8"),
      key,
    }),
    expireTime: () => new X509Certificate(readFileSync(collector.certificateFile)).validToDate.toISOString(),
    trust: () => undefined,
    renounce: () => undefined,
    close: () => undefined,
  };
}
