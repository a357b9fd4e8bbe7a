/** Text for terminals. What events hold was chosen by who acted: no byte of it may steer the terminal. */
import type { Event } from "@hosttrail/proto/event";

/** Makes control characters, and those that turn the direction of text, visible. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** Rows as aligned columns; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return rows
    .map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join("  "))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

/** ISO 8601 in UTC with milliseconds; empty for no time. */
export function isoTime(timeNano: bigint): string {
  return timeNano === 0n ? "" : new Date(Number(timeNano / 1_000_000n)).toISOString();
}

export const EVENT_HEADER: readonly string[] = ["TIME", "HOST", "USER", "PROCESS", "ACTION", "OBJECT", "OUTCOME", "ID"];

/** The kernel's "no id". */
const UNSET = 0xffffffff;

/** One event as one line: who did what to what. */
export function eventRow(event: Event): string[] {
  const { process, user } = event;
  return [
    isoTime(event.event?.timeUnixNano ?? 0n),
    event.host?.name || (event.host?.id ?? ""),
    user === undefined || user.id === UNSET ? "" : user.name || String(user.id),
    process === undefined ? "" : `${process.name || process.executable}[${process.pid}]`,
    event.event?.action ?? "",
    objectOf(event),
    event.event?.outcome ?? "",
    event.id,
  ].map(printable);
}

const OBJECT_LENGTH_MAX = 80;

function objectOf(event: Event): string {
  const object = fullObjectOf(event);
  return object.length > OBJECT_LENGTH_MAX ? `${object.slice(0, OBJECT_LENGTH_MAX - 1)}…` : object;
}

function fullObjectOf({ event, process, destination, source, files, user }: Event): string {
  if (event?.action === "executed" && process !== undefined) return process.args.join(" ");
  const endpoint = destination ?? source;
  if (endpoint !== undefined) return endpoint.port > 0 ? `${endpoint.address}:${endpoint.port}` : endpoint.address;
  return files[0]?.path ?? user?.targetName ?? "";
}
