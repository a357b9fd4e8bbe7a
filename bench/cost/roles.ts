/**
 * Hours of five roles of host, as audit logs. What stands in them was recorded: a real kernel's records of a web server, an administrator, a
 * build and a mixed workload (bench/trails, bench/captures). When it happens is made here, from a seed: pieces of a recording, a few
 * events each, begin at times that come by chance around a rate, some by a timer, and what a host does swells and falls over the hours.
 * Serials and process ids go on as a kernel's do.
 */
import { recordText } from "@hosttrail/lib/audit";
import type { Event } from "@hosttrail/proto/event";
import { captureGroups, eventsOf } from "../capture.ts";
import { readTrail } from "../trails/trail.ts";

interface Role {
  name: string;
  trail: "admin" | "build" | "web" | "capture";
  /** Pieces an hour by chance, and by a timer. */
  chance: number;
  timer: number;
  /** Events of a piece: from, to. */
  piece: readonly [number, number];
  /** By so much of itself the rate of chance swells and falls. */
  swell: number;
}

/** Busy and quiet, steady and in bursts. */
export const ROLES: readonly Role[] = [
  { name: "web", trail: "web", chance: 1500, timer: 240, piece: [4, 16], swell: 0.15 },
  { name: "admin", trail: "admin", chance: 220, timer: 60, piece: [6, 30], swell: 0.15 },
  { name: "build", trail: "build", chance: 400, timer: 0, piece: [40, 120], swell: 0.15 },
  { name: "mixed", trail: "capture", chance: 700, timer: 120, piece: [5, 25], swell: 0.15 },
  { name: "quiet", trail: "web", chance: 60, timer: 180, piece: [4, 8], swell: 0.1 },
];

const HOUR_MS = 3_600_000;
const SWELL_MS = 1.7 * HOUR_MS;
const PIDS = 4_194_304;
const GAP_MAX_MS = 50;
const NANOS_OF_MS = 1_000_000n;

/** A line of the log and its time. */
interface Line {
  timeMs: number;
  serial: number;
  text: string;
}

/** Numbers from 0 to 1 by a seed: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A log of so many hours, from a time on, in parts that end after each of the given milliseconds. */
export function logsOf(role: Role, seed: number, startMs: number, partsMs: readonly number[]): string[] {
  const random = randomOf(seed);
  const events = eventsOfTrail(role.trail);
  const lengthMs = partsMs.reduce((sum, part) => sum + part, 0);
  const lines: Line[] = [];
  let serial = 1000;
  for (const [number, at] of timesOf(role, random, lengthMs).entries()) {
    const [least, most] = role.piece;
    const count = least + Math.floor(random() * (most - least + 1));
    const first = Math.floor(random() * Math.max(1, events.length - count));
    const pids = Math.floor(random() * PIDS);
    serial += count;
    lines.push(
      ...piece(events.slice(first, first + count), { startMs: startMs + at, serial: serial - count, pids, number }),
    );
  }
  lines.sort((a, b) => a.timeMs - b.timeMs || a.serial - b.serial);
  return cut(lines, startMs, partsMs);
}

function cut(lines: readonly Line[], startMs: number, partsMs: readonly number[]): string[] {
  let [fromMs, parts] = [startMs, [] as string[]];
  for (const part of partsMs) {
    const untilMs = fromMs + part;
    const inside = lines.filter(({ timeMs }) => timeMs >= fromMs && timeMs < untilMs);
    parts = [...parts, inside.map(({ text }) => text).join("")];
    fromMs = untilMs;
  }
  return parts;
}

/** When pieces begin, milliseconds from the log's begin. */
function timesOf({ chance, timer, swell }: Role, random: () => number, lengthMs: number): number[] {
  const times: number[] = [];
  const phase = random();
  const most = (chance * (1 + swell)) / HOUR_MS;
  if (chance > 0)
    for (let at = wait(random, most); at < lengthMs; at += wait(random, most)) {
      const rate = chance * (1 + swell * Math.sin(2 * Math.PI * (at / SWELL_MS + phase)));
      if (random() * chance * (1 + swell) < rate) times.push(at);
    }
  if (timer > 0) for (let at = (phase * HOUR_MS) / timer; at < lengthMs; at += HOUR_MS / timer) times.push(at);
  return times.sort((a, b) => a - b);
}

function wait(random: () => number, rate: number): number {
  return -Math.log(1 - random()) / rate;
}

function piece(
  events: readonly Event[],
  { startMs, serial, pids }: { startMs: number; serial: number; pids: number; number: number },
): Line[] {
  const lines: Line[] = [];
  let [timeMs, before] = [startMs, timeOf(events[0])];
  for (const [at, event] of events.entries()) {
    const own = timeOf(event);
    timeMs += Math.min(GAP_MAX_MS, Math.max(0, own - before));
    before = own;
    const stamp = `audit(${(Math.floor(timeMs) / 1000).toFixed(3)}:${serial + at})`;
    const text = (event.audit?.records ?? []).map(
      ({ typeName }, index) => `type=${typeName} msg=${stamp}: ${shifted(recordText(event, index), pids)}\n`,
    );
    lines.push({ timeMs: Math.floor(timeMs), serial: serial + at, text: text.join("") });
  }
  return lines;
}

function timeOf(event: Event | undefined): number {
  return Number((event?.event?.timeUnixNano ?? 0n) / NANOS_OF_MS);
}

/** Of a piece all process ids are others, by the same number. */
function shifted(text: string, by: number): string {
  return text.replaceAll(
    /(?<= |^)(p?pid)=(\d+)/g,
    (_, name: string, pid: string) => `${name}=${pidOf(Number(pid), by)}`,
  );
}

function pidOf(pid: number, by: number): number {
  return pid <= 1 ? pid : 2 + ((pid + by) % (PIDS - 2));
}

const known = new Map<string, readonly Event[]>();

function eventsOfTrail(trail: Role["trail"]): readonly Event[] {
  let events = known.get(trail);
  if (events === undefined) {
    const all = trail === "capture" ? eventsOf(captureGroups()) : readTrail(trail);
    // What the agent told of itself was told by another agent.
    events = all.filter(
      ({ audit }) => audit?.records.every(({ typeName }) => !typeName.startsWith("HOSTTRAIL_")) ?? false,
    );
    known.set(trail, events);
  }
  return events;
}
