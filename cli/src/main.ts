/** `hosttrail`: asks the collector. */
import { parseArgs } from "node:util";
import { get, hosts, type Output, search, tail } from "./commands/index.ts";
import { openClient, profilePath } from "./profile.ts";

const USAGE = `usage: hosttrail [--profile FILE] COMMAND

  hosts                         list the hosts that the collector knows
  search [FILTER]               find events, newest first
    --since TIME --until TIME     90s, 15m, 2h, 7d ago, or 2026-01-31T12:00:00Z
    --host ID --limit N           one host; at most N events (default 100)
  tail [FILTER] [--host ID]     show events as they arrive
  get ID [--raw]                show one event; --raw as the kernel wrote it

  --json                        one JSON object a line
  --profile FILE                endpoint and certificates (YAML); else $HOSTTRAIL_PROFILE,
                                else ~/.config/hosttrail/profile.yaml

  FILTER: field = value (equal) or field : value (part of a text, item of a list; * for any), joined by AND.
  Example: hosttrail search 'process.name = curl AND destination.port = 443' --since 1h
`;

function fail(message: string, code: number): never {
  process.stderr.write(`hosttrail: ${message}\n`);
  process.exit(code);
}

interface Arguments {
  values: {
    profile?: string;
    json: boolean;
    raw: boolean;
    host: string;
    since?: string;
    until?: string;
    limit: string;
    help: boolean;
  };
  positionals: string[];
}

function readArguments(): Arguments {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        profile: { type: "string" },
        json: { type: "boolean", default: false },
        raw: { type: "boolean", default: false },
        host: { type: "string", default: "" },
        since: { type: "string" },
        until: { type: "string" },
        limit: { type: "string", default: "100" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`, 2);
  }
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1) fail(`--limit is "${text}"; it must be a whole number from 1`, 2);
  return limit;
}

async function run(): Promise<void> {
  const { values, positionals } = readArguments();
  const [command, argument = "", ...rest] = positionals;
  if (values.help || command === undefined || rest.length > 0) {
    (values.help ? process.stdout : process.stderr).write(USAGE);
    process.exit(values.help ? 0 : 2);
  }
  const output: Output = { json: values.json, print: (text) => void process.stdout.write(text) };
  const client = openClient(profilePath(values.profile));
  try {
    if (command === "hosts") await hosts(client, output);
    else if (command === "search") {
      const { since, until } = values;
      const limit = parseLimit(values.limit);
      await search(client, { filter: argument, hostId: values.host, since, until, limit }, output);
    } else if (command === "get") await get(client, argument, values.raw, output);
    else if (command === "tail") {
      const interrupt = new AbortController();
      process.once("SIGINT", () => interrupt.abort());
      process.once("SIGTERM", () => interrupt.abort());
      await tail(client, { filter: argument, hostId: values.host }, interrupt.signal, output);
    } else fail(`unknown command "${command}"; known are hosts, search, tail and get`, 2);
  } finally {
    client.close();
  }
}

// A reader that went away, as `head` does, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

run().catch((error: unknown) => {
  const details = error instanceof Error && "details" in error ? String(error.details) : undefined;
  fail(details ?? (error instanceof Error ? error.message : String(error)), 1);
});
