/** `hosttrail timeline`: what a host's events tell as a story. */
import {
  type AnalysisServiceClient,
  GetTimelineRequest,
  Timeline,
  type TimelineEntry,
  TimelineKind,
} from "@hosttrail/proto/analysis";
import type { Budget } from "@hosttrail/proto/scan";
import { call } from "../call.ts";
import { attemptAt, Folder, foldedObject } from "../fold.ts";
import type { Output, Tone } from "../output/index.ts";
import { type Scope, tellLack } from "../question/index.ts";
import { nanosOf, printable, timeOf } from "../text.ts";
import { line } from "./line.ts";

const KINDS: Readonly<Record<string, TimelineKind>> = {
  login: TimelineKind.LOGIN,
  process: TimelineKind.PROCESS,
  file: TimelineKind.FILE,
  connection: TimelineKind.CONNECTION,
  account: TimelineKind.ACCOUNT,
  audit: TimelineKind.AUDIT,
  alert: TimelineKind.ALERT,
  other: TimelineKind.OTHER,
};

export const KIND_NAMES: readonly string[] = Object.keys(KINDS);

/** The kinds of "login,process". Throws where one is none. */
export function parseKinds(text: string): TimelineKind[] {
  if (text === "") return [];
  return text.split(",").map((name) => {
    const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
    if (kind === undefined) throw new Error(`--kinds is "${text}"; allowed are some of ${KIND_NAMES.join(",")}`);
    return kind;
  });
}

function kindName(kind: TimelineKind): string {
  return KIND_NAMES.find((name) => KINDS[name] === kind) ?? "";
}

export interface TimelineOptions extends Pick<Scope, "startTime" | "endTime"> {
  hostId: string;
  filter: string;
  kinds: readonly TimelineKind[];
  limit: number;
  budget: Budget | undefined;
}

export async function timeline(
  client: AnalysisServiceClient,
  { kinds, ...asked }: TimelineOptions,
  fold: boolean,
  output: Output,
): Promise<void> {
  const request = GetTimelineRequest.fromPartial({ ...asked, kinds: [...kinds] });
  const answer = await call<Timeline>((done) => client.getTimeline(request, done));
  output.print(output.json ? line(Timeline.toJSON(answer)) : timelineText(answer, fold, output));
  tellLack(answer.completeness, output, { limit: asked.limit });
}

/** One line an entry; looks along PATH are one. */
export function timelineText({ entries }: Timeline, fold: boolean, output: Output): string {
  const folder = new Folder<TimelineEntry>((entry) => (fold ? attemptOf(entry) : undefined));
  const lines = [...entries.flatMap((entry) => folder.add(entry, msOf(entry))), ...folder.flush()];
  const rows = lines.map(({ item, folders }) => {
    const { kind, firstTime, count, summary, userName, eventIds, alertId, outcome } = item;
    const what = folders.length > 1 ? `${item.action} ${foldedObject(item.object, folders)}` : summary;
    const times = count > 1n ? ` ×${count}` : "";
    const id = alertId || (eventIds[0] ?? "");
    return [timeOf(firstTime), kindName(kind), userName, `${what}${times}`, outcome, id].map(printable);
  });
  const text = output.table([["TIME", "KIND", "USER", "WHAT", "OUTCOME", "ID"], ...rows], ["ID"]);
  const tone: Tone = "red";
  return text
    .split("\n")
    .map((each, at) => (lines[at - 1]?.item.kind === TimelineKind.ALERT ? output.paint(tone, each) : each))
    .join("\n");
}

function msOf({ firstTime }: TimelineEntry): number {
  return firstTime === undefined ? 0 : Number(nanosOf(firstTime) / 1_000_000n);
}

function attemptOf(entry: TimelineEntry): ReturnType<typeof attemptAt> {
  const { outcome, action, processEntityId, object } = entry;
  if (outcome !== "failure" || (action !== "executed" && action !== "opened-file")) return undefined;
  return attemptAt(object, `${processEntityId}\0${action}`, msOf(entry));
}
