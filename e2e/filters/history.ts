/**
 * Hosts that did recorded work over some days, in small blocks and in large ones, of which some came late, some overlap in time, some lie
 * over midnight, and some were sealed twice with other events. What is stored of them is known event by event.
 */
import { createHash, generateKeyPairSync } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { eventId, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import { Random } from "../../agent/fuzz/random.ts";
import { eventsOfLog } from "../../bench/rules/replay.ts";
import { readTrail } from "../../bench/trails/trail.ts";

const DAY_NANO = 86_400_000_000_000n;
const DAYS = 4n;
const RECORDED = new URL("../../rules/recorded/", import.meta.url);
const sign = signerOf(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());

export interface HostPlan {
  name: string;
  env: string;
  work: "admin" | "build" | "web" | "recorded";
  events: number;
  blockEvents: number;
}

interface Sealed {
  hostId: string;
  hostName: string;
  id: string;
  headerSha256: string;
  bytes: Uint8Array;
}

/** One block in so many comes after all others, is sealed a second time, or lies over midnight. */
const LATE_EVERY = 60;
const LATE_MAX = 24;
const FORK_EVERY = 25;
const MIDNIGHT_EVERY = 40;

export class MixedHistory {
  /** All events that are stored, by their time, then by their id. They share whatever was recorded once. */
  readonly rows: Event[] = [];
  readonly hostIds: readonly string[];
  /** The first of the days, nanoseconds since 1970. */
  readonly startNano: bigint;
  blocks = 0;
  forks = 0;
  readonly #plans: readonly HostPlan[];
  readonly #random: Random;

  /** Nobody else writes into these days: they ended before yesterday. */
  constructor(plans: readonly HostPlan[], seed: number) {
    this.#plans = plans;
    this.#random = new Random(seed);
    this.hostIds = plans.map(({ name }) => hostIdOf(name));
    this.startNano = (BigInt(Date.now()) / 86_400_000n - DAYS - 2n) * DAY_NANO;
  }

  /** Publishes all of it; what comes late is published last, and what has numbers that are taken when all others are `stored`. */
  async publish(stream: BlockStream, stored: () => Promise<void>): Promise<void> {
    const late: Sealed[] = [];
    const forks: Sealed[] = [];
    const send = async (sealed: Sealed): Promise<void> => {
      this.blocks++;
      await stream.publish({ ...sealed, signer: "", clockOffsetMs: 0 });
    };
    for (const plan of this.#plans) {
      let number = 0;
      for (const { block, fork } of this.#blocksOf(plan)) {
        if (fork !== undefined) forks.push(fork);
        if (++number % LATE_EVERY === 0 && number / LATE_EVERY < LATE_MAX) late.push(block);
        else await send(block);
      }
    }
    for (const block of late.toReversed()) await send(block);
    await stored();
    for (const fork of forks) await send(fork);
    await stored();
    this.forks = forks.length;
    this.rows.sort(compareRows);
  }

  /** Each block, some with another one that has its numbers, too. */
  *#blocksOf(plan: HostPlan): Generator<{ block: Sealed; fork: Sealed | undefined }, void> {
    const work = plan.work === "recorded" ? recorded() : readTrail(plan.work);
    const count = Math.ceil(plan.events / plan.blockEvents);
    let previous: Uint8Array = new Uint8Array(0);
    for (let number = 0; number < count; number++) {
      const firstSeq = BigInt(number * plan.blockEvents);
      const about = { plan, work, firstSeq, previous };
      const span = this.#spanOf(number, count);
      const { sealed, headerSha256 } = this.#seal({ ...about, ...span }, plan.blockEvents);
      previous = headerSha256;
      let fork: Sealed | undefined;
      if (number % FORK_EVERY === FORK_EVERY - 1) {
        const others = this.#random.next(plan.blockEvents) + 1;
        const shift = BigInt(this.#random.next(plan.blockEvents));
        fork = this.#seal({ ...about, ...span, firstSeq: firstSeq + shift, isFork: true }, others).sealed;
      }
      yield { block: sealed, fork };
    }
  }

  /** When the events of a block happened: a little longer than until the next one begins, and most often within one day. */
  #spanOf(number: number, count: number): { fromNano: bigint; spanNano: bigint } {
    const step = (DAYS * DAY_NANO) / BigInt(count);
    let fromNano = this.startNano + BigInt(number) * step;
    const spanNano = step * 3n < DAY_NANO / 8n ? step * 3n : DAY_NANO / 8n;
    const midnight = fromNano - (fromNano % DAY_NANO) + DAY_NANO;
    if (number % MIDNIGHT_EVERY === MIDNIGHT_EVERY - 1) fromNano = midnight - spanNano / 2n;
    else if (fromNano + spanNano >= midnight) fromNano = midnight - spanNano - 1n;
    return { fromNano, spanNano };
  }

  #seal(
    about: {
      plan: HostPlan;
      work: readonly Event[];
      firstSeq: bigint;
      previous: Uint8Array;
      fromNano: bigint;
      spanNano: bigint;
      isFork?: boolean;
    },
    count: number,
  ): { sealed: Sealed; headerSha256: Uint8Array } {
    const { plan, work, firstSeq, previous, fromNano, spanNano, isFork = false } = about;
    const hostId = hostIdOf(plan.name);
    const from = this.#random.next(work.length);
    const events = Array.from({ length: count }, (_, at) => {
      const event = work[(from + at) % work.length] as Event;
      return this.#moved(event, plan, fromNano + (spanNano * BigInt(at)) / BigInt(count), spanNano);
    });
    const header = { hostId, epoch: 1n, firstSeq, bootId: "", agentVersion: "0", flags: 0 };
    const block = sealBlock(events, { ...header, previousHeaderSha256: previous }, nodePrimitives, sign);
    const headerSha256 = Buffer.from(block.headerSha256).toString("hex");
    // What was sealed a second time is kept under an epoch that its hash gives it.
    const epoch = isFork ? BigInt(`0x${headerSha256.slice(0, 16)}`) : 1n;
    for (const [at, event] of events.entries()) this.rows.push(named(event, hostId, epoch, firstSeq + BigInt(at)));
    const id = eventId(hostId, 1n, firstSeq);
    const sealed = { hostId, hostName: plan.name, id, headerSha256, bytes: block.bytes };
    return { sealed, headerSha256: block.headerSha256 };
  }

  /** At another time: most often at a whole second, so that many are of the same moment, and not always after the one before. */
  #moved(event: Event, { name, env }: HostPlan, timeNano: bigint, spanNano: bigint): Event {
    const jitter = (spanNano * BigInt(this.#random.next(100))) / 1000n;
    const second = 1_000_000_000n;
    const exact = timeNano - jitter > timeNano - (timeNano % DAY_NANO) ? timeNano - jitter : timeNano;
    const timeUnixNano = this.#random.next(3) === 0 ? exact : exact - (exact % second);
    const labels = [{ key: "env", value: env }];
    const host = { ...(event.host ?? EMPTY.host), id: hostIdOf(name), name, labels } as Event["host"];
    return { ...event, event: { ...(event.event ?? EMPTY.event), timeUnixNano } as Event["event"], host };
  }
}

/** The event as it is given out: its id and number follow from its place. */
function named(event: Event, hostId: string, epoch: bigint, sequence: bigint): Event {
  return { ...event, id: eventId(hostId, epoch, sequence), event: { ...event.event, sequence } as Event["event"] };
}

const EMPTY = Event.fromPartial({ event: {}, host: {} });

function compareRows(a: Event, b: Event): number {
  const [one, other] = [timeOf(a), timeOf(b)];
  if (one !== other) return one < other ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

export function timeOf({ event }: Event): bigint {
  return event?.timeUnixNano ?? 0n;
}

function hostIdOf(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}

/** What was recorded for rules, one after the other. */
function recorded(): Event[] {
  return readdirSync(RECORDED).flatMap((rule) => {
    const folder = new URL(`${rule}/`, RECORDED);
    return readdirSync(folder)
      .filter((name) => name.endsWith(".log"))
      .flatMap((name) => eventsOfLog(readFileSync(new URL(name, folder), "latin1")));
  });
}
