/**
 * Drops what is kept beside events: alerts with the copies of their events, the record of calls, times in which nobody detected. It is
 * too much to be marked one by one: so a kind is left alone until its policies, and all holds, were the same for the time for second thoughts.
 */
import type { Logger } from "@hosttrail/lib/log";
import { metrics } from "../metrics/index.ts";
import type { OtherDrop } from "../model/index.ts";
import { DAY_MS } from "./days.ts";
import { holdsDay, labelsOf, type Rules } from "./judge.ts";
import type { OldAlert, OtherArchive } from "./ports.ts";

export interface OtherParts {
  archive: OtherArchive;
  rules: Rules;
  graceMs: number;
  nowMs: number;
  mayGoOn: () => boolean;
  logger: Logger;
}

/** Read and removed together. */
const TOGETHER_MAX = 500;
/** Of each kind at a time; what is left is for the next one. */
const AT_ONCE_MAX = 50_000;

export async function dropOthers(parts: OtherParts): Promise<void> {
  await dropKind(parts, "alerts", dropAlerts);
  await dropKind(parts, "api-audit", dropAudit);
  await dropKind(parts, "detection-gaps", ({ archive, rules, nowMs }) =>
    archive.removeGaps(nowMs - rules.policies.ofKind("detection-gaps").keepDays * DAY_MS),
  );
}

async function dropKind(
  parts: OtherParts,
  kind: OtherDrop["kind"],
  drop: (parts: OtherParts) => Promise<number>,
): Promise<void> {
  const { archive, rules, graceMs, nowMs, mayGoOn, logger } = parts;
  const says = `${rules.policies.textOf(kind)} ${rules.holds.map(({ id }) => id).join(" ")}`;
  const sinceMs = await archive.settledSince(kind, says, nowMs);
  if (nowMs - sinceMs < graceMs || !mayGoOn()) return;
  const count = await drop(parts);
  if (count === 0) return;
  await archive.noteOther({ kind, timeMs: nowMs, count });
  metrics.droppedOthers.inc({ kind }, count);
  logger.info({ kind, count }, "what no policy keeps any more is dropped");
}

async function dropAlerts({ archive, rules, nowMs, mayGoOn }: OtherParts): Promise<number> {
  const beforeMs = nowMs - rules.policies.leastDays("alerts") * DAY_MS;
  const isOld = ({ timeMs, severity, hostIds }: OldAlert): boolean => {
    const { keepDays } = rules.policies.ofAlert(
      hostIds.map((hostId) => labelsOf(rules, hostId)),
      severity,
    );
    if (timeMs + keepDays * DAY_MS > nowMs) return false;
    const place = new Date(timeMs).toISOString().slice(0, 10).replaceAll("-", "");
    return !rules.holds.some((hold) => hostIds.some((hostId) => holdsDay(hold, rules, hostId, place)));
  };
  let removed = 0;
  for (let afterId = ""; removed < AT_ONCE_MAX; ) {
    const found = await archive.oldAlerts(beforeMs, afterId, TOGETHER_MAX);
    const old = found.filter(isOld);
    if (!mayGoOn()) break;
    await archive.removeAlerts(old.map(({ id }) => id));
    removed += old.length;
    if (found.length < TOGETHER_MAX) break;
    afterId = found.at(-1)?.id ?? "";
  }
  return removed;
}

async function dropAudit({ archive, rules, nowMs, mayGoOn }: OtherParts): Promise<number> {
  const beforeMs = nowMs - rules.policies.ofKind("api-audit").keepDays * DAY_MS;
  let removed = 0;
  while (removed < AT_ONCE_MAX && mayGoOn()) {
    const some = await archive.removeAudit(beforeMs, TOGETHER_MAX);
    removed += some;
    if (some < TOGETHER_MAX) break;
  }
  return removed;
}
