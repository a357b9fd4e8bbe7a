/** `hosttrail`: asks the collector. */
import { parseArgs } from "node:util";
import { ALERTING_COMMANDS, ALERTING_OPTIONS, ALERTING_USAGE } from "./alerting.ts";
import { type Clients, explainFailure, openClients } from "./clients.ts";
import * as commands from "./commands/index.ts";
import { login, logout } from "./login.ts";
import { loadProfile, type Profile, profilePath } from "./profile.ts";

const USAGE = `usage: hosttrail [--profile FILE] COMMAND

  hosts                         list the hosts that the collector knows
  search [FILTER]               find events, newest first
    --since TIME --until TIME     90s, 15m, 2h, 7d ago, or 2026-01-31T12:00:00Z
    --host ID --limit N           one host; at most N events (default 100)
  tail [FILTER] [--host ID]     show events as they arrive
  get ID [--raw]                show one event; --raw as the kernel wrote it

  login, logout                 with the identity provider of the profile
  whoami                        who you are to the collector
  token create                  make a token with which hosts enrol; it is shown once
    --hosts N --ttl TIME          for at most N hosts, for 1h, 7d … (default 1 host, 1h)
    --label KEY=VALUE             labels of the hosts, by which scopes go; again for more
  token list, token delete ID
  api-token create NAME         make a bearer token for this API; it is shown once
    --role ROLE --ttl TIME        viewer, responder or admin (default viewer, 30d)
    --scope KEY=VALUE             only hosts with this label; again for more
    --output FILE                 of both kinds: into a file of mode 0600 instead of standard output
  api-token list, api-token delete ID
  host list                     enrolled hosts and their certificates
  host revoke ID [--reason TEXT]  end a host's identity: its streams end within seconds
  audit [--limit N]             who asked what, newest first
${ALERTING_USAGE}
  notify routes                 who is told of alerts, and how that goes
  notify test [ROUTE]           send a test, by one route or by all; ends with 1 where one does not arrive
  notify dead-letters [ROUTE]   notifications that were given up; --limit N
  notify redeliver ID           send one of them again

  fleet validate --spec FILE    whether a fleet specification is right
  fleet show --spec FILE        what it says, with all defaults, and what a host would have
    --host NAME                   what this host has by its groups, each setting with where it comes from
    --tag TAG --label KEY=VALUE   what it has beside what the spec says of it; again for more
  fleet schema                  its JSON Schema, for editors
  generate ansible|chef|terraform --spec FILE --out DIR
                                the rollout module for a tool
  plan --spec FILE --host HOST  what a rollout would change on a host; asks it over SSH
    --ssh COMMAND                 how to reach it (default ssh)
    --as NAME --tag --label       what the spec's groups know it by, where that is not HOST

  rules check DIR               of each Sigma rule: fires here, cannot fire here and why, not compiled and why
    --audit-rules FILE            audit rules that hosts have; a folder for all of its .rules; again for more
    --spec FILE                   those of a fleet; without either, all sets that come with the agent
    --placeholders FILE           what stands for %names% in rules (YAML: a name and its values)
  rules audit PATH...           the fewest audit rules that feed detections, ready to paste, each with what it is for
    --audit-rules, --spec, --placeholders  as in rules check
    --since TIME                  with what they cost, counted in the stored history
  rules test PATH               what rules would have found in the stored history, by rule, host and day
    --since TIME --until TIME     as in search (default 1d)
    --host ID                     on one host
    --placeholders FILE           as in rules check
    --expect FILE                 hold it against what is expected (YAML); ends with 1 where it is not so
    --junit FILE                  write that as JUnit XML, for CI

  --json                        one JSON object a line
  --profile FILE                endpoint, and who you are (YAML); else $HOSTTRAIL_PROFILE,
                                else ~/.config/hosttrail/profile.yaml

  FILTER: field = value (equal) or field : value (part of a text, item of a list; * for any), joined by AND.
  Fields have their names in ECS; hosttrail(1) lists them. What records say is found read, also where it is written in hex:
  audit.cmd, .data (typed), .exe, .hostname, .op, .terminal, .unit; of security modules .profile, .requested, .scontext, .tclass, .tcontext
  Example: hosttrail search 'process.name = curl AND destination.port = 443' --since 1h
`;

/** Exit status where the answer lacks something. */
const INCOMPLETE = 3;

function fail(message: string, code: number): never {
  process.stderr.write(`hosttrail: ${message}\n`);
  process.exit(code);
}

const OPTIONS = {
  profile: { type: "string" },
  json: { type: "boolean", default: false },
  raw: { type: "boolean", default: false },
  host: { type: "string", default: "" },
  since: { type: "string" },
  until: { type: "string" },
  limit: { type: "string", default: "100" },
  hosts: { type: "string", default: "1" },
  ttl: { type: "string" },
  label: { type: "string", multiple: true, default: [] as string[] },
  scope: { type: "string", multiple: true, default: [] as string[] },
  tag: { type: "string", multiple: true, default: [] as string[] },
  as: { type: "string", default: "" },
  role: { type: "string", default: "viewer" },
  reason: { type: "string", default: "" },
  output: { type: "string", default: "" },
  spec: { type: "string" },
  out: { type: "string", default: "" },
  ssh: { type: "string", default: "ssh" },
  "audit-rules": { type: "string", multiple: true, default: [] as string[] },
  placeholders: { type: "string", default: "" },
  expect: { type: "string", default: "" },
  junit: { type: "string", default: "" },
  ...ALERTING_OPTIONS,
  help: { type: "boolean", default: false },
} as const;

type Arguments = ReturnType<typeof parseArgs<{ allowPositionals: true; options: typeof OPTIONS }>>;

function readArguments(): Arguments {
  try {
    return parseArgs({ allowPositionals: true, options: OPTIONS });
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`, 2);
  }
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1) fail(`--limit is "${text}"; it must be a whole number from 1`, 2);
  return limit;
}

/** What a command gets to work with. */
interface Work {
  clients: Clients;
  values: Arguments["values"];
  output: commands.Output;
  signal: AbortSignal;
}

/** Commands by their words; the last parameter is what follows them, and "" where nothing does. */
const COMMANDS: Readonly<Record<string, (work: Work, word: string) => Promise<void>>> = {
  hosts: ({ clients, output }) => commands.hosts(clients.query, output),
  search: ({ clients, values, output }, filter) => {
    const { since, until, host: hostId } = values;
    return commands.search(clients.query, { filter, hostId, since, until, limit: parseLimit(values.limit) }, output);
  },
  tail: ({ clients, values, output, signal }, filter) =>
    commands.tail(clients.query, { filter, hostId: values.host }, signal, output),
  get: ({ clients, values, output }, id) => commands.get(clients.query, id, values.raw, output),
  whoami: ({ clients, output }) => commands.whoami(clients.access, output),
  "token create": ({ clients, values, output }) =>
    commands.createToken(
      clients.access,
      { hosts: values.hosts, ttl: values.ttl ?? "1h", labels: values.label, output: values.output },
      output,
    ),
  "token list": ({ clients, output }) => commands.listTokens(clients.access, output),
  "token delete": ({ clients }, id) => commands.deleteToken(clients.access, id),
  "api-token create": ({ clients, values, output }, name) => {
    const { role, scope, ttl = "30d", output: file } = values;
    return commands.createApiToken(clients.access, { name, role, scope, ttl, output: file }, output);
  },
  "api-token list": ({ clients, output }) => commands.listApiTokens(clients.access, output),
  "api-token delete": ({ clients }, id) => commands.deleteApiToken(clients.access, id),
  "host list": ({ clients, output }) => commands.listIdentities(clients.access, output),
  "host revoke": ({ clients, values, output }, id) => commands.revokeHost(clients.access, id, values.reason, output),
  "rules test": async ({ clients, values, output }, path) => {
    if (path === "") fail("rules test needs a rule file, or a folder with rule files", 2);
    const { since, until, host: hostId, placeholders, expect, junit } = values;
    const options = { path, since, until, hostId, placeholders, expect, junit };
    const status = await commands.testRules(clients.rules, options, output, progressLine());
    if (status !== 0) process.exitCode = status;
  },
  "notify routes": ({ clients, output }) => commands.listRoutes(clients.notify, output),
  "notify test": async ({ clients, output }, route) => {
    process.exitCode = await commands.testNotification(clients.notify, route, output);
  },
  "notify dead-letters": ({ clients, values, output }, route) =>
    commands.listDeadLetters(clients.notify, { route, limit: parseLimit(values.limit) }, output),
  "notify redeliver": ({ clients }, id) => commands.redeliver(clients.notify, id),
  audit: ({ clients, values, output }) => commands.audit(clients.access, parseLimit(values.limit), output),
};

/** How far a trial is, on one line that is written again and again, where somebody sees it. */
function progressLine(): commands.Progress {
  if (!process.stderr.isTTY) return () => undefined;
  const clear = "\r\u001b[K";
  process.once("exit", () => process.stderr.write(clear));
  return (scanned, toScan, matches) => {
    const share = toScan === 0n ? "" : `${(100n * scanned) / toScan} % of `;
    process.stderr.write(`${clear}${share}${toScan} events, ${matches} matches`);
  };
}

function specOf({ spec = "fleet.yaml" }: Arguments["values"]): string {
  return spec;
}

/** A host of a fleet spec, as it is named on the command line. */
function hostWords({ tag, label }: Arguments["values"], name: string): commands.HostWords {
  return { name, tags: tag, labels: label };
}

const WITHOUT_COLLECTOR = [
  "login",
  "logout",
  "fleet validate|show|schema",
  "generate ansible|chef|terraform",
  "plan",
  "rules check|audit",
];

/** The command that words begin with, and the words that follow it. */
function commandOf(positionals: readonly string[]) {
  const [first = "", second = ""] = positionals;
  const length = `${first} ${second}` in COMMANDS || `${first} ${second}` in ALERTING_COMMANDS ? 2 : 1;
  const name = positionals.slice(0, length).join(" ");
  const words = positionals.slice(length);
  const plain = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (plain !== undefined && words.length <= 1) {
    return { command: (work: Work, [word = ""]: readonly string[]) => plain(work, word), words };
  }
  const alerting = Object.hasOwn(ALERTING_COMMANDS, name) ? ALERTING_COMMANDS[name] : undefined;
  if (alerting !== undefined && words.length <= alerting.wordsMax) return { command: alerting.run, words };
  const known = [...Object.keys(COMMANDS), ...Object.keys(ALERTING_COMMANDS), ...WITHOUT_COLLECTOR].join(", ");
  return fail(`"${positionals.join(" ")}" is no command; known are ${known}`, 2);
}

/** Asks a collector only where costs are to be counted. */
async function auditRules(
  values: Arguments["values"],
  paths: readonly string[],
  profile: () => Profile,
  output: commands.Output,
): Promise<void> {
  const { "audit-rules": given, placeholders, spec = "", since } = values;
  const opened: { who: Profile; clients: Clients }[] = [];
  const client = (): Clients["rules"] => {
    const who = profile();
    const clients = openClients(who);
    opened.push({ who, clients });
    return clients.rules;
  };
  try {
    const options = { paths, auditRules: given, spec, placeholders, since };
    const status = await commands.auditRuleFiles(options, output, client);
    if (status !== 0) process.exitCode = status;
  } catch (error) {
    throw opened[0] === undefined ? error : explainFailure(error, opened[0].who);
  } finally {
    for (const { clients } of opened) clients.close();
  }
}

async function run(): Promise<void> {
  const { values, positionals } = readArguments();
  if (values.help || positionals.length === 0) {
    (values.help ? process.stdout : process.stderr).write(USAGE);
    process.exit(values.help ? 0 : 2);
  }
  const interrupt = new AbortController();
  // What goes on until somebody ends it ends in order.
  if (["tail", "login"].includes(positionals[0] ?? "") || values.watch) {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupt.abort());
  }
  const output: commands.Output = {
    json: values.json,
    print: (text) => void process.stdout.write(text),
    lack(text) {
      process.stderr.write(`hosttrail: ${text}\n`);
      process.exitCode = INCOMPLETE;
    },
  };
  const profile = (): Profile => loadProfile(profilePath(values.profile));
  const [first = "", second = ""] = positionals;
  if (first === "login") return await login(profile(), output.print, interrupt.signal);
  if (first === "logout") return logout(profile());
  // What needs no collector.
  if (first === "fleet" && positionals.length === 2)
    return commands.fleet(second, specOf(values), hostWords(values, values.host), output);
  if (first === "generate" && positionals.length === 2)
    return commands.generate(second, specOf(values), values.out, output);
  if (first === "plan" && positionals.length === 1)
    return await commands.plan(specOf(values), values.host, hostWords(values, values.as), values.ssh, output);
  if (first === "rules" && second === "check" && positionals.length === 3) {
    const { "audit-rules": auditRules, placeholders, spec = "" } = values;
    process.exitCode = commands.checkRuleFiles({ path: positionals[2] ?? "", auditRules, spec, placeholders }, output);
    return;
  }
  if (first === "rules" && second === "audit" && positionals.length >= 3)
    return await auditRules(values, positionals.slice(2), profile, output);
  const { command, words } = commandOf(positionals);
  const who = profile();
  const clients = openClients(who);
  try {
    await command({ clients, values, output, signal: interrupt.signal }, words);
  } catch (error) {
    throw explainFailure(error, who);
  } finally {
    clients.close();
  }
}

// A reader that went away, as `head` does, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

run().catch((error: unknown) => {
  fail(error instanceof Error ? error.message : String(error), 1);
});
