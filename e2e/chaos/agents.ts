/**
 * Some hosts in one process, each with the agent's own spool and shipper: `node agents.ts FILE`. What they do is made up (work.ts), and goes on
 * where the spool says that it was. Ends when all is made and stored.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Shipper } from "@hosttrail/agent/ship";
import { Spool } from "@hosttrail/agent/spool";
import { type SealedBlock, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { openLogger } from "@hosttrail/lib/log";
import { Event } from "@hosttrail/proto/event";
import { AgentStatus } from "@hosttrail/proto/ingest";
import { type AgentsPlan, ALL_STORED, EVENT_INTERVAL_MS, eventOf } from "./work.ts";

const BLOCK_EVENTS = 5;
const RETRY_MS = 300;

async function run(plan: AgentsPlan, host: AgentsPlan["hosts"][number]): Promise<void> {
  const logger = openLogger(host.name, "warn");
  const [key, certificate] = [readFileSync(host.keyFile, "utf8"), readFileSync(host.certificateFile, "utf8")];
  const sign = signerOf(key);
  const spool = await opened(plan, host, logger);
  const shipper = new Shipper(
    {
      endpoints: plan.endpoints,
      credentials: () => Promise.resolve({ ca: readFileSync(plan.caFile, "utf8"), certificate, key }),
      trust: () => undefined,
      onCloned: () => {
        throw new Error(`${host.name} is taken for two`);
      },
      hello: () => ({
        hostId: host.hostId,
        hostName: host.name,
        agentVersion: "chaos",
        bootId: "",
        epoch: spool.position.epoch,
        clockTime: undefined,
      }),
      status: () => AgentStatus.fromPartial({ source: "file" }),
      statusIntervalMs: 3_600_000,
      storedTimeoutMs: 8000,
      backoffMinMs: 200,
      backoffMaxMs: 2000,
    },
    spool,
    logger,
  );
  shipper.start();
  for (;;) {
    const firstSeq = Number(spool.position.nextSeq);
    if (firstSeq >= plan.events) break;
    const count = Math.min(BLOCK_EVENTS, plan.events - firstSeq);
    // Not before it has happened.
    const dueMs = plan.startMs + (firstSeq + count) * EVENT_INTERVAL_MS;
    if (dueMs > Date.now()) await sleep(dueMs - Date.now());
    const events = Array.from({ length: count }, (_, at) => {
      const event = eventOf(host.number, firstSeq + at, plan.startMs);
      return { ...event, host: Event.fromPartial({ host: { ...event.host, id: host.hostId, name: host.name } }).host };
    });
    const { epoch, nextSeq, previousHeaderSha256 } = spool.position;
    const place = { hostId: host.hostId, epoch, firstSeq: nextSeq, bootId: "", agentVersion: "chaos", flags: 0 };
    const block = sealBlock(events, { ...place, previousHeaderSha256 }, nodePrimitives, sign);
    shipper.offer(await appended(spool, block));
  }
  while (spool.counters().blocks > 0) await sleep(200);
  spool.close();
}

/** A disk that is full lets no spool be opened, either. */
async function opened(plan: AgentsPlan, host: { name: string }, logger: ReturnType<typeof openLogger>): Promise<Spool> {
  for (;;) {
    try {
      return new Spool(
        {
          directory: join(plan.directory, host.name),
          bytesMax: 64 * 1024 * 1024,
          segmentBytes: 256 * 1024,
          hoursMax: 0,
          sync: "always",
          quarantineBytesMax: 1024 * 1024,
          bootId: "",
        },
        (event, detail) => logger.warn(detail, `spool: ${event}`),
      );
    } catch (error) {
      logger.warn({ error: String(error) }, "the spool cannot be opened");
      await sleep(RETRY_MS);
    }
  }
}

/** What was sealed is tried again as it is. */
async function appended(spool: Spool, block: SealedBlock): Promise<ReturnType<Spool["append"]>> {
  for (;;) {
    try {
      return spool.append(block);
    } catch {
      await sleep(RETRY_MS);
    }
  }
}

const plan = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as AgentsPlan;
await Promise.all(plan.hosts.map((host) => run(plan, host)));
process.stdout.write(`${ALL_STORED}\n`);
process.exit(0);
