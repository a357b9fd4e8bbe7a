/** Whether a host reports, and what is wrong with its trail. */
import type { VNode } from "preact";
import type { HostRecord } from "../api/index.ts";
import { linkTo } from "../route/index.ts";
import { Badge, Text, type Tone } from "../show/index.ts";
import { countText, shortId } from "../text/index.ts";
import { durationText, msOf } from "../time/index.ts";

/** Agents tell their ledger each minute, so that something comes of every host. */
const LATE_MS = 3 * 60_000;
const SILENT_MS = 15 * 60_000;

export type Presence = "reporting" | "late" | "silent";

export function presenceOf({ lastReceiveTime }: HostRecord, nowMs: number): Presence {
  const ms = msOf(lastReceiveTime);
  if (ms === undefined || nowMs - ms > SILENT_MS) return "silent";
  return nowMs - ms > LATE_MS ? "late" : "reporting";
}

const TONES: Readonly<Record<Presence, Tone>> = { reporting: "good", late: "warn", silent: "bad" };

export function presenceBadge(presence: Presence): VNode {
  return <Badge tone={TONES[presence]}>{presence}</Badge>;
}

/** A clock that is off by less is none to speak of. Milliseconds. */
const CLOCK_OFFSET_SHOWN_MS = 5000;

/** What is wrong with a host's trail and clock; nothing for a sound one. */
export function faultsOf({ faults, clockOffsetMs }: HostRecord): string[] {
  const told = (
    [
      [faults?.forkedBlocks, "forked blocks"],
      [faults?.brokenLinks, "broken links"],
      [faults?.missingEvents, "events missing"],
      [faults?.outsideBlocks, "blocks outside of time"],
      [faults?.deadBlocks, "dead blocks"],
    ] as const
  ).flatMap(([count, what]) => (Number(count ?? 0) > 0 ? [`${countText(count)} ${what}`] : []));
  const offsetMs = Number(clockOffsetMs ?? 0);
  if (Math.abs(offsetMs) > CLOCK_OFFSET_SHOWN_MS)
    told.push(`clock ${durationText(offsetMs)} ${offsetMs > 0 ? "ahead" : "behind"}`);
  return told;
}

/** A host by its name, at a moment where one is given. */
export function HostLink({
  id,
  name,
  at,
}: {
  id: string | undefined;
  name?: string | undefined;
  at?: string | undefined;
}): VNode {
  if (id === undefined || id === "") return <span class="faint">–</span>;
  return (
    <a href={linkTo(`/hosts/${id}`, { at })}>
      <Text of={name || shortId(id)} />
    </a>
  );
}
