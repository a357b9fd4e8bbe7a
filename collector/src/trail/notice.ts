/**
 * Events about a host's trail that the collector makes itself: the host cannot be asked to tell on itself. They stand in the host's trail
 * under an epoch that no agent has, at most one of a kind in an hour, named by kind and hour so that none is made twice.
 */
import { eventId, openBlock, type ParsedBlock, sealBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import type { Arrival } from "../model/index.ts";
import { dayOf } from "./place.ts";

const KINDS = ["forked", "broken", "gap", "outside"] as const;
export type NoticeKind = (typeof KINDS)[number];

export interface Notice {
  kind: NoticeKind;
  hostId: string;
  hostName: string;
  receivedMs: number;
  /** What is told beside it; the names become fields of a record. */
  fields: Readonly<Record<string, string>>;
}

/** Signer of blocks that the collector made. They have no signature: nobody but the collector can vouch for them. */
const COLLECTOR_SIGNER = "collector";
const HOUR_MS = 3_600_000;
const NO_SIGNATURE = new Uint8Array(64);
const encoder = new TextEncoder();

/** Under which epoch a notice of a kind stands, by its time in milliseconds. */
function noticeEpoch(hostId: string, kind: string, timeMs: number): bigint {
  const hour = Math.floor(timeMs / HOUR_MS);
  const name = nodePrimitives.sha256(encoder.encode(`${COLLECTOR_SIGNER} ${hostId} ${kind} ${hour}`));
  return new DataView(name.buffer, name.byteOffset).getBigUint64(0);
}

/** True for the one block in which this collector could have told this: nothing else may go without a signature. */
export function isNotice(parsed: ParsedBlock): boolean {
  const { block, header } = parsed;
  if (header.agentVersion !== COLLECTOR_SIGNER || header.count !== 1 || header.firstSeq !== 0n) return false;
  if (block.signature.length !== NO_SIGNATURE.length || block.signature.some((byte) => byte !== 0)) return false;
  const { event } = openBlock(parsed, nodePrimitives).event(0);
  const kind = KINDS.find((each) => event?.action === `trail-${each}`);
  if (kind === undefined || event === undefined) return false;
  return header.epoch === noticeEpoch(header.hostId, kind, Number(event.timeUnixNano / 1_000_000n));
}

/** The block of a notice's one event, as if it had arrived. */
export function noticeBlock({ kind, hostId, hostName, receivedMs, fields }: Notice): Arrival {
  const epoch = noticeEpoch(hostId, kind, receivedMs);
  const timeNano = BigInt(receivedMs) * 1_000_000n;
  const action = `trail-${kind}`;
  const entries = Object.entries(fields).map(([key, value]) => ({ key, value, valueBytes: new Uint8Array(0) }));
  const event = Event.fromPartial({
    event: { timeUnixNano: timeNano, kind: "alert", category: ["host"], type: ["info"], action, outcome: "unknown" },
    host: { id: hostId, name: hostName },
    audit: {
      records: [
        {
          typeName: `HOSTTRAIL_TRAIL_${kind.toUpperCase()}`,
          layout: entries.map(({ key }) => `${key}=`).join(" "),
          fields: entries,
        },
      ],
    },
  });
  const place = { hostId, epoch, firstSeq: 0n, bootId: "", agentVersion: COLLECTOR_SIGNER, flags: 0 };
  const sealed = sealBlock([event], { ...place, previousHeaderSha256: new Uint8Array(0) }, nodePrimitives, () =>
    NO_SIGNATURE.slice(),
  );
  return {
    id: eventId(hostId, epoch, 0n),
    place: dayOf(receivedMs),
    hostId,
    epoch,
    firstSeq: 0n,
    count: 1,
    firstTimeNano: timeNano,
    lastTimeNano: timeNano,
    receivedMs,
    chain: { hash: Buffer.from(sealed.headerSha256).toString("hex"), previous: "", status: "collector" },
    signer: COLLECTOR_SIGNER,
    bytes: sealed.bytes,
  };
}
