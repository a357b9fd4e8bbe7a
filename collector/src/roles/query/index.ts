/** [history] and [arrivals] -> query; and whatever else people ask and order through the API. */
import { joinPeers } from "../../peers/index.ts";
import { REQUEST_BYTES_MAX } from "../../serve/index.ts";
import { COLLECTOR_VERSION } from "../../version.ts";
import type { RunningRole, Shared } from "../role.ts";
import { openServer } from "../server.ts";
import type { Api, OpenApi } from "../services.ts";
import { openAccess } from "./access.ts";
import { openAlerts } from "./alerts.ts";
import { openAnalysis } from "./analysis.ts";
import type { ApiParts, Past } from "./api.ts";
import { openCost } from "./cost.ts";
import { openCoverage } from "./coverage.ts";
import { openDeadBlocks } from "./deadblocks.ts";
import { openEvents } from "./events.ts";
import { accessOf, openGate } from "./gate.ts";
import { openLedger } from "./ledger.ts";
import { openLog } from "./log.ts";
import { openNotify } from "./notify.ts";
import { openPast } from "./past.ts";
import { openRetention } from "./retention.ts";
import { openRules } from "./rules.ts";
import { openVerify } from "./verify.ts";

export async function startQuery(shared: Shared): Promise<RunningRole> {
  const { config, logger } = shared;
  const { apis, close, release } = await shared.api();
  const about = {
    listen: config.query.listen,
    clientCertificate: "optional",
    messageBytesMax: REQUEST_BYTES_MAX,
  } as const;
  const services = apis.map(({ service }) => service);
  return {
    // The past is told without NATS.
    needs: [shared.reach.database],
    server: await openServer(about, services, config, logger),
    close,
    release,
  };
}

/** Opens the services of the API, with what they share. */
export function openApi(shared: Omit<Shared, "api">): OpenApi {
  const { live, archive } = shared;
  const past = openPast(shared);
  const peers = joinOthers(shared, past);
  const access = accessOf(live, archive);
  const apis = openApis({ ...shared, past, gate: openGate(access, shared) });
  let released: Promise<void> | undefined;
  return {
    apis,
    access,
    close() {
      peers?.close();
      for (const api of apis) api.close?.();
    },
    release: () => (released ??= past.pool.close()),
  };
}

/** All services of the API. */
function openApis(parts: ApiParts): Api[] {
  const rules = openRules(parts);
  return [
    openEvents(parts),
    openAnalysis(parts),
    openAccess(parts),
    rules,
    openAlerts(parts, rules.rules),
    openNotify(parts),
    openLog(parts),
    openVerify(parts),
    openLedger(parts),
    openRetention(parts),
    openDeadBlocks(parts),
    openCoverage(parts),
    openCost(parts),
  ];
}

/** Other query processes read for large questions of this one, and it for theirs. */
function joinOthers(
  { config, stream, archive, history, logger }: Omit<Shared, "api">,
  { pool }: Past,
): { close(): void } | undefined {
  const { peersMax } = config.query;
  if (peersMax === 0) return undefined;
  const readKey = (): Promise<Uint8Array> => archive.secrets.key("peers");
  return joinPeers({ link: stream.peers, readKey, pool, history, programVersion: COLLECTOR_VERSION, peersMax }, logger);
}
