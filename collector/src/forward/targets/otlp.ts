/** A receiver of OTLP logs over HTTP (https://opentelemetry.io/docs/specs/otlp/): a collector of OpenTelemetry, and what else speaks so. */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { Alert } from "@hosttrail/proto/alert";
import type { Event } from "@hosttrail/proto/event";
import { ForwardError } from "../failure.ts";
import type { Batch, BatchName, Target } from "../ports.ts";
import { decodeResponse, encodeRequest, type LogRecord, type ResourceRecords } from "./otlpencode.ts";
import { type Answer, post, type PostOptions } from "./post.ts";
import { type AboutHost, recordOfAlert, recordOfEvent } from "./records.ts";

export interface OtlpOptions extends PostOptions {
  version: string;
  /** An event in the format of the target. */
  textOf: (event: Event) => string;
  told: (bytes: number) => void;
  /** Records that the receiver will never take, and what it says. */
  refused: (records: number, reason: string) => void;
}

interface Row {
  host: AboutHost;
  record: LogRecord;
}

/** Of one request, before it is compressed; receivers bound it, mostly by more. */
const REQUEST_CHARACTERS_MAX: number = 2 * 1024 * 1024;
/** What a record has beside its body, about. */
const RECORD_CHARACTERS = 512;
const MS_NANO = 1_000_000n;
const REASON_LENGTH_MAX = 300;
/** What a receiver answers to what it will never take: it is no request that it understands, or it is too large. */
const REFUSALS: ReadonlySet<number> = new Set([400, 413, 422]);
const compress = promisify(gzip);

export class OtlpTarget implements Target {
  readonly #options: OtlpOptions;
  /** It has taken something, so that what it refuses is the fault of that. */
  #hasTaken = false;

  constructor(options: OtlpOptions) {
    this.#options = options;
  }

  openEvents({ timeMs }: BatchName, signal: AbortSignal): Batch<Event> {
    const observedNano = BigInt(timeMs) * MS_NANO;
    return this.#batch((event) => recordOfEvent(event, this.#options.textOf(event), observedNano), signal);
  }

  openAlerts({ timeMs }: BatchName, signal: AbortSignal): Batch<Alert> {
    const observedNano = BigInt(timeMs) * MS_NANO;
    return this.#batch((alert) => recordOfAlert(alert, JSON.stringify(Alert.toJSON(alert)), observedNano), signal);
  }

  #batch<Item>(rowOf: (item: Item) => Row, signal: AbortSignal): Batch<Item> {
    return {
      write: async (items) => {
        for (const rows of requestsOf(items.map(rowOf))) await this.#send(rows, signal);
      },
      end: async () => undefined,
      drop: async () => undefined,
    };
  }

  /** What is refused is sent in ever smaller parts, so that one record that is refused costs no other. */
  async #send(rows: readonly Row[], signal: AbortSignal): Promise<void> {
    try {
      await this.#sendOnce(rows, signal);
    } catch (error) {
      if (!(error instanceof ForwardError) || !error.isRefusal) throw error;
      if (rows.length > 1) {
        const half = Math.ceil(rows.length / 2);
        await this.#send(rows.slice(0, half), signal);
        await this.#send(rows.slice(half), signal);
        return;
      }
      // One that takes nothing at all is no receiver of OTLP: then nothing is given up.
      if (!this.#hasTaken) await this.#sendOnce([], signal);
      this.#options.refused(1, error.message);
    }
  }

  async #sendOnce(rows: readonly Row[], signal: AbortSignal): Promise<void> {
    const { version, told, refused } = this.#options;
    const body = await compress(encodeRequest(resourcesOf(rows), { name: "hosttrail", version }));
    const headers = { "content-type": "application/x-protobuf", "content-encoding": "gzip" };
    const answer = await post(this.#options, headers, body, signal);
    this.#check(answer);
    this.#hasTaken = true;
    told(body.length);
    const { rejected, reason } = decodeResponse(answer.body);
    // By the protocol these are not to be sent again.
    if (rejected > 0) refused(Math.min(rejected, rows.length), reason.slice(0, REASON_LENGTH_MAX));
  }

  #check({ status, body, retryAfterMs }: Answer): void {
    if (status >= 200 && status < 300) return;
    const isText = /^[\x20-\x7e\s]*$/.test(body.toString("latin1"));
    const said = isText ? body.toString().trim().slice(0, REASON_LENGTH_MAX) : "";
    const message = `${new URL(this.#options.url).origin} answers ${status}${said === "" ? "" : `: ${said}`}`;
    throw new ForwardError(message, { isRefusal: REFUSALS.has(status), retryAfterMs });
  }
}

/** Rows in their order, as many as fit into a request. */
function requestsOf(rows: readonly Row[]): Row[][] {
  const requests: Row[][] = [];
  let characters = Infinity;
  for (const row of rows) {
    const own = row.record.body.length + RECORD_CHARACTERS;
    if (characters + own > REQUEST_CHARACTERS_MAX) {
      requests.push([]);
      characters = 0;
    }
    requests.at(-1)?.push(row);
    characters += own;
  }
  return requests;
}

function resourcesOf(rows: readonly Row[]): ResourceRecords[] {
  const byHost = Map.groupBy(rows, ({ host }) => `${host.id} ${host.name}`);
  return Array.from(byHost.values(), (own) => {
    const { id = "", name = "" } = own[0]?.host ?? {};
    const attributes = [
      ["service.name", "hosttrail"],
      ["host.id", id],
      ["host.name", name],
    ] as const;
    return { attributes: attributes.filter(([, value]) => value !== ""), records: own.map(({ record }) => record) };
  });
}
