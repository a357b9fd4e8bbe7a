/**
 * `hosttrail-agent quarantine`: what the collector has refused and the agent keeps aside. `list` reads the folder, so it needs no running
 * agent; `send` asks the running agent, which alone writes to the spool.
 */
import type { AgentConfig } from "../config/index.ts";
import { askControl } from "../control/index.ts";
import {
  DAMAGED,
  eventsIn,
  isBlockKey,
  listQuarantine,
  type Quarantined,
  quarantineOf,
  spoolOf,
} from "../spool/index.ts";

/** Blocks that the agent is asked for at once: it does nothing else while it puts them back. */
const KEYS_AT_ONCE = 16;

/** What is in the quarantine of the agent with this configuration, the oldest first; throws where it may not be read. */
export function readQuarantine(config: AgentConfig): Quarantined[] {
  const directory = quarantineOf(spoolOf(config));
  try {
    return listQuarantine(directory);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EACCES") throw cause;
    throw new Error(`${directory} may be read by root only, or by the user that the agent runs as`, { cause });
  }
}

/** Prints a line for each file, or all as JSON. */
export function listQuarantined(config: AgentConfig, { json }: { json: boolean }): void {
  const found = readQuarantine(config).map((file) => ({
    key: file.key,
    reason: file.reason,
    events: eventsIn(file) ?? null,
    bytes: file.bytes,
    since: new Date(file.sinceMs).toISOString(),
  }));
  if (json) process.stdout.write(`${JSON.stringify(found)}\n`);
  else if (found.length === 0) process.stdout.write("the quarantine is empty\n");
  else {
    const rows = found.map((each) => [
      each.key,
      each.reason,
      String(each.events ?? "-"),
      String(each.bytes),
      each.since,
    ]);
    print([["KEY", "REASON", "EVENTS", "BYTES", "SINCE"], ...rows]);
  }
}

function print(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_cell, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  for (const row of rows) {
    const line = row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  ");
    process.stdout.write(`${line.trimEnd()}\n`);
  }
}

export interface SendOptions {
  /** Names of blocks, as `list` shows them. */
  keys: readonly string[];
  /** Everything that is a block. */
  all: boolean;
  json: boolean;
}

interface Sent {
  sent: string[];
  refused: { key: string; reason: string }[];
}

/** Has the running agent send blocks again; the exit status is 1 where one of them cannot be sent. */
export async function sendQuarantined(config: AgentConfig, options: SendOptions): Promise<void> {
  const keys = keysToSend(config, options);
  const result: Sent = { sent: [], refused: [] };
  for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
    const question = { ask: "send-quarantined", keys: keys.slice(at, at + KEYS_AT_ONCE) } as const;
    const { sent, refused } = (await askControl(config.runtimeDirectory, question)) as Sent;
    result.sent.push(...sent);
    result.refused.push(...refused);
    // As they go: an agent that ends in between has sent those before.
    if (!options.json) tell({ sent, refused });
  }
  if (result.refused.length > 0) process.exitCode = 1;
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else if (keys.length === 0) process.stdout.write("the quarantine has no block to send\n");
}

function tell({ sent, refused }: Sent): void {
  for (const key of sent) process.stdout.write(`${key}: is sent again\n`);
  for (const { key, reason } of refused) process.stderr.write(`${key}: is not sent: ${reason}\n`);
}

function keysToSend(config: AgentConfig, { keys, all }: SendOptions): string[] {
  if (all === keys.length > 0) {
    throw new Error("quarantine send wants the KEYs of blocks, as quarantine list shows them, or --all");
  }
  if (all) {
    const files = readQuarantine(config).filter(({ reason }) => reason !== DAMAGED);
    return [...new Set(files.map(({ key }) => key))];
  }
  const wrong = keys.find((key): boolean => !isBlockKey(key));
  if (wrong !== undefined) {
    const isDamage = readQuarantine(config).some(({ key, reason }) => reason === DAMAGED && key === wrong);
    const why = isDamage
      ? "is damage, not a block: nothing of it can be sent"
      : "is no KEY of a block; a KEY has two numbers of 16 hex digits with a dash between them";
    throw new Error(`"${wrong}" ${why}`);
  }
  return [...new Set(keys)];
}
