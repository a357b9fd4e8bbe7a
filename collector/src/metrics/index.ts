/** Prometheus metrics. */
import { Counter, Gauge, Histogram } from "prom-client";
import { registry } from "./registry.ts";

export { serveMetrics } from "./server.ts";

const registers = [registry];

/** All metrics of the collector; which ones move depends on its roles. */
export interface Metrics {
  ingestStreams: Gauge;
  ingestCredit: Gauge;
  ingestLinkBytes: Gauge;
  ingestPublishing: Gauge;
  ingestPublishingBytes: Gauge;
  ingestGoodbyes: Counter<"reason">;
  ingestBlocks: Counter<"result">;
  ingestProfiles: Counter<"result">;
  ingestEvents: Counter;
  ingestBytes: Counter;
  ingestWireBytes: Counter;
  publishSeconds: Histogram;
  natsMaxPayload: Gauge;
  roleReady: Gauge<"role">;
  collectorInfo: Gauge<"version">;
  configReloads: Counter<"result">;
  certificateExpiry: Gauge;
  storeBlocks: Counter<"result">;
  storeEvents: Counter;
  storeGivenUp: Counter<"consumer">;
  deadBlocks: Counter<"result">;
  trailFaults: Counter<"kind">;
  storeLagBlocks: Gauge;
  storeLagSeconds: Gauge;
  storeBatchSeconds: Histogram;
  queryCalls: Counter<"method" | "code">;
  queryPayloads: Counter;
  unreadablePayloads: Counter;
  verifiedHosts: Counter<"verdict">;
  incompleteAnswers: Counter<"reason">;
  consoleRequests: Counter<"kind" | "status">;
  consoleLogins: Counter<"way" | "result">;
  consoleSessionsEnded: Counter<"reason">;
  consoleRefused: Counter<"reason">;
  consoleStreams: Gauge;
  queriesRunning: Gauge;
  queriesWaiting: Gauge;
  queriesRefused: Counter<"reason">;
  queryPeers: Gauge;
  queryPeerUnits: Counter<"result">;
  queryPeerRequests: Counter<"result">;
  compactedBlocks: Counter<"result">;
  compactedEvents: Counter;
  compactConflicts: Counter;
  compactSeconds: Histogram;
  arrivedBlocks: Gauge;
  compactLagSeconds: Gauge;
  alertChangesUntold: Counter;
  detectBlocks: Counter<"result">;
  detectEvents: Counter;
  detectPassedEvents: Counter<"result">;
  detectMatches: Counter;
  coverageCalls: Counter<"operation" | "result">;
  coverageInstances: Gauge<"state">;
  coveragePolls: Counter<"result">;
  coverageProblems: Gauge;
  coverageSeconds: Gauge;
  coverageIsActive: Gauge;
  exportIsActive: Gauge<"target">;
  exportRows: Counter<"target" | "kind">;
  exportBytes: Counter<"target">;
  exportLost: Counter<"target" | "reason">;
  exportFailures: Counter<"target">;
  exportFailing: Gauge<"target">;
  exportCaughtUp: Gauge<"target">;
  exportWaitingEvents: Gauge<"target">;
  detectLagBlocks: Gauge;
  detectLagSeconds: Gauge;
  raiseIsActive: Gauge;
  raiseMessages: Counter<"result">;
  raiseAlerts: Counter<"result">;
  raiseHidden: Counter;
  raiseHistory: Counter<"result">;
  raiseCorrelation: Gauge<"kind">;
  raiseSeconds: Histogram;
  raiseFindings: Gauge<"kind">;
  raiseFindingsUntold: Counter;
  databaseDiskBytes: Gauge<"kind">;
  droppedEvents: Counter;
  droppedOthers: Counter<"kind">;
  markedDays: Gauge;
  retentionPaused: Gauge;
  /** Counts that a host was made to wait. */
  throttled(host: string, limit: string): void;
  /** Sets how many events a host lost in its kernel, as its agent last told; a host that lost none is not named. */
  kernelLost(host: string, events: number): void;
  /** Sets what lies in the quarantine of a host's agent; a host that has nothing there is not named. */
  quarantined(host: string, quarantine: { blocks: number; bytes: number }): void;
  /** Sets how far a host's clock is off, milliseconds; undefined where it is right. */
  clockOffset(host: string, offsetMs: number | undefined): void;
  connectionsRefused: Counter<"reason">;
  notifyChanges: Counter<"result">;
  notifyDeliveries: Counter<"route" | "result">;
  notifyHeldBack: Counter<"route" | "reason">;
  notifyWaiting: Gauge<"route">;
  notifySeconds: Histogram;
  enrollments: Counter<"result">;
  hostsRefused: Counter<"reason">;
  attestIsActive: Gauge;
  attestSize: Gauge;
  attestPublishedSeconds: Gauge;
  attestHalted: Gauge<"reason">;
  attestUnwitnessed: Gauge;
  attestFailures: Counter;
  attestHeadsBack: Counter;
}

/** Hosts that a metric names, at most; the others are counted together. */
const HOSTS_MAX = 1000;

const throttledTotal = new Counter({
  name: "hosttrail_ingest_throttled_total",
  help: "Times that a host was told to wait, by host and by the limit that it reached.",
  labelNames: ["host", "limit"] as const,
  registers,
});
const clockOffsetSeconds = new Gauge({
  name: "hosttrail_host_clock_offset_seconds",
  help: "The clock of a host minus the collector's, of those hosts whose clock is off.",
  labelNames: ["host"] as const,
  registers,
});

const kernelLost = new Gauge({
  name: "hosttrail_agent_kernel_lost",
  help: "Events lost in the kernel, as the host's agent last told, of those hosts that lost some.",
  labelNames: ["host"] as const,
  registers,
});
const quarantinedBlocks = new Gauge({
  name: "hosttrail_agent_quarantined_blocks",
  help: "Rejected blocks in the quarantine of a host's agent, of those hosts that have something there.",
  labelNames: ["host"] as const,
  registers,
});
const quarantinedBytes = new Gauge({
  name: "hosttrail_agent_quarantined_bytes",
  help: "Bytes in the quarantine of a host's agent, damaged stretches of its spool among them.",
  labelNames: ["host"] as const,
  registers,
});

/** The names of the first hosts that ask; "other" for the rest. */
function boundedNames(): (host: string) => string {
  const known = new Set<string>();
  return (host) => {
    if (known.has(host)) return host;
    if (known.size >= HOSTS_MAX) return "other";
    known.add(host);
    return host;
  };
}
const throttledName = boundedNames();
const clockName = boundedNames();
const kernelLostName = boundedNames();
const quarantineName = boundedNames();

export const metrics: Metrics = {
  throttled: (host, limit) => throttledTotal.inc({ host: throttledName(host), limit }),
  kernelLost(host, events) {
    if (events > 0) kernelLost.set({ host: kernelLostName(host) }, events);
    else kernelLost.remove({ host });
  },
  quarantined(host, { blocks, bytes }) {
    if (bytes > 0) {
      const name = { host: quarantineName(host) };
      quarantinedBlocks.set(name, blocks);
      quarantinedBytes.set(name, bytes);
    } else for (const gauge of [quarantinedBlocks, quarantinedBytes]) gauge.remove({ host });
  },
  clockOffset(host, offsetMs) {
    if (offsetMs !== undefined) clockOffsetSeconds.set({ host: clockName(host) }, offsetMs / 1000);
    else clockOffsetSeconds.remove({ host });
  },
  attestIsActive: new Gauge({
    name: "hosttrail_log_is_active",
    help: "1 while this process keeps the transparency log.",
    registers,
  }),
  attestSize: new Gauge({
    name: "hosttrail_log_entries",
    help: "Entries of the transparency log that are published.",
    registers,
  }),
  attestPublishedSeconds: new Gauge({
    name: "hosttrail_log_published_seconds",
    help: "When this process last published a checkpoint of the transparency log, seconds since 1970.",
    registers,
  }),
  attestHalted: new Gauge({
    name: "hosttrail_log_halted",
    help: "1 where nothing more is signed for the transparency log until an operator has decided, by reason.",
    labelNames: ["reason"] as const,
    registers,
  }),
  attestUnwitnessed: new Gauge({
    name: "hosttrail_log_unwitnessed",
    help: "1 while a checkpoint waits for more witnesses than cosign it.",
    registers,
  }),
  attestFailures: new Counter({
    name: "hosttrail_log_failures_total",
    help: "Times that the transparency log could not be continued and is tried again.",
    registers,
  }),
  attestHeadsBack: new Counter({
    name: "hosttrail_log_heads_back_total",
    help: "Chains of hosts of which the database knows less than the transparency log.",
    registers,
  }),
  ingestStreams: new Gauge({ name: "hosttrail_ingest_streams", help: "Agents connected.", registers }),
  ingestCredit: new Gauge({
    name: "hosttrail_ingest_credit_blocks",
    help: "Blocks that connected agents may have on their way together: their credit.",
    registers,
  }),
  ingestLinkBytes: new Gauge({
    name: "hosttrail_ingest_link_bytes",
    help: "Memory that connected agents' streams may take for linked blocks.",
    registers,
  }),
  ingestPublishing: new Gauge({
    name: "hosttrail_ingest_credit_used_blocks",
    help: "Blocks that came and are not in JetStream yet: the credit that agents use.",
    registers,
  }),
  ingestPublishingBytes: new Gauge({
    name: "hosttrail_ingest_publishing_bytes",
    help: "Bytes of blocks that came and are not in JetStream yet.",
    registers,
  }),
  ingestGoodbyes: new Counter({
    name: "hosttrail_ingest_goodbyes_total",
    help: "Agents that were asked to move to another collector, by why: stopping, age.",
    labelNames: ["reason"] as const,
    registers,
  }),
  ingestProfiles: new Counter({
    name: "hosttrail_ingest_profiles_total",
    help: "Profiles that hosts told of their set-up, by what came of them: kept, refused, failed.",
    labelNames: ["result"] as const,
    registers,
  }),
  ingestBlocks: new Counter({
    name: "hosttrail_ingest_blocks_total",
    help: "Blocks that agents sent, by what became of them.",
    labelNames: ["result"] as const,
    registers,
  }),
  ingestEvents: new Counter({ name: "hosttrail_ingest_events_total", help: "Events in published blocks.", registers }),
  ingestBytes: new Counter({ name: "hosttrail_ingest_bytes_total", help: "Bytes of published blocks.", registers }),
  ingestWireBytes: new Counter({
    name: "hosttrail_ingest_wire_bytes_total",
    help: "Bytes of blocks as they came over streams, linked or not.",
    registers,
  }),
  publishSeconds: new Histogram({
    name: "hosttrail_publish_seconds",
    help: "Time from a block's arrival to the JetStream acknowledgement.",
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers,
  }),
  roleReady: new Gauge({
    name: "hosttrail_role_ready",
    help: "1 where a role of this process can work, 0 where it lacks something; /readyz says what.",
    labelNames: ["role"] as const,
    registers,
  }),
  collectorInfo: new Gauge({
    name: "hosttrail_collector_info",
    help: "1, with the collector's version.",
    labelNames: ["version"] as const,
    registers,
  }),
  configReloads: new Counter({
    name: "hosttrail_config_reloads_total",
    help: "Times that the configuration was read again, by what came of it: applied, waiting (a part holds after a restart), refused.",
    labelNames: ["result"] as const,
    registers,
  }),
  certificateExpiry: new Gauge({
    name: "hosttrail_certificate_expiry_timestamp_seconds",
    help: "When the first certificate of the collector's own chain ends, seconds since 1970.",
    registers,
  }),
  natsMaxPayload: new Gauge({
    name: "hosttrail_nats_max_payload_bytes",
    help: "Bytes of a message that NATS takes.",
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
  storeLagSeconds: new Gauge({
    name: "hosttrail_store_lag_seconds",
    help: "Age of the oldest block that JetStream has and the database has not.",
    registers,
  }),
  storeEvents: new Counter({ name: "hosttrail_store_events_total", help: "Events in stored blocks.", registers }),
  storeGivenUp: new Counter({
    name: "hosttrail_given_up_messages_total",
    help: "Messages that JetStream delivers no more, since somebody has bounded how often it does; by the consumer",
    labelNames: ["consumer"],
    registers,
  }),
  deadBlocks: new Counter({
    name: "hosttrail_dead_blocks_total",
    help: "Dead letters that people worked on: stored, waiting, duplicate or dead again after a replay, or dropped",
    labelNames: ["result"],
    registers,
  }),
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
  consoleRequests: new Counter({
    name: "hosttrail_console_requests_total",
    help: "Requests of browsers, by what for (api, session, login, file) and HTTP status.",
    labelNames: ["kind", "status"] as const,
    registers,
  }),
  consoleLogins: new Counter({
    name: "hosttrail_console_logins_total",
    help: "Logins to the console, by way and by what became of them: done, refused, failed.",
    labelNames: ["way", "result"] as const,
    registers,
  }),
  consoleSessionsEnded: new Counter({
    name: "hosttrail_console_sessions_ended_total",
    help: "Sessions of the console that were found to be over, by why: logout, idle, absolute, identity, displaced.",
    labelNames: ["reason"] as const,
    registers,
  }),
  consoleRefused: new Counter({
    name: "hosttrail_console_refused_total",
    help: "Requests of browsers that were refused at a bound: origin, session_busy, attempts.",
    labelNames: ["reason"] as const,
    registers,
  }),
  consoleStreams: new Gauge({
    name: "hosttrail_console_streams",
    help: "Calls of browsers with many answers that go on.",
    registers,
  }),
  connectionsRefused: new Counter({
    name: "hosttrail_connections_refused_total",
    help: "Connections that were cut before anybody spoke, by why.",
    labelNames: ["reason"] as const,
    registers,
  }),
  notifyChanges: new Counter({
    name: "hosttrail_notify_changes_total",
    help: "Changes of alerts that were sorted to routes, by what became of them: routed, unwanted, silenced, malformed.",
    labelNames: ["result"] as const,
    registers,
  }),
  notifyDeliveries: new Counter({
    name: "hosttrail_notify_deliveries_total",
    help: "Tries to deliver notifications, by route and by what became of them: delivered, failed, dead.",
    labelNames: ["route", "result"] as const,
    registers,
  }),
  notifyHeldBack: new Counter({
    name: "hosttrail_notify_held_back_total",
    help: "Alerts that a route told as a number only, by why: its rate limit, a full queue, or no longer kept.",
    labelNames: ["route", "reason"] as const,
    registers,
  }),
  notifyWaiting: new Gauge({
    name: "hosttrail_notify_waiting",
    help: "Notifications that wait to be delivered, by route, when this collector looked last.",
    labelNames: ["route"] as const,
    registers,
  }),
  notifySeconds: new Histogram({
    name: "hosttrail_notify_seconds",
    help: "Time of one try to deliver a notification.",
    buckets: [0.01, 0.05, 0.2, 1, 5, 20, 60],
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
  queryPayloads: new Counter({
    name: "hosttrail_query_payloads_total",
    help: "Segments and blocks that queries opened.",
    registers,
  }),
  unreadablePayloads: new Counter({
    name: "hosttrail_unreadable_payloads_total",
    help: "Segments and blocks that queries could not read: they are damaged.",
    registers,
  }),
  verifiedHosts: new Counter({
    name: "hosttrail_verified_hosts_total",
    help: "Hosts whose trails were checked, by what was found: verified, incomplete, altered, not_checked.",
    labelNames: ["verdict"] as const,
    registers,
  }),
  incompleteAnswers: new Counter({
    name: "hosttrail_query_incomplete_total",
    help: "Answers that are not all of it, by why: the budget, a page or limit, what is damaged, a database that was away.",
    labelNames: ["reason"] as const,
    registers,
  }),
  queriesRunning: new Gauge({
    name: "hosttrail_queries_running",
    help: "Questions about the past that are being answered.",
    registers,
  }),
  queriesWaiting: new Gauge({
    name: "hosttrail_queries_waiting",
    help: "Questions about the past that wait for their turn.",
    registers,
  }),
  queriesRefused: new Counter({
    name: "hosttrail_queries_refused_total",
    help: "Questions that were refused: too many waited already (full), or their turn did not come in time (late).",
    labelNames: ["reason"] as const,
    registers,
  }),
  queryPeers: new Gauge({
    name: "hosttrail_query_peers",
    help: "Other query processes that offered to read for this one, when it last asked.",
    registers,
  }),
  queryPeerUnits: new Counter({
    name: "hosttrail_query_peer_units_total",
    help: "Segments that another query process was asked to read, by what came of it: read, unread (to be read here), busy, gone, silent, wrong.",
    labelNames: ["result"] as const,
    registers,
  }),
  queryPeerRequests: new Counter({
    name: "hosttrail_query_peer_requests_total",
    help: "Requests of other query processes, by what came of them: answered, busy, version, malformed, forged, failed.",
    labelNames: ["result"] as const,
    registers,
  }),
  compactedBlocks: new Counter({
    name: "hosttrail_compact_blocks_total",
    help: "Blocks that became a part of history, by how: in a segment, apart, or removed as they were there already.",
    labelNames: ["result"] as const,
    registers,
  }),
  compactedEvents: new Counter({
    name: "hosttrail_compact_events_total",
    help: "Events written to segments, those that were in smaller segments before included.",
    registers,
  }),
  compactConflicts: new Counter({
    name: "hosttrail_compact_conflicts_total",
    help: "Segments made in vain, since another collector was first.",
    registers,
  }),
  compactSeconds: new Histogram({
    name: "hosttrail_compact_turn_seconds",
    help: "Time of a turn in which something was compacted.",
    buckets: [0.01, 0.1, 0.5, 2, 10, 60],
    registers,
  }),
  arrivedBlocks: new Gauge({
    name: "hosttrail_compact_waiting_blocks",
    help: "Blocks that were not yet a part of history when this collector looked last.",
    registers,
  }),
  compactLagSeconds: new Gauge({
    name: "hosttrail_compact_lag_seconds",
    help: "Age of the oldest block that was not yet a part of history when this collector looked last.",
    registers,
  }),
  detectBlocks: new Counter({
    name: "hosttrail_detect_blocks_total",
    help: "Blocks that rules were held against, by what came of it: matched, nothing, unreadable.",
    labelNames: ["result"] as const,
    registers,
  }),
  detectPassedEvents: new Counter({
    name: "hosttrail_detect_passed_events_total",
    help: "Events that are stored and that the broker lost before rules were held against them, by what came of it: recovered, lost.",
    labelNames: ["result"] as const,
    registers,
  }),
  detectEvents: new Counter({
    name: "hosttrail_detect_events_total",
    help: "Events that rules were held against.",
    registers,
  }),
  detectMatches: new Counter({
    name: "hosttrail_detect_matches_total",
    help: "Matches of rules and events that were handed on.",
    registers,
  }),
  coverageCalls: new Counter({
    name: "hosttrail_coverage_calls_total",
    help: "Questions to the cloud, tries included, by operation and what came of them (OK, throttled, failed).",
    labelNames: ["operation", "result"] as const,
    registers,
  }),
  coverageInstances: new Gauge({
    name: "hosttrail_coverage_instances",
    help: "Machines of the cloud at the last look, by state. Only of the process that looks.",
    labelNames: ["state"] as const,
    registers,
  }),
  coveragePolls: new Counter({
    name: "hosttrail_coverage_polls_total",
    help: "Looks at the cloud, by what came of them (whole, partial, failed).",
    labelNames: ["result"] as const,
    registers,
  }),
  coverageProblems: new Gauge({
    name: "hosttrail_coverage_problems",
    help: "Accounts and regions that could not be looked at the last time.",
    registers,
  }),
  coverageSeconds: new Gauge({
    name: "hosttrail_coverage_poll_seconds",
    help: "How long the last look at the cloud took.",
    registers,
  }),
  coverageIsActive: new Gauge({
    name: "hosttrail_coverage_is_active",
    help: "1 in the one process that looks at the cloud now.",
    registers,
  }),
  exportIsActive: new Gauge({
    name: "hosttrail_export_active",
    help: "1 where this process is the one that exports to the target.",
    labelNames: ["target"] as const,
    registers,
  }),
  exportRows: new Counter({
    name: "hosttrail_export_rows_total",
    help: "Events and alerts that a target has taken, by kind: event, alert. What went out twice counts twice.",
    labelNames: ["target", "kind"] as const,
    registers,
  }),
  exportBytes: new Counter({
    name: "hosttrail_export_bytes_total",
    help: "Bytes that a target has taken, compressed where they are.",
    labelNames: ["target"] as const,
    registers,
  }),
  exportLost: new Counter({
    name: "hosttrail_export_lost_total",
    help: "Events that will not go out, by reason: gone, unreadable, refused.",
    labelNames: ["target", "reason"] as const,
    registers,
  }),
  exportFailures: new Counter({
    name: "hosttrail_export_failures_total",
    help: "Turns that ended since the target, or the database, did not take something.",
    labelNames: ["target"] as const,
    registers,
  }),
  exportFailing: new Gauge({
    name: "hosttrail_export_failing",
    help: "1 while the last turn of the target failed.",
    labelNames: ["target"] as const,
    registers,
  }),
  exportCaughtUp: new Gauge({
    name: "hosttrail_export_caught_up_timestamp_seconds",
    help: "All that was stored then, in seconds since 1970, has gone out to the target.",
    labelNames: ["target"] as const,
    registers,
  }),
  exportWaitingEvents: new Gauge({
    name: "hosttrail_export_waiting_events",
    help: "Events, before the filter, that wait for the target, of the day that is being exported.",
    labelNames: ["target"] as const,
    registers,
  }),
  detectLagBlocks: new Gauge({
    name: "hosttrail_detect_lag_blocks",
    help: "Blocks that no rule was held against yet: scale the role detect on it.",
    registers,
  }),
  detectLagSeconds: new Gauge({
    name: "hosttrail_detect_lag_seconds",
    help: "Age of the oldest block that no rule was held against yet.",
    registers,
  }),
  raiseIsActive: new Gauge({
    name: "hosttrail_raise_active",
    help: "1 where this process is the one that raises alerts.",
    registers,
  }),
  raiseMessages: new Counter({
    name: "hosttrail_raise_messages_total",
    help: "Messages with matches, by what became of them: taken, or known already.",
    labelNames: ["result"] as const,
    registers,
  }),
  raiseAlerts: new Counter({
    name: "hosttrail_raise_alerts_total",
    help: "Alerts, by what became of them: opened, reopened, withdrawn.",
    labelNames: ["result"] as const,
    registers,
  }),
  raiseHidden: new Counter({
    name: "hosttrail_raise_hidden_total",
    help: "Matches that exceptions hid.",
    registers,
  }),
  raiseHistory: new Counter({
    name: "hosttrail_raise_history_total",
    help: "Questions for history about events that came late, by what became of them: answered, dropped.",
    labelNames: ["result"] as const,
    registers,
  }),
  raiseCorrelation: new Gauge({
    name: "hosttrail_raise_correlation",
    help: "What the correlator keeps and what it left out at its bounds, by kind.",
    labelNames: ["kind"] as const,
    registers,
  }),
  raiseSeconds: new Histogram({
    name: "hosttrail_raise_delay_seconds",
    help: "Time from the arrival of a block to the alert that is made of it.",
    buckets: [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30],
    registers,
  }),
  raiseFindings: new Gauge({
    name: "hosttrail_findings",
    help: "What is wrong by what no event tells, by kind, as the process that raises alerts sees it.",
    labelNames: ["kind"] as const,
    registers,
  }),
  raiseFindingsUntold: new Counter({
    name: "hosttrail_findings_untold_total",
    help: "Times that a finding got no alert, since there were too many at once.",
    registers,
  }),
  databaseDiskBytes: new Gauge({
    name: "hosttrail_database_disk_bytes",
    help: "The disk of the database, used and total, where the database tells.",
    labelNames: ["kind"] as const,
    registers,
  }),
  alertChangesUntold: new Counter({
    name: "hosttrail_alert_changes_untold_total",
    help: "Changes of alerts by people that watchers and notifications miss, since NATS did not take them.",
    registers,
  }),
  droppedEvents: new Counter({
    name: "hosttrail_retention_dropped_events_total",
    help: "Events that no policy and no hold keeps any more, and that were dropped.",
    registers,
  }),
  droppedOthers: new Counter({
    name: "hosttrail_retention_dropped_others_total",
    help: "Alerts, recorded calls and gaps of detection that were dropped, by kind.",
    labelNames: ["kind"] as const,
    registers,
  }),
  markedDays: new Gauge({
    name: "hosttrail_retention_marked_days",
    help: "Days of hosts that will be dropped when the time for second thoughts is over.",
    registers,
  }),
  retentionPaused: new Gauge({
    name: "hosttrail_retention_paused",
    help: "1 while nothing is dropped since the clock may be wrong: the newest event of any host is far from it.",
    registers,
  }),
};
