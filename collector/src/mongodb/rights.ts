/**
 * The rights that a login of each role needs in the database: for each collection what may be done with it, and nothing else. A collection
 * comes with its first document, for which `insert` is enough. e2e/mongodbrights.test.ts holds this against what the roles send.
 */
import { indexedCollections } from "./indexes.ts";
import { type Action, joined, type Privilege } from "./privileges.ts";

/** A process with a role and `mongodb.manage: false`, or `apply` for who makes indexes. */
export type DatabaseLogin =
  | "enroll"
  | "ingest"
  | "store"
  | "compact"
  | "detect"
  | "query"
  | "notify"
  | "attest"
  | "coverage"
  | "export"
  | "console"
  | "apply";

/** Names of the databases; both may be one. */
export interface Databases {
  database: string;
  historyDatabase: string;
}

interface Use {
  /** By collection. */
  collections: Readonly<Record<string, readonly Action[]>>;
  /** With the collections that are made for each day, of which no right can name one that is not there yet. */
  days?: readonly Action[];
  database?: readonly Action[];
  cluster?: readonly Action[];
}

/** Collections of which there is one for each day, `<prefix><day>`. */
export const DAY_PREFIXES = ["catalog_", "segments_", "sieves_"] as const;

const READ = ["find"] as const;
/** Documents are written once. */
const ADD = ["find", "insert"] as const;
/** Documents are replaced, or made where they are not there. */
const PUT = ["find", "insert", "update"] as const;
/** Documents come and go, and are not changed. */
const TURN = ["find", "insert", "remove"] as const;
const ALL = ["find", "insert", "update", "remove"] as const;

/** Where hosttrail-collector doctor and mongodb plan look whether something can be written. */
export const TRIED = "doctor";

const IDENTITIES = { identities: READ, revocations: READ, host_boots: READ, host_certificates: READ } as const;
/** Events, also those of days that were dropped. */
const PAST = { arrivals: READ, drop_batches: READ, drop_batch_hosts: READ } as const;
const PAST_DAYS = ["find", "listCollections"] as const;
const RULES = {
  rule_revisions: READ,
  rulesets: READ,
  managed_rulesets: READ,
  rules_enabled: READ,
  rule_severities: READ,
  suppressions: READ,
  suppression_ends: READ,
} as const;

/** Of processes that people ask. */
const API = {
  ...PAST,
  ...IDENTITIES,
  ...RULES,
  hosts: READ,
  host_profiles: READ,
  first_alerts: READ,
  certificates: READ,
  revocations: ADD,
  enrollment_tokens: TURN,
  enrollment_token_uses: READ,
  api_tokens: TURN,
  api_audit: ADD,
  saved_queries: ALL,
  secrets: ADD,
  rule_revisions: PUT,
  rulesets: ALL,
  managed_rulesets: PUT,
  rules_enabled: PUT,
  rule_severities: ALL,
  suppressions: ADD,
  suppression_ends: ADD,
  suppression_counts: READ,
  alerts: READ,
  alert_events: READ,
  alert_work: PUT,
  alert_actions: ADD,
  dead_block_decisions: ADD,
  log_commits: READ,
  log_tiles: READ,
  log_checkpoints: READ,
  log_notes: READ,
  drops: READ,
  drop_marks: READ,
  drop_fences: READ,
  retention_policies: ALL,
  legal_holds: ADD,
  legal_hold_releases: ADD,
  // Samples of the disk that are too old go with each look at them.
  disk_samples: ["find", "remove"],
  coverage_polls: READ,
  coverage_instances: READ,
  coverage_changes: READ,
  // Whoever asks for one gets a link to the console.
  login_links: ["insert"],
} as const;

const USES: Readonly<Record<DatabaseLogin, Use>> = {
  apply: {
    collections: Object.fromEntries(indexedCollections().map((name) => [name, ["createIndex"]])),
    days: ["listCollections"],
    database: ["listCollections", "dbStats"],
    // Whether a majority keeps what it acknowledges. Without these two, the plan says that it is not told.
    cluster: ["replSetGetConfig", "serverStatus"],
  },
  enroll: {
    collections: {
      ...IDENTITIES,
      enrollment_tokens: READ,
      enrollment_token_uses: TURN,
      identities: ADD,
      host_certificates: PUT,
      cloud_machines: ADD,
    },
  },
  ingest: {
    collections: {
      ...IDENTITIES,
      // A host's own canary.
      arrivals: READ,
      host_boots: PUT,
      certificates: ["insert"],
      host_profiles: PUT,
      presences: ["insert", "update", "remove"],
    },
    days: PAST_DAYS,
  },
  store: {
    collections: { arrivals: ADD, hosts: PUT, drop_batches: READ, drops: READ },
    days: READ,
  },
  compact: {
    collections: {
      ...PAST,
      arrivals: TURN,
      hosts: PUT,
      leftovers: TURN,
      compact_turns: TURN,
      // They are put aside with what goes.
      certificates: READ,
      // What is kept, and what is marked to go.
      retention_policies: READ,
      legal_holds: READ,
      legal_hold_releases: READ,
      identities: READ,
      drop_marks: TURN,
      drop_fences: TURN,
      retention_settled: PUT,
      outside_seen: PUT,
      // What went.
      drop_batches: ALL,
      drop_batch_hosts: ALL,
      drops: PUT,
      drops_unlogged: TURN,
      other_drops: ["insert", "update"],
      alerts: ["find", "remove"],
      alert_events: ["remove"],
      alert_work: ["find", "remove"],
      alert_actions: ["find", "remove"],
      api_audit: ["find", "remove"],
      detection_gaps: ["find", "remove"],
    },
    days: ["find", "listCollections", "insert", "remove", "dropCollection"],
  },
  attest: {
    collections: {
      hosts: READ,
      drops: READ,
      drops_unlogged: ["find", "remove"],
      legal_holds: READ,
      legal_hold_releases: READ,
      log_commits: ADD,
      log_batches: TURN,
      log_tiles: TURN,
      log_checkpoints: ADD,
      log_notes: ADD,
      // Who asks for the log's files (attest.readers: users).
      api_tokens: READ,
    },
  },
  detect: {
    collections: {
      ...PAST,
      ...IDENTITIES,
      ...RULES,
      detection_gaps: ADD,
      detector_states: TURN,
      detector_state_pieces: TURN,
      first_alerts: ["insert"],
      alerts: PUT,
      alert_events: PUT,
      alert_work: PUT,
      alert_actions: ADD,
      suppression_counts: ["insert", "update"],
      hosts: READ,
      presences: READ,
      coverage_polls: READ,
      disk_samples: TURN,
      // What the ledger is made of.
      drops: READ,
      dead_block_decisions: READ,
    },
    days: PAST_DAYS,
    // How full the disk is.
    database: ["dbStats"],
  },
  coverage: {
    collections: {
      ...IDENTITIES,
      hosts: READ,
      alerts: READ,
      alert_work: READ,
      alert_actions: READ,
      coverage_polls: PUT,
      coverage_instances: ALL,
      coverage_changes: ALL,
    },
  },
  export: {
    collections: {
      arrivals: READ,
      alerts: READ,
      alert_events: READ,
      alert_work: READ,
      alert_actions: READ,
      export_states: PUT,
      export_plans: ALL,
      export_done: ALL,
    },
    days: PAST_DAYS,
  },
  notify: { collections: IDENTITIES },
  query: { collections: API, days: PAST_DAYS },
  console: {
    collections: { ...API, console_sessions: ALL, login_links: TURN },
    days: PAST_DAYS,
  },
};

/** Collections that some role works with; those of days by `<prefix>*`. */
export function knownCollections(): Set<string> {
  return new Set([TRIED, ...Object.values(USES).flatMap(({ collections }) => Object.keys(collections))]);
}

/** One for each resource. */
export function privilegesOf(login: DatabaseLogin, { database, historyDatabase }: Databases): Privilege[] {
  const { collections, days = [], database: ofDatabase = [], cluster = [] } = USES[login];
  const one = (collection: string, actions: readonly Action[]): Privilege => ({
    resource: { db: database, collection },
    actions,
  });
  return joined([
    ...Object.entries(collections).map(([collection, actions]) => one(collection, actions)),
    ...indexedCollections().map((collection) => one(collection, ["listIndexes"])),
    one(TRIED, TURN),
    one("", ofDatabase),
    { resource: { db: historyDatabase === "" ? database : historyDatabase, collection: "" }, actions: days },
    { resource: { cluster: true } as const, actions: cluster },
  ]).filter(({ actions }) => actions.length > 0);
}
