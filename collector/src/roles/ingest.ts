/** [agents] -> receive -> [JetStream]; and back to agents what was received and stored, and whether their own event is found. */
import { randomBytes } from "node:crypto";
import type { Logger } from "@hosttrail/lib/log";
import { IngestServiceService } from "@hosttrail/proto/ingest";
import { Confirmation } from "../confirm/index.ts";
import type { CollectorConfig } from "../config/index.ts";
import type { BlockStream } from "../jetstream/index.ts";
import { HostIdentities } from "../identities/index.ts";
import { Newcomers, Presences, Receiver, Room, type Tuning, Windows, WORD_INTERVAL_MS } from "../receive/index.ts";
import { BLOCK_MESSAGE_BYTES_MAX } from "../serve/index.ts";
import { COLLECTOR_VERSION } from "../version.ts";
import type { RunningRole, Shared } from "./role.ts";
import { openServer } from "./server.ts";
import { watchTrust } from "./trust.ts";

const ID_BYTES = 8;
/** Agents that are asked to choose anew do so one by one within this time. */
const SPREAD_MS = 15_000;

export async function startIngest({
  config,
  live,
  stream,
  archive,
  history,
  reach,
  signal,
  logger,
}: Shared): Promise<RunningRole> {
  const identities = new HostIdentities(archive.identities, stream, config.ingest, logger);
  const trust = watchTrust(config.tls.caFile, (pem) => receiver.tellTrust(pem));
  const presences = new Presences();
  const receiver = new Receiver(
    {
      windows: new Windows(config.ingest.linkWindowBytes, config.ingest.linkMemoryBytes),
      tuning: () => tuningOf(live()),
      sink: stream,
      identities,
      certificates: archive.certificates,
      profiles: archive.profiles,
      presences,
      room: new Room(config.ingest.publishingBytesMax),
      trustBundle: trust.pem,
      collectorVersion: COLLECTOR_VERSION,
    },
    logger,
  );
  // Agents are told with the welcome how large a block may be.
  stream.onBlockBytesMax(() => receiver.close());
  const confirmation = new Confirmation(history, logger);
  const service = {
    name: "hosttrail.v1.IngestService",
    definition: IngestServiceService,
    implementation: { stream: receiver.stream, getCanary: confirmation.getCanary },
  };
  const about = {
    listen: config.ingest.listen,
    clientCertificate: "required",
    messageBytesMax: BLOCK_MESSAGE_BYTES_MAX,
  } as const;
  const server = await openServer(about, [service], config, logger);
  const others = meetOthers(stream, receiver, logger);
  return {
    needs: [reach.nats, reach.database],
    server,
    async drain(deadlineMs) {
      const left = await receiver.drain(deadlineMs);
      if (left > 0) logger.warn({ agents: left }, "agents did not move in time: their streams are ended");
    },
    close() {
      others.close();
      trust.close();
      receiver.close();
    },
    work: presences.tell(archive.presence, signal, logger),
    release: () => identities.close(),
  };
}

/** Says that this collector takes agents, and gives some of its own to those that come later. */
function meetOthers(stream: BlockStream, receiver: Receiver, logger: Logger): { close(): void } {
  const processId = randomBytes(ID_BYTES).toString("hex");
  const beganMs = performance.now();
  const newcomers = new Newcomers(processId, beganMs);
  const listening = stream.onIngest((id, ageMs) => {
    const part = newcomers.hear(id, ageMs, performance.now());
    if (part === 0) return;
    const agents = receiver.spread(part, SPREAD_MS);
    logger.info({ agents }, "another collector takes agents: some are asked to choose anew");
  });
  const tell = (): void => stream.tellIngest(processId, performance.now() - beganMs);
  tell();
  const telling = setInterval(tell, WORD_INTERVAL_MS);
  return {
    close() {
      clearInterval(telling);
      listening.close();
    },
  };
}

function tuningOf({ ingest, connections }: CollectorConfig): Tuning {
  return { ...ingest, ageMaxMs: connections.maxAgeSeconds * 1000, graceMs: connections.graceMs };
}
