/**
 * What query processes say to each other, as bytes. Each field that comes from another process is looked at here: what is handed on is as
 * good as if it were made in this process. A unit goes without what opening it does not need: the numbers of its events and its sieve.
 */
import { randomBytes } from "node:crypto";
import { SEGMENT_EVENTS_MAX } from "@hosttrail/lib/block";
import type { CatalogEntry as StoredEntry } from "@hosttrail/proto/catalog";
import {
  PeerFound,
  PeerCall,
  PeerOffer,
  PeerReply,
  PeerReply_Refusal,
  PeerRequest,
  type PeerUnit,
} from "@hosttrail/proto/peer";
import { type Unit, unitOfEntry } from "../history/index.ts";
import { type CatalogEntry, OUTSIDE, type SequenceRange } from "../model/index.ts";
import type { FoundElsewhere, UnitJob } from "../scan/index.ts";
import { checked, PeerMessageError } from "./checked.ts";
import { reducedOf, reduceOf, storedReduce, storedReduced } from "./reduced.ts";

/** Units of one request, at most: so few that an answer does not take long, and that little is lost where none comes. */
export const UNITS_MAX = 8;
/** Time that a request may say it is good for, milliseconds. */
const TIME_MAX_MS = 10_000;
/** Whether it is a filter, and not too long for one, is looked at when it is compiled. */
const FILTER_LENGTH_MAX = 65_536;
const VERSION_LENGTH_MAX = 256;
const REQUESTS_MAX = 1024;
/** A range has one event at least. */
const RANGES_MAX: number = SEGMENT_EVENTS_MAX;
const NONCE_BYTES = 16;
const HOST_ID_BYTES = 16;
const SHA256_BYTES = 32;
const MICROS_MAX = 0xffff_ffff;
const PLACE = /^\d{8}$/;
const PROCESS_ID = /^[0-9a-f]{32}$/;
/** Under which a payload is kept. */
const ENTRY_ID = /^[\x21-\x7e]{1,256}$/;

/** Why another process does not read what it is asked for. */
export type Refusal = "busy" | "version" | "malformed";

const REFUSALS: Readonly<Record<Refusal, PeerReply_Refusal>> = {
  busy: PeerReply_Refusal.BUSY,
  version: PeerReply_Refusal.VERSION,
  malformed: PeerReply_Refusal.MALFORMED,
};

/** A process that would read units, and how many requests it takes at once. */
export interface Offer {
  processId: string;
  requests: number;
}

/** Whoever calls: its id. */
export function encodeCall(version: string, processId: string): Uint8Array {
  return PeerCall.encode({ version, processId }).finish();
}

/** The id of whoever calls; undefined where it is of another version. Throws a PeerMessageError. */
export function decodeCall(bytes: Uint8Array, ownVersion: string): string | undefined {
  const { version, processId } = decoded("a call", PeerCall, bytes);
  if (version !== ownVersion) return undefined;
  return checked("process_id", processId, "32 hexadecimal digits", PROCESS_ID.test(processId));
}

export function encodeOffer(version: string, { processId, requests }: Offer): Uint8Array {
  return PeerOffer.encode({ version, processId, requests }).finish();
}

/** Undefined where it is of another version. Throws a PeerMessageError. */
export function decodeOffer(bytes: Uint8Array, ownVersion: string): Offer | undefined {
  const { version, processId, requests } = decoded("an offer", PeerOffer, bytes);
  if (version !== ownVersion) return undefined;
  checked("process_id", processId, "32 hexadecimal digits", PROCESS_ID.test(processId));
  checked("requests", requests, `0 to ${REQUESTS_MAX}`, requests <= REQUESTS_MAX);
  return { processId, requests };
}

/** Of units that are segments, and of one question. `timeMs` is how long the answer is waited for. */
export function encodeRequest(version: string, jobs: readonly UnitJob[], timeMs: number): Uint8Array {
  const [first] = jobs;
  if (first === undefined) throw new RangeError("a request has 1 unit at least");
  return PeerRequest.encode({
    version,
    nonce: randomBytes(NONCE_BYTES),
    filter: first.filter,
    startUnixNano: first.startNano,
    endUnixNano: first.endNano,
    timeMs,
    units: jobs.map(({ unit, only }) => storedUnit(unit, only)),
    reduce: first.reduce && storedReduce(first.reduce),
  }).finish();
}

function storedUnit({ place, hostId, from }: Unit, only: readonly SequenceRange[] | undefined): PeerUnit {
  if (!("entry" in from)) throw new RangeError("a block that arrived is no segment");
  const { id, epoch, blocks, firstTimeNano, lastTimeNano, events, bytes, sha256 } = from.entry;
  return {
    place,
    hostId: Buffer.from(hostId, "hex"),
    entry: {
      id,
      epoch,
      blocks,
      block: undefined,
      ranges: [],
      firstTimeUnixNano: firstTimeNano,
      lastTimeUnixNano: lastTimeNano,
      events,
      bytes,
      sha256,
      sieveSha256: new Uint8Array(0),
      hourEvents: [],
    },
    only: only === undefined ? undefined : { ranges: [...only] },
  };
}

/** "version" where it is of another version. Throws a PeerMessageError; whether the filter is one is not looked at. */
export function decodeRequest(
  bytes: Uint8Array,
  ownVersion: string,
): { jobs: UnitJob[]; filter: string; timeMs: number } | "version" {
  const request = decoded("a request", PeerRequest, bytes);
  const { version, filter, startUnixNano, endUnixNano, timeMs, units } = request;
  checked("version", version.length, `up to ${VERSION_LENGTH_MAX} characters`, version.length <= VERSION_LENGTH_MAX);
  if (version !== ownVersion) return "version";
  checked("filter", filter.length, `up to ${FILTER_LENGTH_MAX} characters`, filter.length <= FILTER_LENGTH_MAX);
  checked("end_unix_nano", endUnixNano, `later than ${startUnixNano}`, endUnixNano > startUnixNano);
  checked("time_ms", timeMs, `1 to ${TIME_MAX_MS}`, timeMs >= 1 && timeMs <= TIME_MAX_MS);
  checked("units", units.length, `1 to ${UNITS_MAX}`, units.length >= 1 && units.length <= UNITS_MAX);
  const reduce = request.reduce && reduceOf(request.reduce);
  const jobs = units.map((unit, at) => ({
    unit: unitOf(`units[${at}]`, unit),
    filter,
    startNano: startUnixNano,
    endNano: endUnixNano,
    only: unit.only === undefined ? undefined : rangesOf(`units[${at}].only`, unit.only.ranges),
    reduce,
  }));
  return { jobs, filter, timeMs };
}

function unitOf(at: string, { place, hostId, entry }: PeerUnit): Unit {
  checked(`${at}.place`, place, `a day as 20260131, or ${OUTSIDE}`, PLACE.test(place) || place === OUTSIDE);
  checked(`${at}.host_id`, hostId.length, `${HOST_ID_BYTES} bytes`, hostId.length === HOST_ID_BYTES);
  if (entry === undefined) throw new PeerMessageError(`${at}.entry is not there`);
  return unitOfEntry(place, Buffer.from(hostId).toString("hex"), entryOf(`${at}.entry`, entry));
}

function entryOf(at: string, entry: StoredEntry): CatalogEntry {
  const { id, epoch, blocks, block, firstTimeUnixNano, lastTimeUnixNano, events, bytes, sha256 } = entry;
  checked(`${at}.id`, id, "1 to 256 characters of ASCII without spaces", ENTRY_ID.test(id));
  checked(`${at}.block`, "set", "a segment only", block === undefined);
  checked(
    `${at}.last_time_unix_nano`,
    lastTimeUnixNano,
    `${firstTimeUnixNano} and later`,
    lastTimeUnixNano >= firstTimeUnixNano,
  );
  checked(`${at}.events`, events, `1 to ${SEGMENT_EVENTS_MAX}`, events >= 1 && events <= SEGMENT_EVENTS_MAX);
  checked(`${at}.sha256`, sha256.length, `${SHA256_BYTES} bytes`, sha256.length === SHA256_BYTES);
  return {
    id,
    epoch,
    blocks,
    ranges: [],
    firstTimeNano: firstTimeUnixNano,
    lastTimeNano: lastTimeUnixNano,
    events,
    bytes,
    // A view on the message, all of which would be sent to a thread.
    sha256: Uint8Array.from(sha256),
    sieveSha256: new Uint8Array(0),
  };
}

function rangesOf(at: string, ranges: readonly SequenceRange[]): SequenceRange[] {
  checked(at, ranges.length, `up to ${RANGES_MAX} ranges`, ranges.length <= RANGES_MAX);
  for (const [index, { first, next }] of ranges.entries())
    checked(`${at}[${index}].next`, next, `more than ${first}`, next > first);
  return ranges.map(({ first, next }) => ({ first, next }));
}

const UNREAD: PeerFound = {
  isRead: false,
  steps: [],
  all: false,
  readMicros: 0,
  openMicros: 0,
  matchMicros: 0,
  reduced: undefined,
};
/** Of one unit in a reply, beside its own bytes. */
const FOUND_BYTES = 8;

/** One for each unit of the request; undefined for one that was not read. What does not fit into so many bytes is told as unread, too. */
export function encodeReply(
  jobs: readonly UnitJob[],
  found: readonly (FoundElsewhere | undefined)[],
  bytesMax: number = Number.POSITIVE_INFINITY,
): Uint8Array {
  let room = bytesMax - jobs.length * FOUND_BYTES;
  const fitting = jobs.map(({ unit }, at) => {
    const stored = storedFound(found[at], unit.events);
    const bytes = PeerFound.encode(stored).finish().length;
    if (bytes > room) return UNREAD;
    room -= bytes;
    return stored;
  });
  return PeerReply.encode({ refusal: PeerReply_Refusal.UNSPECIFIED, found: fitting }).finish();
}

export function encodeRefusal(refusal: Refusal): Uint8Array {
  return PeerReply.encode({ refusal: REFUSALS[refusal], found: [] }).finish();
}

function storedFound(found: FoundElsewhere | undefined, events: number): PeerFound {
  if (found === undefined) return UNREAD;
  const { matches, reduced, readMs, openMs, matchMs } = found;
  const all = matches.length === events;
  return {
    isRead: true,
    steps: all ? [] : Array.from(matches, (match, at) => match - (matches[at - 1] ?? 0)),
    all,
    readMicros: microsOf(readMs),
    openMicros: microsOf(openMs),
    matchMicros: microsOf(matchMs),
    reduced: reduced && storedReduced(reduced),
  };
}

function microsOf(milliseconds: number): number {
  return Math.min(MICROS_MAX, Math.max(0, Math.round(milliseconds * 1000)));
}

/** As encodeReply has it, to a request with these units. Throws a PeerMessageError. */
export function decodeReply(
  bytes: Uint8Array,
  jobs: readonly UnitJob[],
): { found: (FoundElsewhere | undefined)[] } | { refusal: Refusal } {
  const { refusal, found } = decoded("a reply", PeerReply, bytes);
  if (refusal !== PeerReply_Refusal.UNSPECIFIED) {
    const name = (Object.keys(REFUSALS) as Refusal[]).find((each) => REFUSALS[each] === refusal);
    if (name === undefined) throw new PeerMessageError(`refusal is ${refusal}; allowed are 0 to 3`);
    return { refusal: name };
  }
  checked("found", found.length, `${jobs.length}, as many as units were asked for`, found.length === jobs.length);
  return { found: jobs.map((job, at) => foundOf(`found[${at}]`, found[at] as PeerFound, job)) };
}

function foundOf(at: string, found: PeerFound, job: UnitJob): FoundElsewhere | undefined {
  const { isRead, readMicros, openMicros, matchMicros } = found;
  if (!isRead) return undefined;
  return {
    matches: matchesOf(at, found, job.unit.events),
    reduced: foundReduced(at, found, job),
    readMs: readMicros / 1000,
    openMs: openMicros / 1000,
    matchMs: matchMicros / 1000,
  };
}

function foundReduced(at: string, { reduced, steps, all }: PeerFound, job: UnitJob): FoundElsewhere["reduced"] {
  if (reduced === undefined) return undefined;
  const { reduce, unit, startNano, endNano } = job;
  if (reduce === undefined) throw new PeerMessageError(`${at}.reduced is set; nothing was to be made of events`);
  checked(`${at}.steps`, steps.length, "none where events are reduced", steps.length === 0 && !all);
  return reducedOf(`${at}.reduced`, reduced, { reduce, events: unit.events, startNano, endNano });
}

function matchesOf(at: string, { steps, all }: PeerFound, events: number): Uint32Array {
  checked(`${at}.steps`, steps.length, "none where all match", !all || steps.length === 0);
  checked(`${at}.steps`, steps.length, `up to ${events}`, steps.length <= events);
  const matches = all ? Uint32Array.from({ length: events }, (_, index) => index) : new Uint32Array(steps.length);
  let match = 0;
  for (const [index, step] of steps.entries()) {
    match += step;
    if ((step === 0 && index > 0) || match >= events)
      throw new PeerMessageError(
        `${at}.steps[${index}] is ${step}, to event ${match}; allowed are 1 and above, and events up to ${events - 1}`,
      );
    matches[index] = match;
  }
  return matches;
}

function decoded<Message>(what: string, kind: { decode(bytes: Uint8Array): Message }, bytes: Uint8Array): Message {
  try {
    return kind.decode(bytes);
  } catch (cause) {
    throw new PeerMessageError(`${what} of ${bytes.length} bytes is no protobuf of its kind`, { cause });
  }
}
