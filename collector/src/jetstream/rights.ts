/** The rights that a login of each role needs in NATS: subjects it may publish to and subscribe to, and no others. */
import {
  ALERTS,
  BLOCKS_PREFIX,
  CONFIRM_PREFIX,
  DEAD,
  DETECT_CONSUMER,
  IDENTITY_PREFIX,
  INGEST_SUBJECT,
  LEASES,
  LOG,
  MATCHES,
  MAX_DELIVERIES_PREFIX,
  PEERS_SUBJECT,
  QUEUE,
  RULES_SUBJECT,
  STATES,
  STORE_CONSUMER,
  STORED_PREFIX,
  TEST_PREFIX,
  UNDELIVERED,
} from "./names.ts";

interface Rights {
  publish: string[];
  subscribe: string[];
}

/** A process with a role and `nats.manage: false`, or `apply` for who makes streams. */
export type Login =
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

/** Subjects of answers of a login: set `nats.inbox_prefix` to it. */
function inboxOf(login: Login): string {
  return `_INBOX_HOSTTRAIL_${login.toUpperCase()}`;
}

/** Looking at which streams there are, and how full. */
const LOOK = ["$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.*", "$JS.API.CONSUMER.INFO.*.*"];

/** A message is taken from a consumer, and settled: by the subject of old, and by that of servers from 2.15 on. */
function take(stream: string, consumer: string): string[] {
  return [
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
    `$JS.ACK.${stream}.${consumer}.>`,
    `$JS.ACK.*.*.${stream}.${consumer}.>`,
  ];
}

/** A lease is a message that is read and replaced. */
function lease(name: string): string[] {
  return [`$JS.API.STREAM.MSG.GET.${LEASES.stream}`, `${LEASES.prefix}.${name}`];
}

/** How long the oldest block waits is read from the block. */
const OLDEST = "$JS.API.STREAM.MSG.GET.*";

function rightsOf(login: Login): Rights {
  const inbox = `${inboxOf(login)}.>`;
  if (login === "apply") return { publish: ["$JS.API.>"], subscribe: [inbox] };
  const { publish, subscribe } = OWN[login];
  return { publish: [...LOOK, ...publish], subscribe: [inbox, ...subscribe] };
}

/** Processes that people ask. */
const ASKING: readonly Login[] = ["query", "console"];

const API: Rights = {
  publish: [
    `${ALERTS.prefix}.*`,
    RULES_SUBJECT,
    `${IDENTITY_PREFIX}.*`,
    PEERS_SUBJECT,
    `${PEERS_SUBJECT}.*`,
    // What processes that people ask say to each other.
    ...ASKING.map((login) => `${inboxOf(login)}.>`),
    // Dead letters are shown, sent again and dropped.
    `$JS.API.STREAM.MSG.GET.${DEAD.stream}`,
    `$JS.API.STREAM.MSG.DELETE.${DEAD.stream}`,
    `${BLOCKS_PREFIX}.*.*`,
    `$JS.API.STREAM.MSG.GET.${UNDELIVERED.stream}`,
    `$JS.API.STREAM.MSG.DELETE.${UNDELIVERED.stream}`,
    `$JS.API.STREAM.MSG.GET.${STATES.stream}`,
    `${STATES.prefix}.*`,
    `${QUEUE.prefix}.*.*`,
    `${UNDELIVERED.prefix}.*`,
    `${TEST_PREFIX}.*`,
  ],
  subscribe: [`${BLOCKS_PREFIX}.*.*`, `${ALERTS.prefix}.*`, PEERS_SUBJECT, `${PEERS_SUBJECT}.*`],
};

const OWN: Readonly<Record<Exclude<Login, "apply">, Rights>> = {
  enroll: { publish: [], subscribe: [] },
  ingest: {
    publish: [`${BLOCKS_PREFIX}.*.*`, `${CONFIRM_PREFIX}.*`, `${IDENTITY_PREFIX}.*`, `${INGEST_SUBJECT}.*`],
    subscribe: [`${STORED_PREFIX}.*`, `${IDENTITY_PREFIX}.*`, `${INGEST_SUBJECT}.*`],
  },
  store: {
    publish: [
      ...take("*", STORE_CONSUMER),
      `${DEAD.prefix}.*.*`,
      `${STORED_PREFIX}.*`,
      // What is delivered no more is looked at.
      "$JS.API.STREAM.MSG.GET.*",
    ],
    subscribe: [`${CONFIRM_PREFIX}.*`, `${MAX_DELIVERIES_PREFIX}.>`],
  },
  compact: { publish: lease("retain"), subscribe: [] },
  attest: {
    publish: [...lease("attest"), `$JS.API.STREAM.MSG.GET.${LOG.stream}`, `${LOG.prefix}.*`],
    subscribe: [],
  },
  coverage: { publish: lease("coverage"), subscribe: [] },
  export: { publish: lease("export.*"), subscribe: [] },
  detect: {
    publish: [
      `$JS.API.CONSUMER.CREATE.*.${DETECT_CONSUMER}`,
      `$JS.API.CONSUMER.DURABLE.CREATE.*.${DETECT_CONSUMER}`,
      ...take("*", DETECT_CONSUMER),
      // How long the oldest block waits is told by when it came.
      "$JS.API.STREAM.MSG.GET.*",
      OLDEST,
      ...lease("raise"),
      // What of a ledger is among the dead letters.
      `$JS.API.STREAM.MSG.GET.${DEAD.stream}`,
      `${MATCHES.prefix}.*`,
      // Following matches makes a consumer of its own, and what was taken is removed.
      `$JS.API.CONSUMER.CREATE.${MATCHES.stream}.>`,
      `$JS.API.CONSUMER.DELETE.${MATCHES.stream}.*`,
      `$JS.API.CONSUMER.MSG.NEXT.${MATCHES.stream}.*`,
      `$JS.API.STREAM.PURGE.${MATCHES.stream}`,
      `${ALERTS.prefix}.*`,
    ],
    subscribe: [RULES_SUBJECT],
  },
  query: API,
  console: API,
  notify: {
    publish: [
      `$JS.API.CONSUMER.CREATE.${ALERTS.stream}.${ALERTS.consumer}`,
      `$JS.API.CONSUMER.DURABLE.CREATE.${ALERTS.stream}.${ALERTS.consumer}`,
      ...take(ALERTS.stream, ALERTS.consumer),
      `$JS.API.CONSUMER.CREATE.${QUEUE.stream}.>`,
      `$JS.API.CONSUMER.DURABLE.CREATE.${QUEUE.stream}.*`,
      ...take(QUEUE.stream, "*"),
      `$JS.API.STREAM.MSG.GET.${QUEUE.stream}`,
      `$JS.API.STREAM.MSG.GET.${ALERTS.stream}`,
      `$JS.API.STREAM.MSG.GET.${STATES.stream}`,
      `${QUEUE.prefix}.*.*`,
      `${UNDELIVERED.prefix}.*`,
      `${STATES.prefix}.*`,
      // Who asks for a test of a route gets its answer.
      ...ASKING.map((login) => `${inboxOf(login)}.>`),
    ],
    subscribe: [`${TEST_PREFIX}.*`],
  },
};

/**
 * As a part of nats-server's configuration. A login is known by its password, whose place is left open as a variable, or by its certificate
 * (`tls { verify_and_map: true }`), whose subject is `CN=hosttrail-<role>`.
 */
export function rightsText(logins: readonly Login[], byCertificate: boolean): string {
  const users = logins.map((login) => {
    const { publish, subscribe } = rightsOf(login);
    const list = (subjects: readonly string[]): string =>
      [...new Set(subjects)].map((subject) => `\n        "${subject}"`).join("");
    const who = byCertificate
      ? `user: "CN=hosttrail-${login}"`
      : `user: "hosttrail-${login}", password: $HOSTTRAIL_${login.toUpperCase()}_PASSWORD`;
    return `    # nats.inbox_prefix: ${inboxOf(login)}
    { ${who}, permissions: {
      publish: [${list(publish)}
      ]
      subscribe: [${list(subscribe)}
      ]
    } }`;
  });
  return `authorization {\n  users: [\n${users.join("\n")}\n  ]\n}\n`;
}
