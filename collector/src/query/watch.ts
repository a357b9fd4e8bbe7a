/** Sends events as they arrive, to whoever watches and as long as they may. */
import { Metadata, type ServerWritableStream, status } from "@grpc/grpc-js";
import { compileFilter } from "@hosttrail/lib/predicate";
import type { Logger } from "@hosttrail/lib/log";
import { TailEventsRequest, type TailEventsResponse } from "@hosttrail/proto/query";
import type { HostSet } from "../access/index.ts";
import type { HostFinder, TimeRange } from "../ask/index.ts";
import type { Gate, Visit } from "../serve/index.ts";
import { Tail } from "./tail.ts";

/** What watching needs of the stream. */
export interface BlockTap {
  tap(hostId: string | undefined, take: (bytes: Uint8Array) => void): { close: () => void };
}

export type WatchCall = ServerWritableStream<TailEventsRequest, TailEventsResponse>;

/** How often the rights of a watcher, and the hosts that are selected, are looked at again. */
const LOOK_INTERVAL_MS = 2000;
const DAY_NANO = 86_400_000_000_000n;

export interface WatchParts {
  tap: BlockTap;
  gate: Gate;
  finder: HostFinder;
  logger: Logger;
  /** Watches that go on. */
  running: Set<WatchCall>;
}

export async function watch(parts: WatchParts, call: WatchCall): Promise<void> {
  const { gate, tap, running, logger } = parts;
  const { request } = call;
  const visit = await gate.enter(call);
  const filter = compileFilter(request.filter);
  let hosts = await selected(parts, request, visit);
  // The beginning is recorded as well: a watch that goes on for days must not be unknown for so long.
  await gate.record(call, visit.caller, TailEventsRequest, 0, status.OK);
  if (call.cancelled) return;
  let results = 0;
  const tail = new Tail(
    filter,
    {
      full: () => call.writableNeedDrain,
      write: (response) => {
        results += response.events.length;
        call.write(response);
      },
    },
    (host) => hosts?.has(host) !== false,
  );
  const tapping = tap.tap(request.hostId || undefined, (bytes) => tail.take(bytes));
  running.add(call);
  // Rights may end, and hosts may come, while somebody watches.
  const look = async (): Promise<void> => {
    const now = await gate.enter(call);
    hosts = await selected(parts, request, now).catch(() => within(hosts, now.hosts));
  };
  const looking = setInterval(() => {
    look().catch((error: unknown) => {
      close();
      call.emit("error", gate.explain(call.getPath(), error));
    });
  }, LOOK_INTERVAL_MS);
  const close = (): void => {
    tapping.close();
    clearInterval(looking);
    if (!running.delete(call)) return;
    gate.count(call.getPath(), status.OK);
    gate.record(call, visit.caller, TailEventsRequest, results, status.OK).catch((error: unknown) => {
      logger.error({ error: String(error), caller: visit.caller.name, results }, "a watch is not recorded");
    });
  };
  call.on("cancelled", close);
  call.on("close", close);
  // Callers know from the headers that they will miss nothing from now on.
  call.sendMetadata(new Metadata());
}

/** By the names that hosts have these days. */
async function selected({ finder }: WatchParts, request: TailEventsRequest, { hosts }: Visit): Promise<HostSet> {
  const nowNano = BigInt(Date.now()) * 1_000_000n;
  const range: TimeRange = { startNano: nowNano - DAY_NANO, endNano: nowNano + DAY_NANO };
  return await finder.select(request, hosts, range);
}

/** What is left of the hosts where the selector cannot be asked again now. */
function within(hosts: HostSet, visible: HostSet): HostSet {
  if (hosts === undefined || visible === undefined) return hosts ?? visible;
  return new Set([...hosts].filter((id) => visible.has(id)));
}
