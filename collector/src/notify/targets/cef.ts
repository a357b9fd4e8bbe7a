/** Notices as lines of ArcSight's Common Event Format. */
import { cefAlert, cefLine, type Pair } from "../../cef/index.ts";
import { type Notice, type SeverityName, severityOf } from "../notice.ts";
import { eventLines, heldBackText, titleOf } from "../text.ts";

const SEVERITY: Readonly<Record<SeverityName, number>> = { informational: 1, low: 3, medium: 5, high: 8, critical: 10 };

/** At most so many bytes: what does not fit is left out, the least important first. */
export function cefMessage(notice: Notice, bytesMax: number): string {
  const { id, kind, alert, actor, link, timeMs, heldBack } = notice;
  const others: Pair[] = heldBack === undefined ? [] : [["cs4", heldBackText(heldBack), "heldBack"]];
  if (alert !== undefined) {
    const message = eventLines(notice).join("; ");
    return cefAlert({ alert, change: kind, timeMs, actor, link, message, others }, bytesMax);
  }
  const head = { signature: kind, name: titleOf(notice), severity: SEVERITY[severityOf(notice)] };
  return cefLine(head, [["cs1", id, "noticeId"], ["act", kind], ["rt", String(timeMs)], ...others], bytesMax);
}
