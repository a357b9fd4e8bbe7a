/** The machines of one account and region: as they are now, beside what was known of them. */
import { isDeepStrictEqual } from "node:util";
import type { CloudInstance, CoverageChange, CoverageState, CoveredInstance } from "../model/index.ts";
import type { MachineHosts } from "./hosts.ts";
import { judge, type JudgeOptions } from "./judge.ts";

/** What became of a place. */
export interface PlaceResult {
  /** Machines that are to be written, and to be removed; those that are as they were are in neither. */
  changed: CoveredInstance[];
  gone: CoveredInstance[];
  changes: CoverageChange[];
  counts: Map<CoverageState, number>;
}

/** A machine that lived and died unseen is told of for so long. */
const DIED_KEPT_MS = 30 * 86_400_000;
/** States in which a machine that is seen for the first time is no news. */
const NO_NEWS: ReadonlySet<CoverageState> = new Set(["covered", "starting", "stopped", "excluded", "unsupported"]);

/**
 * Judges the machines of a place. `seen` is what the cloud told, undefined where it could not be asked: then machines are as they were last seen,
 * and are judged by what their hosts do now.
 */
export function judgePlace(
  seen: readonly CloudInstance[] | undefined,
  known: readonly CoveredInstance[],
  hosts: MachineHosts,
  { imageNames, ...options }: JudgeOptions & { imageNames: ReadonlyMap<string, string> },
  nowMs: number,
): PlaceResult {
  const result: PlaceResult = { changed: [], gone: [], changes: [], counts: new Map() };
  const earlier = new Map(known.map((each) => [each.instanceId, each]));
  const present = seen ?? known;
  for (const instance of present)
    note(result, judgeOne(plain(instance), earlier.get(instance.instanceId)), earlier.get(instance.instanceId));
  if (seen === undefined) return result;
  const names = new Set(seen.map(({ instanceId }) => instanceId));
  for (const before of known) {
    // The cloud forgets what ended after a while.
    if (!names.has(before.instanceId)) note(result, judgeOne({ ...plain(before), power: "ended" }, before), before);
  }
  return result;

  function judgeOne(instance: CloudInstance, before: CoveredInstance | undefined): CoveredInstance | undefined {
    const claims = hosts.of(instance.account, instance.instanceId);
    const imageName = imageNames.get(instance.imageId) ?? before?.imageName ?? "";
    const now = judge(instance, claims, before, imageName, options, nowMs);
    return now !== undefined && now.endMs !== 0 && nowMs - now.endMs > DIED_KEPT_MS ? undefined : now;
  }

  function note(into: PlaceResult, now: CoveredInstance | undefined, before: CoveredInstance | undefined): void {
    if (now !== undefined) into.counts.set(now.state, (into.counts.get(now.state) ?? 0) + 1);
    if (now === undefined) {
      if (before !== undefined) into.gone.push(before);
    } else if (before === undefined || !isDeepStrictEqual(now, before)) into.changed.push(now);
    // That nothing is told any more of one that died unseen is no change of it.
    const isNews = before === undefined ? now !== undefined && !NO_NEWS.has(now.state) : before.state !== now?.state;
    if (isNews && before?.state !== "died-unseen") into.changes.push(changeOf(now, before, nowMs));
  }
}

/** What the cloud told of it, without what was found. */
function plain(instance: CloudInstance): CloudInstance {
  const { account, region, instanceId, name, tags, platform, architecture, imageId, launchMs, power } = instance;
  return { account, region, instanceId, name, tags, platform, architecture, imageId, launchMs, power };
}

function changeOf(
  now: CoveredInstance | undefined,
  before: CoveredInstance | undefined,
  timeMs: number,
): CoverageChange {
  const either = now ?? before;
  if (either === undefined) throw new Error("a change of no machine");
  const { account, region, instanceId, name, group, reason, hostId } = either;
  const of = { account, region, instanceId, name, group, reason, hostId };
  return { ...of, timeMs, previousState: before?.state, state: now?.state };
}
