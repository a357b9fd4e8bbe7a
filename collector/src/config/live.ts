/** What of the configuration changes while the collector runs, and what waits for a restart. Pure. */

/** Keys that may change, with all below them; everybody who uses one asks for it each time. */
const LIVE: readonly string[] = [
  "log_level",
  "access.bindings",
  "connections.max_age_seconds",
  "connections.grace_ms",
  "ingest.credit",
  "ingest.hello_timeout_ms",
  "ingest.publish_attempts",
  "ingest.clock_offset_warn_ms",
  "ingest.quota",
  "query.events_max",
  "query.bytes_max",
  "query.time_max_ms",
  "shutdown_deadline_ms",
];

export interface Change<Config> {
  /** As it holds from now on: what may change is of the new one, all else of the old one. */
  config: Config;
  /** Keys that have changed, as they are written in the file. */
  applied: string[];
  /** And those that hold after a restart only. */
  waiting: string[];
}

/** What becomes of a running configuration where the file says another one. */
export function changeOf<Config>(running: Config, wanted: Config): Change<Config> {
  const applied: string[] = [];
  const waiting: string[] = [];
  const config = merge(running, wanted, [], (key) => {
    const isLive = LIVE.some((live) => key === live || key.startsWith(`${live}.`));
    (isLive ? applied : waiting).push(key);
    return isLive;
  });
  return { config: config as Config, applied, waiting };
}

/** Lists are one value. */
function merge(running: unknown, wanted: unknown, path: readonly string[], take: (key: string) => boolean): unknown {
  if (isSection(running) && isSection(wanted)) {
    const keys = new Set([...Object.keys(running), ...Object.keys(wanted)]);
    const entries = Array.from(keys, (key) => [key, merge(running[key], wanted[key], [...path, key], take)] as const);
    return Object.freeze(Object.fromEntries(entries.filter(([, value]) => value !== undefined)));
  }
  if (JSON.stringify(running) === JSON.stringify(wanted)) return running;
  return take(path.map(snake).join(".")) ? wanted : running;
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function snake(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
