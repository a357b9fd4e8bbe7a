/** `hosttrail ledger`: whether all that hosts recorded is where it should be. */
import {
  AgentCounts,
  GetLedgerRequest,
  Ledger,
  LedgerInterval,
  type LedgerReason,
  LedgerReasonKind,
  type LedgerServiceClient,
  LedgerState,
  type LedgerStretch,
  ListLedgersRequest,
  type ListLedgersResponse,
  TrailCounts,
} from "@hosttrail/proto/ledger";
import type { Budget } from "@hosttrail/proto/scan";
import { call } from "../call.ts";
import type { Output, Tone } from "../output/index.ts";
import { type Scope, tellLack } from "../question/index.ts";
import { printable, timeOf } from "../text.ts";
import { line } from "./line.ts";

const INTERVALS: Readonly<Record<string, LedgerInterval>> = {
  minute: LedgerInterval.MINUTE,
  hour: LedgerInterval.HOUR,
  day: LedgerInterval.DAY,
};

export const INTERVAL_NAMES: readonly string[] = Object.keys(INTERVALS);

const STATES: Readonly<Record<LedgerState, readonly [word: string, tone: Tone | undefined]>> = {
  [LedgerState.UNSPECIFIED]: ["unknown", undefined],
  [LedgerState.BALANCED]: ["balanced", undefined],
  [LedgerState.OPEN]: ["open", undefined],
  [LedgerState.LOSS]: ["loss", "yellow"],
  [LedgerState.UNBALANCED]: ["unbalanced", "red"],
};

const REASONS: Readonly<Record<LedgerReasonKind, string>> = {
  [LedgerReasonKind.UNSPECIFIED]: "for a reason that this program does not know",
  [LedgerReasonKind.KERNEL_LOST]: "lost by the kernel",
  [LedgerReasonKind.SERIAL_GAPS]: "numbered by the kernel, and never came",
  [LedgerReasonKind.OVERRUNS]: "times that the receive buffer was too small",
  [LedgerReasonKind.UNREADABLE]: "records that could not be read",
  [LedgerReasonKind.UNREAD_FILES]: "files that could not be read to their end",
  [LedgerReasonKind.FILTERED]: "left out by the governor",
  [LedgerReasonKind.FAILED]: "lost by a mistake of the agent",
  [LedgerReasonKind.EVICTED]: "given up by the agent",
  [LedgerReasonKind.QUARANTINED]: "in the agent's quarantine",
  [LedgerReasonKind.DISCARDED]: "given up by the quarantine",
  [LedgerReasonKind.DEAD]: "in the dead letters",
  [LedgerReasonKind.DEAD_DROPPED]: "dropped from the dead letters",
  [LedgerReasonKind.GONE]: "gone from the database",
  [LedgerReasonKind.NEVER_CAME]: "never stored",
  [LedgerReasonKind.UNBALANCED_AGENT]: "off in the agent's own equation",
};

export interface LedgerOptions extends Scope {
  /** Empty for none. */
  by: string;
  budget: Budget | undefined;
  /** Undefined for all hosts, and for several. */
  hostId: string | undefined;
}

const PAGE_HOSTS = 50;

/** Shows it; gives the exit status: 1 where events are lost or missing. */
export async function ledger(client: LedgerServiceClient, options: LedgerOptions, output: Output): Promise<number> {
  const found: Ledger[] = [];
  for await (const each of ledgers(client, options, output)) {
    if (output.json) output.print(line(Ledger.toJSON(each)));
    found.push(each);
  }
  if (!output.json) output.print(ledgerText(found, options, output));
  return found.some(({ state }) => state === LedgerState.LOSS || state === LedgerState.UNBALANCED) ? 1 : 0;
}

async function* ledgers(
  client: LedgerServiceClient,
  { hostId, by, hosts, ...rest }: LedgerOptions,
  output: Output,
): AsyncGenerator<Ledger> {
  const asked = { ...rest, interval: by === "" ? LedgerInterval.UNSPECIFIED : (INTERVALS[by] ?? 0) };
  if (hostId !== undefined) {
    const request = GetLedgerRequest.fromPartial({ hostId, ...asked });
    const one = await call<Ledger>((done) => client.getLedger(request, done));
    tellLack(one.completeness, output);
    yield one;
    return;
  }
  let pageToken = "";
  do {
    const request = ListLedgersRequest.fromPartial({ pageSize: PAGE_HOSTS, pageToken, hosts, ...asked });
    const page = await call<ListLedgersResponse>((done) => client.listLedgers(request, done));
    tellLack(page.completeness, output);
    yield* page.ledgers;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

function ledgerText(found: readonly Ledger[], { hostId, by }: LedgerOptions, output: Output): string {
  const [only] = found;
  const faults = found.map(faultText).filter((text) => text !== "");
  if (by !== "") {
    const rows = byStretch(found.flatMap(({ stretches }) => stretches));
    return output.table([["FROM", ...TITLES], ...rows], HIDDEN) + faults.join("");
  }
  if (hostId !== undefined && only !== undefined) return equationText(only, output) + faults.join("");
  const rows = found.map((each) => [nameOf(each), ...cellsOf(each)]);
  const all = found.length > 1 ? [["all", ...cellsOf(sumOf(found))]] : [];
  return output.table([["HOST", ...TITLES], ...rows, ...all], HIDDEN) + faults.join("");
}

const TITLES = [
  "STATE",
  "KERNEL LOST",
  "GAPS",
  "FAILED",
  "FILTERED",
  "REDACTED",
  "SPOOLED",
  "EVICTED",
  "SENT",
  "RECEIVED",
  "STORED",
  "COMPACTED",
  "DEAD",
  "DROPPED",
  "OPEN",
  "MISSING",
];
/** Left out where they do not fit. */
const HIDDEN = ["REDACTED", "COMPACTED", "SENT", "FILTERED"];

type Counted = Pick<Ledger, "state" | "agent" | "trail">;

function cellsOf({ state, agent, trail }: Counted): string[] {
  const { kernelLost, serialGaps, unreadable, failed, filtered, redacted, spooled, sent } =
    agent ?? AgentCounts.create();
  const { evicted, received, stored, compacted, dead, dropped, open, missing } = trail ?? TrailCounts.create();
  const counts = [kernelLost, serialGaps, unreadable + failed, filtered, redacted, spooled, evicted, sent];
  const collected = [received, stored, compacted, dead, dropped, open, missing];
  return [STATES[state]?.[0] ?? "unknown", ...[...counts, ...collected].map(String)];
}

/** The worst of their states, and the sums of their counts. */
function sumOf(some: readonly Counted[]): Counted {
  const agent = AgentCounts.create();
  const trail = TrailCounts.create();
  let state: LedgerState = LedgerState.BALANCED;
  for (const each of some) {
    if (each.state > state) state = each.state;
    add(agent, each.agent);
    add(trail, each.trail);
  }
  return { state, agent, trail };
}

function add<Counts extends object>(sum: Counts, more: Counts | undefined): void {
  for (const name of Object.keys(more ?? {}) as (keyof Counts)[])
    sum[name] = ((sum[name] as bigint) + ((more as Counts)[name] as bigint)) as Counts[keyof Counts];
}

function byStretch(stretches: readonly LedgerStretch[]): string[][] {
  const groups = Map.groupBy(stretches, ({ startTime }) => timeOf(startTime));
  return Array.from(groups, ([time, list]) => [time, ...cellsOf(sumOf(list))]).sort((a, b) =>
    (a[0] ?? "") < (b[0] ?? "") ? -1 : 1,
  );
}

/** Whose term each count is, as docs/ledger.md has it. */
function equationText(found: Ledger, output: Output): string {
  const { agent = AgentCounts.create(), trail = TrailCounts.create() } = found;
  const [word, tone] = STATES[found.state] ?? ["unknown", undefined];
  const terms = (counts: Readonly<Record<string, bigint>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(" + ");
  const { kernelLost, serialGaps, overruns, unreadable, unreadFiles } = agent;
  const before = [
    `kernel lost ${kernelLost}, gaps ${serialGaps}, overruns ${overruns}`,
    `unreadable records ${unreadable}, unread files ${unreadFiles}`,
  ].join(", ");
  const { events, own, repeated, filtered, failed, held, accepted, pending, spooled, returned, acknowledged } = agent;
  const { evicted, quarantined, inSpool, redacted, sent, received } = agent;
  const { handedOut, stored, compacted, ...rest } = trail;
  const rows = [
    ["HOST", printable(nameOf(found))],
    ["STATE", tone === undefined ? word : output.paint(tone, word)],
    ["JUDGED UNTIL", timeOf(found.judgedUntilTime) || "nothing can be judged yet"],
    ["BEFORE THE AGENT", before],
    [
      "AGENT",
      `${terms({ events, own })} = ${terms({ repeated, filtered, failed, accepted })}, held ${held}, redacted ${redacted}`,
    ],
    ["", `accepted ${accepted} = spooled ${spooled}, pending ${pending}`],
    ["", `${terms({ spooled, returned })} = ${terms({ acknowledged, evicted, quarantined })}, in the spool ${inSpool}`],
    ["", `sent ${sent}, received ${received}`],
    [
      "COLLECTOR",
      `handed out ${handedOut} = stored ${stored} + ${terms(fatesOf(rest))}; of those stored ${compacted} compacted`,
    ],
    ["", `received ${trail.received}; ${found.unreported} more of which no ledger speaks`],
  ];
  return output.align(rows.map(([title = "", text = ""]) => [title, text]));
}

function fatesOf({
  dropped,
  dead,
  quarantined,
  evicted,
  open,
  missing,
}: Omit<TrailCounts, "handedOut" | "stored" | "compacted">) {
  return { dropped, dead, quarantined, evicted, open, missing };
}

function nameOf({ hostId, hostName }: Ledger): string {
  return printable(hostName === "" ? hostId : hostName);
}

/** The first minute that does not balance, and why. */
function faultText(found: Ledger): string {
  const { firstFault } = found;
  if (firstFault === undefined) return "";
  const { startTime, endTime, reasons } = firstFault;
  const lines = reasons.map((reason) => `  ${reasonText(reason)}\n`);
  return `\n${nameOf(found)}: the first fault is from ${timeOf(startTime)} to ${timeOf(endTime)}\n${lines.join("")}`;
}

function reasonText({ kind, count, detail, events }: LedgerReason): string {
  const [first] = events;
  const where = first === undefined ? "" : `, from event ${first.firstEventId} on`;
  return printable(`${count} ${REASONS[kind] ?? REASONS[LedgerReasonKind.UNSPECIFIED]}: ${detail}${where}`);
}
