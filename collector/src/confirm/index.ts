/**
 * Tells hosts whether their canary has arrived: read back from the database, so that "stored" is seen and not believed. A host is
 * told of its own events only.
 */
import { type handleUnaryCall, type ServiceError, status } from "@grpc/grpc-js";
import { BlockError } from "@hosttrail/lib/block";
import { compileFilter, type Filter } from "@hosttrail/lib/predicate";
import type { Logger } from "@hosttrail/lib/log";
import type { Event } from "@hosttrail/proto/event";
import type { Canary, GetCanaryRequest } from "@hosttrail/proto/ingest";
import type { HistoryQuery, OpenUnit, Reading, Unit } from "../history/index.ts";
import { PeerError, peerOf, serviceError } from "../serve/index.ts";

/** What the step needs of history. */
export interface CanarySource {
  begin(query: HistoryQuery): Promise<Reading>;
  mayMatch(unit: Unit, filter: Filter): Promise<boolean>;
  open(unit: Unit): Promise<OpenUnit>;
}

const NANO = 1_000_000_000n;
const ACTION = "proved-arrival";
const RECORD = "HOSTTRAIL_CANARY";
const NONCE = /^[0-9a-f]{32}$/;
const FILTER = compileFilter(`event.action = ${ACTION}`);
/** A canary older than this proves nothing about now. */
const AGE_NANO = 3_600_000_000_000n;
/** Clocks of hosts may be ahead. */
const AHEAD_NANO = AGE_NANO;
/** Payloads that one call opens, and calls that are answered at once, at most. */
const PAYLOADS_MAX = 64;
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
    const reading = await this.#source.begin({
      hosts: new Set([hostId]),
      startNano: nowNano - AGE_NANO,
      endNano: nowNano + AHEAD_NANO,
    });
    let opened = 0;
    for (const day of reading.days.slice(0, DAYS_MAX)) {
      for (const unit of await reading.units(day)) {
        if (!(await this.#source.mayMatch(unit, FILTER))) continue;
        if (++opened > PAYLOADS_MAX) return undefined;
        const canary = await this.#canaryIn(unit, nonce);
        if (canary !== undefined) return canary;
      }
    }
    return undefined;
  }

  async #canaryIn(unit: Unit, nonce: string): Promise<Canary | undefined> {
    try {
      const { events } = await this.#source.open(unit);
      for (const index of FILTER.match(events)) {
        const canary = toCanary(events.event(index), unit.hostId);
        if (canary?.nonce === nonce) return canary;
      }
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      this.#logger.error({ payload: unit.id, code: error.code }, "history is damaged");
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
