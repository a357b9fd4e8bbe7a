/**
 * Tells hosts whether their canary has arrived: read back from the database, so that "stored" is seen and not believed. A host is
 * told of its own events only.
 */
import { type handleUnaryCall, type ServiceError, status } from "@grpc/grpc-js";
import { BlockError, FLAG_CANARY, openBlock, parseBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { Logger } from "@hosttrail/lib/log";
import type { Event } from "@hosttrail/proto/event";
import type { Canary, GetCanaryRequest } from "@hosttrail/proto/ingest";
import { PeerError, peerOf, serviceError } from "../serve/index.ts";

/** What the step needs of the database. */
export interface CanarySource {
  days(): Promise<string[]>;
  findBlocks(query: {
    day: string;
    hostIds: readonly string[];
    startNano: bigint;
    endNano: bigint;
    terms: readonly { field: string; term: string }[];
  }): AsyncGenerator<{ id: string; bytes: Uint8Array }>;
}

const NANO = 1_000_000_000n;
const ACTION = "proved-arrival";
const RECORD = "HOSTTRAIL_CANARY";
const NONCE = /^[0-9a-f]{32}$/;
/** A canary older than this proves nothing about now. */
const AGE_NANO = 3_600_000_000_000n;
/** Clocks of hosts may be ahead. */
const AHEAD_NANO = AGE_NANO;
/** Blocks that one call opens, and calls that are answered at once, at most. */
const BLOCKS_MAX = 64;
const CALLS_MAX = 64;
/** Newest days that an hour of either side can touch. */
const DAYS_MAX = 3;

export class Confirmation {
  readonly #source: CanarySource;
  readonly #logger: Logger;
  #calls = 0;

  constructor(source: CanarySource, logger: Logger) {
    this.#source = source;
    this.#logger = logger;
  }

  readonly getCanary: handleUnaryCall<GetCanaryRequest, Canary> = (call, callback): void => {
    let hostId: string;
    try {
      hostId = peerOf(call).name;
    } catch (error) {
      if (!(error instanceof PeerError || error instanceof TypeError)) throw error;
      callback(serviceError(status.PERMISSION_DENIED, "CERTIFICATE_UNSUITABLE", error.message));
      return;
    }
    void this.#answer(hostId, call.request.nonce).then(
      (canary) => callback(null, canary),
      (error: unknown) => callback(error as ServiceError),
    );
  };

  async #answer(hostId: string, nonce: string): Promise<Canary> {
    if (!NONCE.test(nonce))
      throw serviceError(status.INVALID_ARGUMENT, "NONCE_INVALID", "nonce must be 32 lower case hex digits");
    if (this.#calls >= CALLS_MAX)
      throw serviceError(status.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS", "too many hosts ask at once", {}, 1000);
    this.#calls++;
    try {
      const canary = await this.#find(hostId, nonce);
      if (canary !== undefined) return canary;
    } catch (error) {
      this.#logger.warn({ host: hostId, error: String(error) }, "a canary cannot be looked up");
      throw serviceError(
        status.UNAVAILABLE,
        "DATABASE_UNAVAILABLE",
        "the database does not answer at the moment",
        {},
        1000,
      );
    } finally {
      this.#calls--;
    }
    throw serviceError(status.NOT_FOUND, "CANARY_NOT_STORED", "no such canary of this host is stored");
  }

  async #find(hostId: string, nonce: string): Promise<Canary | undefined> {
    const nowNano = BigInt(Date.now()) * 1_000_000n;
    let opened = 0;
    for (const day of (await this.#source.days()).slice(0, DAYS_MAX)) {
      const blocks = this.#source.findBlocks({
        day,
        hostIds: [hostId],
        startNano: nowNano - AGE_NANO,
        endNano: nowNano + AHEAD_NANO,
        terms: [{ field: "event.action", term: `event.action=${ACTION}` }],
      });
      for await (const { id, bytes } of blocks) {
        if (++opened > BLOCKS_MAX) return undefined;
        const canary = this.#canaryIn(id, bytes, hostId, nonce);
        if (canary !== undefined) return canary;
      }
    }
    return undefined;
  }

  #canaryIn(id: string, bytes: Uint8Array, hostId: string, nonce: string): Canary | undefined {
    try {
      const parsed = parseBlock(bytes);
      if ((parsed.header.flags & FLAG_CANARY) === 0) return undefined;
      for (const event of openBlock(parsed, nodePrimitives).events()) {
        if (event.event?.action !== ACTION) continue;
        const canary = toCanary(event, hostId);
        if (canary?.nonce === nonce) return canary;
      }
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      this.#logger.error({ block: id, code: error.code }, "a stored block cannot be read");
    }
    return undefined;
  }
}

function toCanary(event: Event, hostId: string): Canary | undefined {
  const record = event.audit?.records.find(({ typeName }) => typeName === RECORD);
  if (record === undefined) return undefined;
  const timeNano = event.event?.timeUnixNano ?? 0n;
  const value = (name: string): string => record.fields.find(({ key }) => key === name)?.value ?? "";
  return {
    hostId,
    nonce: value("nonce"),
    eventId: event.id,
    agentVersion: value("version"),
    rulesSha256: value("rules_sha256"),
    eventTime: { seconds: timeNano / NANO, nanos: Number(timeNano % NANO) },
  };
}
