/** Changes of alerts as they happen, for those who watch. */
import { type handleServerStreamingCall, Metadata, type ServerWritableStream, status } from "@grpc/grpc-js";
import { isHostId } from "@hosttrail/lib/block";
import type { Logger } from "@hosttrail/lib/log";
import { AlertChange, Severity, WatchAlertsRequest, type WatchAlertsResponse } from "@hosttrail/proto/alert";
import type { HostSet } from "../access/index.ts";
import { type Gate, invalidField, type Visit } from "../serve/index.ts";
import { isVisible } from "../work/index.ts";
import type { AlertNews } from "./stores.ts";

type Call = ServerWritableStream<WatchAlertsRequest, WatchAlertsResponse>;

/** How often the rights of a watcher are looked at again. */
const RIGHTS_INTERVAL_MS = 2000;

export class AlertWatches {
  readonly #news: Pick<AlertNews, "tapAlerts">;
  readonly #gate: Gate;
  readonly #logger: Logger;
  readonly #calls = new Set<Call>();

  constructor(news: Pick<AlertNews, "tapAlerts">, gate: Gate, logger: Logger) {
    this.#news = news;
    this.#gate = gate;
    this.#logger = logger;
  }

  readonly watch: handleServerStreamingCall<WatchAlertsRequest, WatchAlertsResponse> = (call) => {
    this.#watch(call).catch((error: unknown) => call.emit("error", this.#gate.explain(call.getPath(), error)));
  };

  async #watch(call: Call): Promise<void> {
    const visit = await this.#gate.enter(call);
    checkRequest(call.request);
    // The beginning is recorded as well: a watch that goes on for days must not be unknown for so long.
    await this.#gate.record(call, visit.caller, WatchAlertsRequest, 0, status.OK);
    if (call.cancelled) return;
    const watcher = new Watcher(call, visit.hosts);
    const tap = this.#news.tapAlerts((bytes) => watcher.take(bytes));
    this.#calls.add(call);
    // Rights may end, and hosts may come, while somebody watches.
    const look = setInterval(() => {
      this.#gate.enter(call).then(
        ({ hosts }) => {
          watcher.hosts = hosts;
        },
        (error: unknown) => {
          close();
          call.emit("error", this.#gate.explain(call.getPath(), error));
        },
      );
    }, RIGHTS_INTERVAL_MS);
    const close = (): void => {
      tap.close();
      clearInterval(look);
      if (this.#calls.delete(call)) this.#ended(call, visit, watcher.results);
    };
    call.on("cancelled", close);
    call.on("close", close);
    // Callers know from the headers that they will miss nothing from now on.
    call.sendMetadata(new Metadata());
  }

  #ended(call: Call, { caller }: Visit, results: number): void {
    this.#gate.count(call.getPath(), status.OK);
    this.#gate.record(call, caller, WatchAlertsRequest, results, status.OK).catch((error: unknown) => {
      this.#logger.error({ error: String(error), caller: caller.name, results }, "a watch is not recorded");
    });
  }

  close(): void {
    for (const call of this.#calls) call.end();
  }
}

function checkRequest({ hostId, severityMin }: WatchAlertsRequest): void {
  if (hostId !== "" && !isHostId(hostId)) throw invalidField("host_id", hostId, "32 lower case hex digits");
  if (!(severityMin >= Severity.UNSPECIFIED && severityMin <= Severity.CRITICAL))
    throw invalidField("severity_min", severityMin, "0 to 5");
}

/** Writes what one caller asked for, and counts what it reads too slowly for. */
class Watcher {
  hosts: HostSet;
  results = 0;
  readonly #call: Call;
  #dropped = 0n;

  constructor(call: Call, hosts: HostSet) {
    this.#call = call;
    this.hosts = hosts;
  }

  take(bytes: Uint8Array): void {
    const change = changeOf(bytes);
    if (change?.alert === undefined || !this.#isWanted(change.alert)) return;
    if (this.#call.writableNeedDrain) {
      this.#dropped++;
      return;
    }
    this.results++;
    this.#call.write({ change: { ...change, alert: { ...change.alert, events: [] } }, dropped: this.#dropped });
    this.#dropped = 0n;
  }

  #isWanted(alert: NonNullable<AlertChange["alert"]>): boolean {
    const { severityMin, hostId } = this.#call.request;
    if ((alert.rule?.severity ?? Severity.UNSPECIFIED) < severityMin || !isVisible(alert, this.hosts)) return false;
    return hostId === "" || alert.hosts.some(({ id }) => id === hostId);
  }
}

/** Undefined for what is none of ours: anybody on NATS may publish there. */
function changeOf(bytes: Uint8Array): AlertChange | undefined {
  try {
    return AlertChange.decode(bytes);
  } catch {
    return undefined;
  }
}
