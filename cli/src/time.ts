/** Times on the command line: ISO 8601, or how long ago. */
import type { Timestamp } from "@hosttrail/proto/timestamp";

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** "90s", "15m", "2h", "7d" ago, or a time like 2026-01-31T12:00:00Z. Throws where it is neither. */
export function parseTime(text: string, nowMs: number): Timestamp {
  const ago = /^(\d{1,7})([smhd])$/.exec(text);
  const ms = ago === null ? Date.parse(text) : nowMs - Number(ago[1]) * (UNIT_SECONDS[ago[2] ?? ""] ?? 0) * 1000;
  if (Number.isNaN(ms)) throw new Error(`"${text}" is no time; allowed are 90s, 15m, 2h, 7d or 2026-01-31T12:00:00Z`);
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: Math.round((ms - Math.floor(ms / 1000) * 1000) * 1e6) };
}

/** "90s", "15m", "2h", "7d" as seconds. Throws where it is none. */
export function parseDuration(option: string, text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (unit === "") throw new Error(`${option} is "${text}"; allowed are 90s, 15m, 2h, 7d`);
  return Number(count) * (UNIT_SECONDS[unit] ?? 0);
}
