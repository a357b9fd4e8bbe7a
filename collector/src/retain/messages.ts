/** What the API says of policies, holds and drops. */
import { hex64 } from "@hosttrail/lib/block";
import {
  type DroppedEpoch,
  DropState,
  type Hold,
  type PlannedDay as PlannedDayMessage,
  type PolicyForecast,
  RetentionKind as KindNumber,
  type RetentionPolicy as PolicyMessage,
} from "@hosttrail/proto/retention";
import type { Drop, LegalHold, RetentionKind, RetentionPolicy } from "../model/index.ts";
import { timestampOf } from "../serve/index.ts";
import type { PlannedDay, PolicySums } from "./plan.ts";

const KINDS: readonly (readonly [RetentionKind, KindNumber])[] = [
  ["events", KindNumber.EVENTS],
  ["alerts", KindNumber.ALERTS],
  ["api-audit", KindNumber.API_AUDIT],
  ["detection-gaps", KindNumber.DETECTION_GAPS],
];
const STATES: Readonly<Record<Drop["state"], DropState>> = {
  noted: DropState.NOTED,
  done: DropState.DONE,
  withdrawn: DropState.WITHDRAWN,
};
const NANOS_OF_MS = 1_000_000n;

/** Undefined for a number that is no kind. */
export function kindOf(number: KindNumber): RetentionKind | undefined {
  return KINDS.find(([, each]) => each === number)?.[0];
}

export function toPolicy({ kind, labels, severityMin, updateMs, ...rest }: RetentionPolicy): PolicyMessage {
  const number = KINDS.find(([each]) => each === kind)?.[1] ?? KindNumber.UNSPECIFIED;
  const severity = severityMin as PolicyMessage["severityMin"];
  return { ...rest, kind: number, labels: { ...labels }, severityMin: severity, updateTime: timestampOf(updateMs) };
}

export function toHold({ hostIds, labels, createMs, releaseMs, ...rest }: LegalHold): Hold {
  const times = { createTime: timestampOf(createMs), releaseTime: timestampOf(releaseMs) };
  return { ...rest, hostIds: [...hostIds], labels: { ...labels }, ...times };
}

export function toDay({ hostId, place, events, blocks, bytes, policy, ...rest }: PlannedDay): PlannedDayMessage {
  return {
    hostId,
    day: place,
    events: BigInt(events),
    blocks: BigInt(blocks),
    bytes: BigInt(bytes),
    policy,
    keepUntilTime: Number.isNaN(rest.keepUntilMs) ? undefined : timestampOf(rest.keepUntilMs),
    holdId: rest.holdId,
    dropTime: timestampOf(rest.dropMs),
  };
}

export function toForecast({ policy, keepDays, days, ...counts }: PolicySums): PolicyForecast {
  return {
    policy,
    keepDays,
    days,
    hosts: BigInt(counts.hosts),
    events: BigInt(counts.events),
    bytes: BigInt(counts.bytes),
    bytesADay: BigInt(counts.bytesADay),
    bytesWhenFull: BigInt(counts.bytesWhenFull),
  };
}

export function toDropped(drop: Drop): DroppedEpoch {
  const { hostId, place, epoch, ranges, policy, keepDays, actor, state } = drop;
  return {
    hostId,
    day: place,
    epoch: hex64(epoch),
    firstSeq: ranges[0]?.first ?? 0n,
    lastSeq: (ranges.at(-1)?.next ?? 1n) - 1n,
    firstEventTime: timestampOf(Number(drop.firstTimeNano / NANOS_OF_MS)),
    lastEventTime: timestampOf(Number(drop.lastTimeNano / NANOS_OF_MS)),
    blocks: BigInt(drop.blocks),
    events: BigInt(drop.events),
    bytes: BigInt(drop.bytes),
    policy,
    keepDays,
    actor,
    dropTime: timestampOf(drop.timeMs),
    state: STATES[state],
  };
}
