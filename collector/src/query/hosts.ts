/** Hosts as callers see them. */
import type { HostRecord } from "@hosttrail/proto/query";
import type { HostArrival, HostDocument } from "../model/index.ts";
import { timestampOf } from "../scan/index.ts";
import { timestampOf as timestampOfMs } from "../serve/index.ts";
import { HOLE_GRACE_MS, missingEvents } from "../trail/index.ts";

export function recordOf(host: HostDocument, arrival: HostArrival | undefined): HostRecord {
  const { firstEventNano, lastEventNano, lastReceivedMs, clockOffsetMs, faults, trail } = host;
  const { hostId, name, bootId, agentVersion, kernel, osName, osVersion, architecture } = host;
  return {
    hostId,
    name,
    bootId,
    agentVersion,
    kernel,
    osName,
    osVersion,
    architecture,
    firstEventTime: timestampOf(firstEventNano),
    lastEventTime: timestampOf(lastEventNano),
    lastReceiveTime: timestampOf(BigInt(lastReceivedMs) * 1_000_000n),
    clockOffsetMs: BigInt(clockOffsetMs),
    spec: arrival?.spec ?? "",
    enrollTime: timestampOfMs(arrival?.enrollMs ?? 0),
    firstReceiveTime: timestampOfMs(host.firstReceivedMs),
    firstAlertTime: timestampOfMs(arrival?.firstAlertMs ?? 0),
    faults: {
      forkedBlocks: BigInt(faults.forkedBlocks),
      brokenLinks: BigInt(faults.brokenLinks),
      missingEvents: missingEvents(trail, Date.now(), HOLE_GRACE_MS),
      outsideBlocks: BigInt(faults.outsideBlocks),
      deadBlocks: BigInt(faults.deadBlocks),
    },
  };
}
