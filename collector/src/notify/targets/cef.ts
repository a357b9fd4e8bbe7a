/** Alerts as lines of ArcSight's Common Event Format, version 0 of the format (Implementing ArcSight CEF, revision 25). */
import { millisOf, type Notice, type SeverityName, severityOf } from "../notice.ts";
import { eventLines, heldBackText, line, shorten, titleOf } from "../text.ts";

const SEVERITY: Readonly<Record<SeverityName, number>> = { informational: 1, low: 3, medium: 5, high: 8, critical: 10 };
const NAME_LENGTH_MAX = 512;
const VALUE_LENGTH_MAX = 1000;

/** Of a header's field: a pipe would end it. There are no line ends left in a visible text. */
export function cefHeader(text: string): string {
  return line(text, NAME_LENGTH_MAX).replaceAll(/[\\|]/g, String.raw`\$&`);
}

/** Of an extension's value: an equals sign would begin the next one. */
export function cefValue(text: string): string {
  return line(text, VALUE_LENGTH_MAX).replaceAll(/[\\=]/g, String.raw`\$&`);
}

/** At most so many bytes: pairs that do not fit are left out, the last ones first. */
export function cefMessage(notice: Notice, bytesMax: number): string {
  const { alert, kind } = notice;
  const head = [
    "CEF:0",
    "Hosttrail",
    "Hosttrail",
    "1",
    alert === undefined ? kind : (alert.rule?.key ?? ""),
    titleOf(notice),
    String(SEVERITY[severityOf(notice)]),
  ];
  let message = `${head.map((field, at) => (at === 0 ? field : cefHeader(field))).join("|")}|`;
  let bytes = Buffer.byteLength(message);
  for (const [key, value] of pairsOf(notice)) {
    if (value === "") continue;
    const pair = `${message.endsWith("|") ? "" : " "}${key}=${cefValue(value)}`;
    bytes += Buffer.byteLength(pair);
    if (bytes > bytesMax) break;
    message += pair;
  }
  return message;
}

/** The most important first. */
function pairsOf(notice: Notice): [string, string][] {
  const { id, kind, alert, actor, link, timeMs, heldBack } = notice;
  const pairs: [string, string][] = [
    ["externalId", alert?.id ?? id],
    ["act", kind],
    ["rt", String(timeMs)],
  ];
  if (heldBack !== undefined) pairs.push(["cs1Label", "heldBack"], ["cs1", heldBackText(heldBack)]);
  if (alert === undefined) return pairs;
  const [host] = alert.hosts;
  const [event] = alert.events;
  pairs.push(
    ["dvchost", host?.name ?? ""],
    ["deviceExternalId", host?.id ?? ""],
    ["cnt", String(alert.count)],
    ["start", String(millisOf(alert.firstEventTime))],
    ["end", String(millisOf(alert.lastEventTime))],
    ["cat", alert.rule?.ruleset ?? ""],
    ["suser", event?.user?.name ?? ""],
    ["sproc", event?.process?.executable ?? ""],
    ["spid", event?.process === undefined ? "" : String(event.process.pid)],
    ["fname", event?.files[0]?.path ?? ""],
    ["dst", event?.destination?.ip ?? ""],
    ["dpt", (event?.destination?.port ?? 0) === 0 ? "" : String(event?.destination?.port)],
    ["cs2Label", "tags"],
    ["cs2", (alert.rule?.tags ?? []).join(",")],
    ["cs3Label", "actor"],
    ["cs3", actor],
    ["cs4Label", "link"],
    ["cs4", link],
    ["msg", shorten(eventLines(notice).join("; "), VALUE_LENGTH_MAX)],
  );
  return pairs;
}
