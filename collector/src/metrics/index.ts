/** Prometheus metrics, and the small HTTP server that shows them. */
import { createServer, type Server } from "node:http";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

const registry: Registry = new Registry();
collectDefaultMetrics({ register: registry, prefix: "hosttrail_" });

const registers = [registry];

/** All metrics of the collector; which ones move depends on its roles. */
export interface Metrics {
  ingestStreams: Gauge;
  ingestBlocks: Counter<"result">;
  ingestEvents: Counter;
  ingestBytes: Counter;
  publishSeconds: Histogram;
  storeBlocks: Counter<"result">;
  storeEvents: Counter;
  trailFaults: Counter<"kind">;
  storeLagBlocks: Gauge;
  storeBatchSeconds: Histogram;
  queryCalls: Counter<"method" | "code">;
  queryBlocks: Counter;
  agentLost: Gauge<"host">;
  connectionsRefused: Counter<"reason">;
  enrollments: Counter<"result">;
  hostsRefused: Counter<"reason">;
}

export const metrics: Metrics = {
  ingestStreams: new Gauge({ name: "hosttrail_ingest_streams", help: "Agents connected.", registers }),
  ingestBlocks: new Counter({
    name: "hosttrail_ingest_blocks_total",
    help: "Blocks that agents sent, by what became of them.",
    labelNames: ["result"] as const,
    registers,
  }),
  ingestEvents: new Counter({ name: "hosttrail_ingest_events_total", help: "Events in published blocks.", registers }),
  ingestBytes: new Counter({ name: "hosttrail_ingest_bytes_total", help: "Bytes of published blocks.", registers }),
  publishSeconds: new Histogram({
    name: "hosttrail_publish_seconds",
    help: "Time from a block's arrival to the JetStream acknowledgement.",
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers,
  }),
  storeBlocks: new Counter({
    name: "hosttrail_store_blocks_total",
    help: "Blocks taken from the stream, by what became of them.",
    labelNames: ["result"] as const,
    registers,
  }),
  storeLagBlocks: new Gauge({
    name: "hosttrail_store_lag_blocks",
    help: "Blocks that JetStream has and the database has not: scale the role store on it.",
    registers,
  }),
  storeEvents: new Counter({ name: "hosttrail_store_events_total", help: "Events in stored blocks.", registers }),
  trailFaults: new Counter({
    name: "hosttrail_trail_faults_total",
    help: "What hosts' trails should not have, by kind: forked, broken, gap, outside.",
    labelNames: ["kind"] as const,
    registers,
  }),
  storeBatchSeconds: new Histogram({
    name: "hosttrail_store_batch_seconds",
    help: "Time to verify, index and write one batch of blocks.",
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers,
  }),
  queryCalls: new Counter({
    name: "hosttrail_query_calls_total",
    help: "Calls of the query API, by method and gRPC code.",
    labelNames: ["method", "code"] as const,
    registers,
  }),
  connectionsRefused: new Counter({
    name: "hosttrail_connections_refused_total",
    help: "Connections that were cut before anybody spoke, by why.",
    labelNames: ["reason"] as const,
    registers,
  }),
  enrollments: new Counter({
    name: "hosttrail_enrollments_total",
    help: "Hosts that asked for a certificate, by what became of it.",
    labelNames: ["result"] as const,
    registers,
  }),
  hostsRefused: new Counter({
    name: "hosttrail_hosts_refused_total",
    help: "Streams of agents that were refused or ended for their identity, by why.",
    labelNames: ["reason"] as const,
    registers,
  }),
  queryBlocks: new Counter({ name: "hosttrail_query_blocks_total", help: "Blocks that queries opened.", registers }),
  agentLost: new Gauge({
    name: "hosttrail_agent_kernel_lost",
    help: "Events lost in the kernel, as the host's agent last told.",
    labelNames: ["host"] as const,
    registers,
  }),
};

/** Serves /metrics on `host:port`; empty for not at all. */
export async function serveMetrics(listen: string): Promise<Server | undefined> {
  if (listen === "") return undefined;
  const colon = listen.lastIndexOf(":");
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(Number(listen.slice(colon + 1)), listen.slice(0, colon), resolve);
  });
  return server;
}
