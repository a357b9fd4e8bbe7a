/** The same as the role query, for people with a browser: the console's pages, the API as JSON, logins. */
import { openProvider } from "../access/index.ts";
import type { CollectorConfig } from "../config/index.ts";
import { readSecretFile } from "@hosttrail/lib/files";
import { COLLECTOR_VERSION } from "../version.ts";
import { type ProviderLoginOptions, serveConsole } from "../web/index.ts";
import type { RunningRole, Shared } from "./role.ts";

/** A package has them beside its program. */
const FILES_FOLDER: string =
  process.env["HOSTTRAIL_CONSOLE"] ?? new URL("../../../console/dist", import.meta.url).pathname;
const MINUTE_MS = 60_000;

/** Undefined where it is to listen nowhere, and the role was not asked for by its name. */
export async function startConsole(shared: Shared): Promise<RunningRole | undefined> {
  const { config, archive, reach, signal, logger } = shared;
  const { listen, publicUrl, oidc } = config.console;
  if (listen === "") {
    if (config.roles.includes("console")) throw new Error("the role console needs console.listen");
    return undefined;
  }
  const { max, strangersPerAddressMax, handshakeTimeoutMs } = config.connections;
  const { apis, access, close, release } = await shared.api();
  const provider = providerOf(config);
  const { server, work } = await serveConsole(
    {
      listen,
      tls: config.tls,
      connectionsMax: max,
      connectionsPerAddressMax: strangersPerAddressMax,
      handshakeTimeoutMs,
      filesFolder: FILES_FOLDER,
      bounds: { callsMax: config.console.callsPerSessionMax, streamsMax: config.console.streamsPerSessionMax },
      sessions: {
        store: archive.console,
        access,
        record: (entry) => archive.apiAudit.appendAudit(entry),
        idleMs: config.console.sessionIdleMinutes * MINUTE_MS,
        absoluteMs: config.console.sessionMaxMinutes * MINUTE_MS,
        perCallerMax: config.console.sessionsPerCallerMax,
      },
      login: {
        access,
        takeLink: (id, nowMs) => archive.console.takeLink(id, nowMs),
        provider,
        readKey: () => archive.secrets.key("console"),
        certificates: config.console.clientCertificates,
        attemptsPerMinute: config.console.loginsPerMinute,
        publicUrl,
      },
      providerName: provider === undefined ? "" : oidc.displayName || new URL(config.access.oidc.issuer).host,
      version: COLLECTOR_VERSION,
      signal,
    },
    apis.map(({ service }) => service),
    logger,
  );
  return { needs: [reach.database], server, close, work, release };
}

function providerOf({ access, console: { oidc, publicUrl } }: CollectorConfig): ProviderLoginOptions | undefined {
  if (oidc.clientId === "") return undefined;
  return {
    issuer: access.oidc.issuer,
    clientId: oidc.clientId,
    clientSecret: oidc.clientSecretFile === "" ? "" : readSecretFile(oidc.clientSecretFile).trim(),
    scope: oidc.scope,
    redirectUri: `${publicUrl}/login/callback`,
    // Its tokens are for the console, and not for programs.
    check: openProvider({ ...access.oidc, audience: oidc.clientId }),
  };
}
