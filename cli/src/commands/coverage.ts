/** `hosttrail coverage`: which machines of a cloud have an agent that reports. */
import {
  Coverage,
  CoverageChange,
  type CoverageCount,
  type CoverageFilter,
  CoverageGrouping,
  CoverageInstance,
  CoverageReason,
  type CoverageServiceClient,
  CoverageState,
  GetCoverageRequest,
  ListCoverageChangesRequest,
  type ListCoverageChangesResponse,
  ListCoverageInstancesRequest,
  type ListCoverageInstancesResponse,
} from "@hosttrail/proto/coverage";
import { call } from "../call.ts";
import { parseLabels } from "../labels.ts";
import type { Output, Tone } from "../output/index.ts";
import { printable, timeOf } from "../text.ts";
import { parseTime } from "../time.ts";
import { line } from "./line.ts";

/** In the order in which they are shown: what asks for work first. */
const STATES: Readonly<Record<string, { state: CoverageState; tone?: Tone }>> = {
  "never-enrolled": { state: CoverageState.NEVER_ENROLLED, tone: "red" },
  silent: { state: CoverageState.SILENT, tone: "red" },
  "auditing-off": { state: CoverageState.AUDITING_OFF, tone: "red" },
  losing: { state: CoverageState.LOSING, tone: "red" },
  "died-unseen": { state: CoverageState.DIED_UNSEEN, tone: "red" },
  unsupported: { state: CoverageState.UNSUPPORTED, tone: "yellow" },
  late: { state: CoverageState.LATE, tone: "yellow" },
  starting: { state: CoverageState.STARTING },
  excluded: { state: CoverageState.EXCLUDED },
  stopped: { state: CoverageState.STOPPED },
  covered: { state: CoverageState.COVERED, tone: "green" },
};
export const COVERAGE_STATE_NAMES: readonly string[] = Object.keys(STATES);

/** States in which a machine is not as it should be. */
const BAD: ReadonlySet<CoverageState> = new Set([
  CoverageState.NEVER_ENROLLED,
  CoverageState.SILENT,
  CoverageState.AUDITING_OFF,
  CoverageState.LOSING,
  CoverageState.DIED_UNSEEN,
  CoverageState.UNSUPPORTED,
]);
/** Of these it is said how many of them are covered; the others need no agent, or none yet. */
const COUNTED: ReadonlySet<CoverageState> = new Set([...BAD, CoverageState.COVERED, CoverageState.LATE]);

const GROUPINGS: Readonly<Record<string, CoverageGrouping>> = {
  account: CoverageGrouping.ACCOUNT,
  region: CoverageGrouping.REGION,
  group: CoverageGrouping.GROUP,
  reason: CoverageGrouping.REASON,
};
const TAG_PREFIX = "tag:";
const PAGE_SIZE = 1000;
const NO_NAME = "(none)";

export interface CoverageSelection {
  state: readonly string[];
  account: readonly string[];
  region: readonly string[];
  group: readonly string[];
  tag: readonly string[];
  instance: readonly string[];
}

function filterOf({ state, account, region, group, tag, instance }: CoverageSelection): CoverageFilter {
  return {
    states: state.map((name) => STATES[name]?.state ?? CoverageState.UNSPECIFIED),
    accounts: [...account],
    regions: [...region],
    groups: [...group],
    tags: parseLabels(
      "--tag",
      tag.map((text) => (text.includes("=") ? text : `${text}=`)),
    ),
    instanceIds: [...instance],
  };
}

/** `by` is account, region, group, reason or tag:KEY; empty for none. Throws where it is something else. */
export function parseGrouping(by: string): { grouping: CoverageGrouping; tagKey: string } {
  if (by === "") return { grouping: CoverageGrouping.UNSPECIFIED, tagKey: "" };
  if (by.startsWith(TAG_PREFIX) && by.length > TAG_PREFIX.length)
    return { grouping: CoverageGrouping.TAG, tagKey: by.slice(TAG_PREFIX.length) };
  const grouping = GROUPINGS[by];
  if (grouping === undefined)
    throw new Error(`--by is "${by}"; it must be ${Object.keys(GROUPINGS).join(", ")} or tag:KEY`);
  return { grouping, tagKey: "" };
}

/** `hosttrail coverage aws`; gives the exit status: 1 where a machine is not as it should be. */
export async function coverage(
  client: CoverageServiceClient,
  selection: CoverageSelection,
  by: ReturnType<typeof parseGrouping>,
  output: Output,
): Promise<number> {
  const request = GetCoverageRequest.fromPartial({ filter: filterOf(selection), ...by });
  const found = await call<Coverage>((done) => client.getCoverage(request, done));
  if (output.json) output.print(line(Coverage.toJSON(found)));
  else output.print(coverageText(found, output));
  tellLacks(found, output);
  return found.counts.some(({ state }) => BAD.has(state)) ? 1 : 0;
}

function coverageText(
  { counts, groups, leftOutGroups, startTime, accounts, refusedClaims }: Coverage,
  output: Output,
): string {
  const rows = STATE_ROWS.filter(({ state }) => countOf(counts, state) > 0n).map(({ name, state, tone }) => [
    tone === undefined ? name : output.paint(tone, name),
    String(countOf(counts, state)),
  ]);
  const { covered, all } = shareOf(counts);
  const parts = [
    output.align([
      ["Looked at", timeOf(startTime)],
      ["Accounts", String(accounts.length)],
      ["Covered", all === 0n ? "no machine needs an agent" : `${covered} of ${all} (${percentOf(covered, all)})`],
    ]),
    rows.length === 0 ? "" : output.table([["STATE", "MACHINES"], ...rows]),
  ];
  if (groups.length > 0)
    parts.push(output.table([GROUP_HEADER, ...groups.map(({ name, counts: of }) => groupRow(name, of))]));
  if (leftOutGroups > 0) parts.push(`and ${leftOutGroups} more groups\n`);
  if (refusedClaims.length > 0) {
    const claims = refusedClaims.map((claim) =>
      [
        claim.hostName || claim.hostId,
        `${claim.account} ${claim.instanceId}`,
        `${claim.claimedAccount} ${claim.claimedInstanceId}`,
      ].map(printable),
    );
    parts.push(output.table([["HOST", "IS BY ITS IDENTITY", "SAYS THAT IT IS"], ...claims]));
  }
  return parts.filter((part) => part !== "").join("\n");
}

const STATE_ROWS = Object.entries(STATES).map(([name, about]) => ({ name, ...about }));
const GROUP_HEADER = ["NAME", "COVERED", "OF", "", "NOT AS THEY SHOULD BE", "OTHERS"];

function groupRow(name: string, counts: readonly CoverageCount[]): string[] {
  const { covered, all } = shareOf(counts);
  const total = counts.reduce((sum, { instances }) => sum + instances, 0n);
  const bad = STATE_ROWS.filter(({ state }) => BAD.has(state) && countOf(counts, state) > 0n).map(
    ({ name: of, state }) => `${countOf(counts, state)} ${of}`,
  );
  const share = all === 0n ? "" : percentOf(covered, all);
  return [printable(name) || NO_NAME, String(covered), String(all), share, bad.join(", "), String(total - all)];
}

function countOf(counts: readonly CoverageCount[], state: CoverageState): bigint {
  return counts.find((each) => each.state === state)?.instances ?? 0n;
}

/** Late ones are covered: what they recorded comes. */
function shareOf(counts: readonly CoverageCount[]): { covered: bigint; all: bigint } {
  const all = counts.filter(({ state }) => COUNTED.has(state)).reduce((sum, { instances }) => sum + instances, 0n);
  return { covered: countOf(counts, CoverageState.COVERED) + countOf(counts, CoverageState.LATE), all };
}

/** Never 100 % where one is missing. */
function percentOf(part: bigint, all: bigint): string {
  return `${Number((part * 1000n) / all) / 10} %`;
}

/** What was not looked at, or not soon enough. */
function tellLacks(
  { problems, leftOutInstances, blindStartTime, startTime, accounts }: Coverage,
  output: Output,
): void {
  for (const { account, region, operation, code, message, remedy } of problems) {
    const place = [account === "" ? "the organisation" : `account ${account}`, region].filter((text) => text !== "");
    const seen = accounts.find((each) => each.account === account)?.seenTime;
    const last = account === "" ? "" : seen === undefined ? "; never seen whole" : `; last seen whole ${timeOf(seen)}`;
    output.lack(printable(`${place.join(", ")}: ${operation}: ${code}: ${message}${last}. ${remedy}`.trimEnd()));
  }
  if (leftOutInstances > 0n) output.lack(`${leftOutInstances} machines are too many and were left out`);
  if (blindStartTime !== undefined)
    output.lack(
      `nobody looked from ${timeOf(blindStartTime)} to ${timeOf(startTime)}: machines that lived and died then may be unknown`,
    );
}

function stateName(state: CoverageState): string {
  return STATE_ROWS.find((each) => each.state === state)?.name ?? "gone";
}

/** As the API names it, in small letters and with dashes. */
function reasonName(reason: CoverageReason): string {
  const [name = ""] = Object.entries(CoverageReason).find(([, number]) => number === reason) ?? [];
  return name.toLowerCase().replaceAll("_", "-");
}

const INSTANCE_HEADER = ["STATE", "REASON", "ACCOUNT", "REGION", "INSTANCE", "NAME", "HOST", "SINCE", "WHAT TO DO"];

/** `hosttrail coverage instances` */
export async function coverageInstances(
  client: CoverageServiceClient,
  selection: CoverageSelection,
  limit: number,
  { json, print, table, note }: Output,
): Promise<void> {
  const filter = filterOf(selection);
  const found: CoverageInstance[] = [];
  let pageToken = "";
  do {
    const pageSize = Math.min(PAGE_SIZE, limit - found.length);
    const request = ListCoverageInstancesRequest.fromPartial({ filter, pageSize, pageToken });
    const page = await call<ListCoverageInstancesResponse>((done) => client.listCoverageInstances(request, done));
    if (json) for (const each of page.instances) print(line(CoverageInstance.toJSON(each)));
    found.push(...page.instances);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && found.length < limit);
  if (!json) print(table([INSTANCE_HEADER, ...found.map(instanceRow)]));
  if (pageToken !== "") note(`there are more than ${limit}; see --limit`);
}

function instanceRow(instance: CoverageInstance): string[] {
  const { state, reason, account, region, instanceId, name, hostName, hostId, sinceTime, remedy, exclusion } = instance;
  const decided =
    exclusion !== undefined && state === CoverageState.EXCLUDED
      ? `${exclusion.approver} until ${exclusion.lastDay}: ${exclusion.reason}`
      : "";
  const host = hostName || hostId;
  const cells = [stateName(state), reasonName(reason), account, region, instanceId, name, host, timeOf(sinceTime)];
  return [...cells, remedy || decided].map(printable);
}

const CHANGE_HEADER = ["TIME", "FROM", "TO", "REASON", "ACCOUNT", "REGION", "INSTANCE", "NAME"];

export interface ChangeOptions {
  state: readonly string[];
  account: readonly string[];
  /** Empty for all that is kept. */
  since: string;
  limit: number;
}

/** `hosttrail coverage changes` */
export async function coverageChanges(
  client: CoverageServiceClient,
  { state, account, since, limit }: ChangeOptions,
  { json, print, table, note }: Output,
): Promise<void> {
  const asked = {
    states: state.map((name) => STATES[name]?.state ?? CoverageState.UNSPECIFIED),
    accounts: [...account],
    startTime: since === "" ? undefined : parseTime(since, Date.now()),
  };
  const found: CoverageChange[] = [];
  let pageToken = "";
  do {
    const pageSize = Math.min(PAGE_SIZE, limit - found.length);
    const request = ListCoverageChangesRequest.fromPartial({ ...asked, pageSize, pageToken });
    const page = await call<ListCoverageChangesResponse>((done) => client.listCoverageChanges(request, done));
    if (json) for (const each of page.changes) print(line(CoverageChange.toJSON(each)));
    found.push(...page.changes);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && found.length < limit);
  if (!json) print(table([CHANGE_HEADER, ...found.map(changeRow)]));
  if (pageToken !== "") note(`there are more than ${limit}; see --limit`);
}

function changeRow(change: CoverageChange): string[] {
  const { time, previousState, state, reason, account, region, instanceId, name } = change;
  const from = previousState === CoverageState.UNSPECIFIED ? "new" : stateName(previousState);
  return [timeOf(time), from, stateName(state), reasonName(reason), account, region, instanceId, name].map(printable);
}
