/** For each alert rule what makes it fire, and what is like it and does not. Series are by promtool's notation, a value a minute. */

type Series = Readonly<Record<string, string>>;

export interface Case {
  alert: string;
  /** Labels of the alert, beside its name and state. */
  labels: Readonly<Record<string, string>>;
  fires: Series;
  quiet: Series;
}

/** When rules are asked, in minutes. */
export const ASKED_MIN = 90;

const JOB = 'job="hosttrail"';
const ONE = `${JOB}, instance="a"`;
const grows = "0+1x120";
const stands = "5x120";
const zero = "0x120";

/** A counter that grows, and the same one standing still. */
function counter(name: string, labels = ""): { fires: Series; quiet: Series } {
  const series = `${name}{${ONE}${labels}}`;
  return { fires: { [series]: grows }, quiet: { [series]: stands } };
}

/** A gauge above its bound and below. */
function gauge(name: string, labels: string, above: string, below: string): { fires: Series; quiet: Series } {
  const series = `${name}{${ONE}${labels}}`;
  return { fires: { [series]: above }, quiet: { [series]: below } };
}

export const CASES: readonly Case[] = [
  {
    alert: "HosttrailCollectorDown",
    labels: { severity: "warning", job: "hosttrail", instance: "a" },
    fires: { [`up{${ONE}}`]: zero },
    // Away for three minutes only.
    quiet: { [`up{${ONE}}`]: "1x87 0x2 1x30" },
  },
  {
    alert: "HosttrailNoCollector",
    labels: { severity: "critical", job: "hosttrail" },
    fires: { [`up{${ONE}}`]: zero },
    quiet: { [`hosttrail_collector_info{${ONE}, version="1"}`]: "1x120" },
  },
  {
    alert: "HosttrailRoleNotReady",
    labels: { severity: "warning", instance: "a", role: "store" },
    ...gauge("hosttrail_role_ready", ', role="store"', zero, "1x120"),
  },
  {
    alert: "HosttrailRoleGone",
    labels: { severity: "critical", role: "store" },
    fires: {
      [`hosttrail_role_ready{${ONE}, role="store"}`]: zero,
      [`hosttrail_role_ready{${JOB}, instance="b", role="store"}`]: zero,
    },
    quiet: {
      [`hosttrail_role_ready{${ONE}, role="store"}`]: zero,
      [`hosttrail_role_ready{${JOB}, instance="b", role="store"}`]: "1x120",
    },
  },
  {
    alert: "HosttrailCertificateEnds",
    labels: { severity: "warning", instance: "a" },
    // promtool's clock begins in 1970.
    ...gauge("hosttrail_certificate_expiry_timestamp_seconds", "", "1200000x120", "1300000x120"),
  },
  {
    alert: "HosttrailCertificateEndsSoon",
    labels: { severity: "critical", instance: "a" },
    ...gauge("hosttrail_certificate_expiry_timestamp_seconds", "", "170000x120", "200000x120"),
  },
  {
    alert: "HosttrailFilesNearLimit",
    labels: { severity: "warning", job: "hosttrail", instance: "a" },
    fires: { [`hosttrail_process_open_fds{${ONE}}`]: "900x120", [`hosttrail_process_max_fds{${ONE}}`]: "1024x120" },
    quiet: { [`hosttrail_process_open_fds{${ONE}}`]: "700x120", [`hosttrail_process_max_fds{${ONE}}`]: "1024x120" },
  },
  {
    alert: "HosttrailProcessBusy",
    labels: { severity: "warning", job: "hosttrail", instance: "a" },
    ...gauge("hosttrail_nodejs_eventloop_lag_p99_seconds", "", "0.8x120", "0.2x120"),
  },
  {
    alert: "HosttrailConnectionsRefused",
    labels: { severity: "warning", job: "hosttrail", instance: "a", reason: "all" },
    fires: { [`hosttrail_connections_refused_total{${ONE}, reason="all"}`]: grows },
    quiet: { [`hosttrail_connections_refused_total{${ONE}, reason="tls"}`]: grows },
  },
  {
    alert: "HosttrailStoringLags",
    labels: { severity: "warning" },
    ...gauge("hosttrail_store_lag_seconds", "", "400x120", "200x120"),
  },
  {
    alert: "HosttrailStoringStands",
    labels: { severity: "critical" },
    ...gauge("hosttrail_store_lag_seconds", "", "4000x120", "3000x120"),
  },
  {
    alert: "HosttrailDetectionLags",
    labels: { severity: "warning" },
    ...gauge("hosttrail_detect_lag_seconds", "", "150x120", "60x120"),
  },
  {
    alert: "HosttrailNobodyRaisesAlerts",
    labels: { severity: "critical" },
    fires: {
      [`hosttrail_raise_active{${ONE}}`]: zero,
      [`hosttrail_role_ready{${ONE}, role="detect"}`]: "1x120",
    },
    // Nobody has the role.
    quiet: { [`hosttrail_raise_active{${ONE}}`]: zero, [`hosttrail_role_ready{${ONE}, role="store"}`]: "1x120" },
  },
  {
    alert: "HosttrailHistoryLags",
    labels: { severity: "warning" },
    ...gauge("hosttrail_compact_lag_seconds", "", "4000x120", "400x120"),
  },
  {
    alert: "HosttrailExportLags",
    labels: { severity: "warning", target: "lake" },
    ...gauge("hosttrail_export_caught_up_timestamp_seconds", ', target="lake"', "0x120", "0+60x120"),
  },
  {
    alert: "HosttrailExportLoses",
    labels: { severity: "warning", target: "lake", reason: "gone" },
    ...counter("hosttrail_export_lost_total", ', target="lake", reason="gone"'),
  },
  {
    alert: "HosttrailPublishingSlow",
    labels: { severity: "warning" },
    fires: {
      [`hosttrail_publish_seconds_bucket{${ONE}, le="0.5"}`]: "0+1x120",
      [`hosttrail_publish_seconds_bucket{${ONE}, le="2"}`]: "0+10x120",
      [`hosttrail_publish_seconds_bucket{${ONE}, le="+Inf"}`]: "0+10x120",
    },
    quiet: {
      [`hosttrail_publish_seconds_bucket{${ONE}, le="0.5"}`]: "0+10x120",
      [`hosttrail_publish_seconds_bucket{${ONE}, le="2"}`]: "0+10x120",
      [`hosttrail_publish_seconds_bucket{${ONE}, le="+Inf"}`]: "0+10x120",
    },
  },
  {
    alert: "HosttrailBlocksNotTaken",
    labels: { severity: "critical" },
    ...counter("hosttrail_ingest_blocks_total", ', result="unavailable"'),
  },
  {
    alert: "HosttrailBlocksRejected",
    labels: { severity: "warning", result: "SIGNATURE_INVALID" },
    fires: { [`hosttrail_ingest_blocks_total{${ONE}, result="SIGNATURE_INVALID"}`]: grows },
    quiet: {
      [`hosttrail_ingest_blocks_total{${ONE}, result="published"}`]: grows,
      [`hosttrail_ingest_blocks_total{${ONE}, result="duplicate"}`]: grows,
    },
  },
  {
    alert: "HosttrailDeadLetters",
    labels: { severity: "warning" },
    ...counter("hosttrail_store_blocks_total", ', result="dead"'),
  },
  {
    alert: "HosttrailHostsThrottled",
    labels: { severity: "warning" },
    fires: throttled(6),
    quiet: throttled(5),
  },
  {
    alert: "HosttrailTrailFaults",
    labels: { severity: "warning", kind: "gap" },
    ...counter("hosttrail_trail_faults_total", ', kind="gap"'),
  },
  {
    alert: "HosttrailHostCloned",
    labels: { severity: "critical" },
    fires: { [`hosttrail_hosts_refused_total{${ONE}, reason="HOST_CLONED"}`]: grows },
    quiet: { [`hosttrail_hosts_refused_total{${ONE}, reason="HOST_REVOKED"}`]: grows },
  },
  {
    alert: "HosttrailHistoryDamaged",
    labels: { severity: "critical" },
    ...counter("hosttrail_unreadable_payloads_total"),
  },
  {
    alert: "HosttrailLogHalted",
    labels: { severity: "critical", reason: "ROLLED_BACK" },
    ...gauge("hosttrail_log_halted", ', reason="ROLLED_BACK"', "1x120", zero),
  },
  {
    alert: "HosttrailDatabaseDiskFull",
    labels: { severity: "warning" },
    fires: disk("900x120"),
    quiet: disk("800x120"),
  },
  {
    alert: "HosttrailEventsLostInKernel",
    labels: { severity: "warning", host: "h" },
    // The first that this host lost.
    fires: { [`hosttrail_agent_kernel_lost{${ONE}, host="h"}`]: "_x80 5x40" },
    // An agent that chose another collector.
    quiet: {
      [`hosttrail_agent_kernel_lost{${ONE}, host="h"}`]: "5x80 stale",
      [`hosttrail_agent_kernel_lost{${JOB}, instance="b", host="h"}`]: "_x80 5x40",
    },
  },
  {
    alert: "HosttrailClocksOff",
    labels: { severity: "warning" },
    fires: { [`hosttrail_host_clock_offset_seconds{${ONE}, host="h"}`]: "7x120" },
    // Repaired lately.
    quiet: { [`hosttrail_host_clock_offset_seconds{${ONE}, host="h"}`]: "7x80 stale" },
  },
  {
    alert: "HosttrailNotificationsDead",
    labels: { severity: "critical", route: "pager" },
    ...counter("hosttrail_notify_deliveries_total", ', route="pager", result="dead"'),
  },
  {
    alert: "HosttrailNotificationsWait",
    labels: { severity: "warning", route: "pager" },
    // Some wait now and then, and are delivered.
    ...gauge("hosttrail_notify_waiting", ', route="pager"', "3x120", "3x80 0x2 3x40"),
  },
  {
    alert: "HosttrailQuestionsRefused",
    labels: { severity: "warning" },
    ...counter("hosttrail_queries_refused_total", ', reason="full"'),
  },
];

function throttled(hosts: number): Series {
  return Object.fromEntries(
    Array.from({ length: hosts }, (_, at) => [
      `hosttrail_ingest_throttled_total{${ONE}, host="h${at}", limit="events"}`,
      "0+5x120",
    ]),
  );
}

function disk(used: string): Series {
  return {
    [`hosttrail_database_disk_bytes{${ONE}, kind="used"}`]: used,
    [`hosttrail_database_disk_bytes{${ONE}, kind="total"}`]: "1000x120",
  };
}
