/**
 * Trails of a fleet: recorded events of three roles of host, again and again, as if each host had lived through them at its own time.
 * What differs from lap to lap on a real host differs here: times, serials, pids and the ids of processes.
 */
import { onward } from "@hosttrail/collector/receive";
import { LINK_WINDOW_DEFAULT, LinkReader, LinkWriter, parseBlock, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { Event, type Process } from "@hosttrail/proto/event";
import { readTrail, ROLES } from "../trails/trail.ts";

const NO_HASH = new Uint8Array(0);
const LAP_PIDS = 4099;
const BOOT_ID = "5b2f0c1e-8d3a-4f60-9a71-0c4d2e6f8b13";

export interface GeneratedBlock {
  id: string;
  hostId: string;
  hostName: string;
  headerSha256: string;
  /** As the ingest role hands it on. */
  bytes: Uint8Array;
  /** Bytes on the stream between agent and collector. */
  wireBytes: number;
  lastTimeNano: bigint;
  events: number;
}

/** A word that a single event of the fleet has in its command line. */
export const RARE_WORD = "zanzibar-exfil-7731";

/** One host; its blocks follow each other. */
export class Host {
  readonly hostId: string;
  readonly name: string;
  readonly #events: readonly Event[];
  readonly #epoch: bigint;
  readonly #host: Event["host"];
  readonly #writer = new LinkWriter(LINK_WINDOW_DEFAULT, nodePrimitives);
  readonly #reader = new LinkReader(LINK_WINDOW_DEFAULT, nodePrimitives);
  readonly #sign: (bytes: Uint8Array) => Uint8Array;
  #seq = 0;
  #previous: Uint8Array = NO_HASH;

  constructor(number: number, startMs: number, sign: (bytes: Uint8Array) => Uint8Array) {
    this.hostId = hostIdOf(number);
    this.name = hostNameOf(number);
    this.#events = trailOf(ROLES[number % ROLES.length] ?? "web");
    this.#epoch = (BigInt(startMs) << 16n) + BigInt(number);
    this.#host = Event.fromPartial({ host: { ...this.#events[0]?.host, id: this.hostId, name: this.name } }).host;
    this.#sign = sign;
  }

  /** The next block, of so many events from a time on. */
  block(size: number, timeNano: bigint, rareWord = false): GeneratedBlock {
    const events = this.events(size, timeNano);
    const [first] = events;
    if (rareWord && first !== undefined) {
      first.process = Event.fromPartial({ process: { ...first.process, args: ["scp", RARE_WORD] } }).process;
    }
    const firstSeq = BigInt(this.#seq - size);
    const place = {
      hostId: this.hostId,
      epoch: this.#epoch,
      firstSeq,
      bootId: BOOT_ID,
      agentVersion: "0.1.0",
      flags: 0,
    };
    const sealed = sealBlock(events, { ...place, previousHeaderSha256: this.#previous }, nodePrimitives, this.#sign);
    this.#previous = sealed.headerSha256;
    const frame = this.#writer.pack(sealed.bytes);
    const received = frame === undefined ? sealed.bytes : this.#reader.unpack(frame);
    return {
      id: `${this.hostId}-${hex(this.#epoch)}-${hex(firstSeq)}`,
      hostId: this.hostId,
      hostName: this.name,
      headerSha256: Buffer.from(sealed.headerSha256).toString("hex"),
      bytes: onward(received, parseBlock(received)),
      wireBytes: (frame ?? sealed.bytes).length,
      lastTimeNano: sealed.header.lastTimeUnixNano,
      events: size,
    };
  }

  /** The next events, of which no block is made here. */
  events(count: number, timeNano: bigint): Event[] {
    const first = this.#seq;
    this.#seq += count;
    return Array.from({ length: count }, (_, at) => this.#event(first + at, timeNano + BigInt(at) * 1_500_037n));
  }

  #event(number: number, timeUnixNano: bigint): Event {
    const event = this.#events[number % this.#events.length] as Event;
    const lap = Math.floor(number / this.#events.length);
    return {
      ...event,
      event: event.event && { ...event.event, timeUnixNano },
      host: this.#host,
      process: event.process && this.#process(event.process, lap),
      audit: event.audit && { ...event.audit, serial: (event.audit.serial + number) >>> 0 },
    };
  }

  /** The same rows for the same process of a lap, as an agent has them. */
  readonly #processes = new Map<Process, { lap: number; process: Process }>();

  #process(of: Process, lap: number): Process {
    const known = this.#processes.get(of);
    if (known?.lap === lap) return known.process;
    const process = {
      ...of,
      pid: of.pid + lap * LAP_PIDS,
      entityId: entityOf(of.entityId, lap),
      ...(of.parent === undefined ? {} : { parent: this.#process(of.parent, lap) }),
    };
    this.#processes.set(of, { lap, process });
    return process;
  }
}

export function hostNameOf(number: number): string {
  return `${ROLES[number % ROLES.length]}-${number}`;
}

export function hostIdOf(number: number): string {
  return Buffer.from(nodePrimitives.sha256(Buffer.from(`host ${number}`)))
    .toString("hex")
    .slice(0, 32);
}

function entityOf(entityId: string, lap: number): string {
  if (lap === 0 || entityId === "") return entityId;
  return `${entityId.slice(0, -4)}${lap.toString(36).padStart(4, "0")}`;
}

function hex(value: bigint): string {
  return value.toString(16).padStart(16, "0");
}

const trails = new Map<string, readonly Event[]>();

function trailOf(role: string): readonly Event[] {
  let events = trails.get(role);
  if (events === undefined) {
    events = readTrail(role);
    trails.set(role, events);
  }
  return events;
}
