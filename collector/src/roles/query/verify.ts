/** Whether trails are whole and as they were sealed, and evidence of it for others. */
import { readFileSync } from "node:fs";
import { VerifyServiceService } from "@hosttrail/proto/verify";
import type { Archive } from "../../mongodb/index.ts";
import { logIdOf } from "../../logbook/index.ts";
import { type KeptSource, type LoggedTrails, openLoggedTrails, VerifyApi } from "../../verify/index.ts";
import { COLLECTOR_VERSION } from "../../version.ts";
import type { Api } from "../services.ts";
import type { ApiParts } from "./api.ts";

const PAGE_HOSTS = 1000;

export function openVerify({ config, archive, past, gate, logger }: ApiParts): Api {
  const { methods } = new VerifyApi(
    {
      kept: keptSource(archive),
      finder: past.finder,
      turns: past.turns,
      most: past.most,
      knownHosts: () => knownHosts(archive),
      openLog: (hostIds) => openLog(config.attest.origin, archive, hostIds),
      authorities: () =>
        [config.tls.caFile, config.query.pastAuthoritiesFile]
          .filter((file) => file !== "")
          .map((file) => readFileSync(file, "utf8"))
          .join("\n"),
      collectorVersion: COLLECTOR_VERSION,
    },
    gate,
    logger,
  );
  return {
    service: {
      name: "hosttrail.v1.VerifyService",
      definition: VerifyServiceService,
      implementation: { ...methods },
    },
  };
}

async function openLog(
  origin: string,
  { log, drops }: Archive,
  hostIds: readonly string[] | undefined,
): Promise<LoggedTrails | undefined> {
  if (origin === "") return undefined;
  const ports = {
    origin,
    files: log,
    listDrops: (hostId: string, afterId: string, limit: number) => drops.listDrops(hostId, afterId, limit),
    // As the step attest names them.
    findDrops: async (ids: readonly string[]) => {
      const found = await log.getNotes(
        logIdOf(origin),
        ids.map((id) => `drop-${id}`),
      );
      return new Map(Array.from(found, ([id, note]) => [id.replace(/^drop-/, ""), note]));
    },
  };
  const trails = await openLoggedTrails(ports, hostIds);
  // Whoever empties it must not be better off than with a log that shows what is missing.
  if (trails === undefined) throw new Error(`nothing of the log ${origin} is published`);
  return trails;
}

function keptSource({ kept, history, certificates, hosts }: Archive): KeptSource {
  return {
    days: () => history.days(),
    arrivalsOf: (hostIds, bounds) => kept.arrivalsOf(hostIds, bounds),
    catalogsOf: (place, hostIds) => kept.catalogsOf(place, hostIds),
    payload: (place, id) => history.payload(place, id),
    sieve: (place, id) => history.sieve(place, id),
    certificatesOf: (hostId) => certificates.certificatesOf(hostId),
    hostDocument: (hostId) => hosts.getHost(hostId),
  };
}

async function knownHosts({ hosts, identities }: Archive): Promise<string[]> {
  const list = async (page: (afterId: string) => Promise<string[]>): Promise<string[]> => {
    const ids: string[] = [];
    for (;;) {
      const next = await page(ids.at(-1) ?? "");
      ids.push(...next);
      if (next.length < PAGE_HOSTS) return ids;
    }
  };
  const documents = await list(async (afterId) => {
    return (await hosts.listNames(afterId, PAGE_HOSTS)).map(({ hostId }) => hostId);
  });
  const enrolled = await list(async (afterId) => {
    return (await identities.listIdentities(afterId, PAGE_HOSTS)).map(({ hostId }) => hostId);
  });
  return [...new Set([...documents, ...enrolled])];
}
