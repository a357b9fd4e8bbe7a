/**
 * Hosts are in 64 partitions, for good; the partitions are spread over some streams, whose number may change. A stream of JetStream has one
 * leader, through which all goes: several streams have theirs on several nodes.
 */
import { BLOCKS_PREFIX, BLOCKS_STREAM_PREFIX } from "./names.ts";

/** Partitions of hosts: fixed, since a host must stay in its own. */
export const PARTITIONS = 64;

/** A stream as it is. */
export interface PresentStream {
  name: string;
  subjects: readonly string[];
}

/** A stream as it shall be. */
interface LaidStream {
  name: string;
  subjects: string[];
  isNew: boolean;
}

export interface Layout {
  /** Streams that take blocks. */
  streams: LaidStream[];
  /** Streams that take no more: what is in them is still handed out. */
  drained: string[];
}

/** The partition of a host: FNV-1a over its id, so that every node finds the same one. */
export function partitionOf(hostId: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < hostId.length; at++) hash = Math.imul(hash ^ hostId.charCodeAt(at), 0x01000193) >>> 0;
  return hash % PARTITIONS;
}

/** Subjects of each of so many streams: neighbouring partitions are together. */
export function subjectsOf(streams: number): string[][] {
  if (streams === 1) return [[`${BLOCKS_PREFIX}.>`]];
  const parts: string[][] = Array.from({ length: streams }, () => []);
  for (let partition = 0; partition < PARTITIONS; partition++)
    parts[Math.floor((partition * streams) / PARTITIONS)]?.push(`${BLOCKS_PREFIX}.${partition}.>`);
  return parts;
}

/** Partitions whose blocks a stream takes. */
export function partitionsOf({ subjects }: PresentStream): number[] {
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  if (subjects.includes(`${BLOCKS_PREFIX}.>`)) return all;
  return all.filter((partition) => subjects.includes(`${BLOCKS_PREFIX}.${partition}.>`));
}

/** What a stream listens to that takes no blocks: yet, or any more. */
export function idleSubjectOf(name: string): string {
  return `hosttrail.idle.${name}`;
}

/** True where the streams together take each partition's blocks. */
export function isWhole(present: readonly PresentStream[]): boolean {
  return new Set(present.flatMap(partitionsOf)).size === PARTITIONS;
}

/** Number of streams that take blocks. */
export function takingStreams(present: readonly PresentStream[]): number {
  return present.filter((stream) => partitionsOf(stream).length > 0).length;
}

/**
 * How so many streams come from those that are there: one that has what is wanted stays, one that has nothing yet is given some, and names of
 * new ones continue the numbers, since a stream that was removed must not be made again under its name. `lastNumber` is one that somebody remembers.
 */
export function layoutOf(present: readonly PresentStream[], streams: number, lastNumber = 0): Layout {
  const left = new Map(present.map((stream) => [stream.name, stream]));
  const take = (fits: (stream: PresentStream) => boolean): string | undefined => {
    const found = [...left.values()].find(fits);
    if (found !== undefined) left.delete(found.name);
    return found?.name;
  };
  const wanted = subjectsOf(streams).map((subjects) => ({
    subjects,
    name: take((stream) => sameSubjects(stream.subjects, subjects)),
  }));
  let last = Math.max(lastNumber, ...present.map(({ name }) => numberOf(name)));
  // One that was drained before is not taken again while it may have blocks: its order would be mixed up.
  const laid = wanted.map(({ subjects, name }): LaidStream => {
    const given = name ?? take((stream) => isJoining(stream));
    if (given !== undefined) return { name: given, subjects, isNew: false };
    last++;
    return { name: `${BLOCKS_STREAM_PREFIX}${last}`, subjects, isNew: true };
  });
  return { streams: laid, drained: [...left.keys()] };
}

/** A stream that was made and has not been given its partitions: whoever made it was interrupted. */
function isJoining({ name, subjects }: PresentStream): boolean {
  return subjects.length === 1 && subjects[0] === `${idleSubjectOf(name)}.new`;
}

/** What a stream listens to between being made and being given partitions. */
export function joiningSubjectOf(name: string): string {
  return `${idleSubjectOf(name)}.new`;
}

function sameSubjects(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((subject) => others.includes(subject));
}

export function numberOf(name: string): number {
  const number = Number(name.slice(BLOCKS_STREAM_PREFIX.length));
  return Number.isSafeInteger(number) ? number : 0;
}
