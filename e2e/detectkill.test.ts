/**
 * The detector killed at random while it works on correlations and on blocks that come late: the same alerts as one that nobody kills, none
 * of them twice and none missing. `HOSTTRAIL_KILLS=50 node --test e2e/detectkill.test.ts` is the long run.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Archive } from "@hosttrail/collector/mongodb";
import { openBlock, parseBlock } from "@hosttrail/lib/block";
import { Correlator, type RuleMatch } from "@hosttrail/lib/correlate";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { RuleSet } from "@hosttrail/lib/detect";
import { readRules } from "@hosttrail/lib/sigma";
import { detectorProcess } from "./detectorprocess.ts";
import { eventually, openStack } from "./environment.ts";
import { detectionSettled, executed, openBlockStream, PublishingHost, type SealedForStream } from "./publisher.ts";

const KILLS = Number(process.env["HOSTTRAIL_KILLS"] ?? 12);
const KILL_MS_MAX = 2500;
const HOSTS = 6;
const BLOCKS_PER_HOST = 150;
const SEED = Number(process.env["HOSTTRAIL_SEED"] ?? 20_261_129);
const START_NANO = BigInt(Date.UTC(2026, 10, 20, 8)) * 1_000_000n;
const HOUR_NANO = 3_600_000_000_000n;
const DETECT = { lease_ms: 700, checkpoint_ms: 250, linger_ms: 5 };

/** Programs that the rules below look for, as arguments of a made program. */
const RULES = `
title: Word alpha
name: word_alpha
logsource: {product: linux, category: process_creation}
detection: {selection: {CommandLine|contains: word-alpha}, condition: selection}
---
title: Word beta
name: word_beta
logsource: {product: linux, category: process_creation}
detection: {selection: {CommandLine|contains: word-beta}, condition: selection}
---
title: Word gamma
name: word_gamma
level: low
hosttrail: {title: "Gamma: {{CommandLine}}"}
logsource: {product: linux, category: process_creation}
detection: {selection: {CommandLine|contains: word-gamma}, condition: selection}
---
title: Many alphas
name: many_alphas
level: high
correlation: {type: event_count, rules: [word_alpha], group-by: [host.id], timespan: 10m, condition: {gte: 8}}
---
title: Alpha before beta
name: alpha_before_beta
level: high
correlation: {type: temporal_ordered, rules: [word_alpha, word_beta], group-by: [host.id], timespan: 2m}
---
title: Alphas on many hosts
name: alphas_on_many_hosts
correlation: {type: value_count, rules: [word_alpha], timespan: 3m, condition: {field: host.id, gte: 4}}
---
title: Both
name: both
level: critical
correlation: {type: temporal, rules: [many_alphas, alpha_before_beta], group-by: [host.id], timespan: 30m, generate: true}
`;

/** Numbers that are the same in each run. */
function randoms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Planned {
  host: PublishingHost;
  block: SealedForStream;
  /** Its place in the order in which blocks are published. */
  order: number;
}

/** Blocks of several hosts over some hours; some come much later than others of their time. */
function plan(): Planned[] {
  const random = randoms(SEED);
  const planned: Planned[] = [];
  for (let number = 0; number < HOSTS; number++) {
    const host = new PublishingHost(`killed-${number}`);
    for (let at = 0; at < BLOCKS_PER_HOST; at++) {
      const timeNano = START_NANO + (BigInt(at) * 4n * HOUR_NANO) / BigInt(BLOCKS_PER_HOST);
      const events = Array.from({ length: 1 + Math.floor(random() * 8) }, (_, index) => {
        const word = ["alpha", "beta", "gamma", "delta", "delta"][Math.floor(random() * 5)] ?? "";
        return executed(["/bin/true", `word-${word}`], timeNano + BigInt(index) * 500_000_000n);
      });
      const lateBy = random() < 0.1 ? random() * BLOCKS_PER_HOST : random() * 3;
      planned.push({ host, block: host.seal(events), order: at + lateBy });
    }
  }
  return planned.sort((a, b) => a.order - b.order);
}

/** What an alert says that must not depend on who was killed. */
interface Told {
  title: string;
  count: bigint;
  first: string;
  last: string;
  value: number;
  eventIds: string[];
  state: string;
  isCorrelation: boolean;
}

async function alertsOf(archive: Archive): Promise<Map<string, Told>> {
  const query = { startMs: 0, endMs: 8e15, severityMin: 0, ruleKey: "", ruleset: "", hostId: "", limit: 10_000 };
  const alerts = await archive.alerts.listAlerts({ ...query, afterId: "" });
  const works = new Map<string, string>();
  for (let at = 0; at < alerts.length; at += 100)
    for (const work of await archive.alertWork.getWorks(alerts.slice(at, at + 100).map(({ id }) => id)))
      works.set(work.alertId, work.closeReason);
  return new Map(
    alerts
      // What was told in between depends on when what came; what holds in the end does not.
      .filter(({ id }) => works.get(id) !== "withdrawn")
      .map(({ id, title, count, firstEventTime, lastEventTime, value, eventIds, rule }) => [
        id,
        {
          title: rule?.kind === "correlation" ? title : (rule?.title ?? ""),
          count,
          first: JSON.stringify(firstEventTime, (_key, each: unknown) =>
            typeof each === "bigint" ? String(each) : each,
          ),
          last: JSON.stringify(lastEventTime, (_key, each: unknown) =>
            typeof each === "bigint" ? String(each) : each,
          ),
          value,
          eventIds: rule?.key === "both" ? [] : eventIds,
          state: works.get(id) ?? "",
          isCorrelation: rule?.kind === "correlation",
        },
      ]),
  );
}

/** Ids and counts of what correlations make of all blocks at once. */
function correlatedAtOnce(planned: readonly Planned[]): Map<string, number> {
  const { rules, silent } = readRules([{ path: "words.yml", text: RULES }]);
  const set = new RuleSet(rules.flatMap((rule) => (rule.kind === "detection" ? [rule] : [])));
  const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
  const correlator = new Correlator(rules, { hash });
  const matches = planned.flatMap(({ host, block: { bytes } }) => {
    const block = openBlock(parseBlock(bytes), nodePrimitives);
    return set.match(block).map((match): RuleMatch => {
      const timeNano = block.columns.time[match.event] ?? 0n;
      const eventId = block.eventId(match.event);
      const texts = (field: string): string[] => set.textsOf(block, match, field);
      return { rule: match.rule, eventId, timeNano, receivedNano: timeNano, hostId: host.hostId, texts };
    });
  });
  const held = new Map<string, number>();
  for (const change of correlator.add(matches)) {
    if (change.kind === "history" || silent.has(change.rule)) continue;
    const time = (change.completedNano / 1_000_000n).toString(16).padStart(12, "0");
    const id = `${time}-${change.id.slice(0, 32)}`;
    if (change.kind === "match") held.set(id, change.count);
    else held.delete(id);
  }
  return held;
}

/** Publishes all blocks to a detector of its own; `kills` times it is killed meanwhile. */
async function run(planned: readonly Planned[], kills: number): Promise<Map<string, Told>> {
  await using stack = await openStack({
    collector: { roles: ["ingest", "store", "compact", "query", "enroll"], compact: { turn_ms: 2000, age_ms: 5000 } },
  });
  await stack.startServices();
  await stack.startCollector();
  const stream = await openBlockStream(stack);
  const archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  const detector = await detectorProcess(stack, "detector", DETECT);
  try {
    const files = [{ path: "words.yml", text: RULES }];
    const about = { description: "", enabled: true, labels: {}, tags: {}, updateMs: 0, updater: "" };
    await archive.rulesets.putRuleset({ name: "words", files, ...about });
    await archive.rulesets.putManaged({ name: "baseline", ...about, enabled: false });
    // The consumer must be there before the first block.
    await stream.matches.prepareMatching(3_600_000);
    const random = randoms(SEED + 1);
    detector.start();
    let killed = 0;
    let isPublished = false;
    const killing = (async () => {
      while (killed < kills) {
        await sleep(300 + random() * KILL_MS_MAX);
        await detector.kill("SIGKILL");
        killed++;
        detector.start();
      }
    })();
    const publishing = (async () => {
      // Spread over the time of the kills.
      for (const [at, { host, block }] of planned.entries()) {
        await eventually(
          "the kills before it",
          600_000,
          async () => at * kills <= (killed + 1) * planned.length || undefined,
        );
        await host.publish(stream, block);
      }
      isPublished = true;
    })();
    await Promise.all([killing, publishing]);
    assert.ok(isPublished);
    await detectionSettled(stream, archive);
    detector.assertRunning();
    return await alertsOf(archive);
  } finally {
    await detector.stop();
    await archive.close();
    await stream.close();
  }
}

describe("a detector that is killed", () => {
  it(`makes the same alerts as one that is not, ${KILLS} kills, seed ${SEED}`, { timeout: 900_000 }, async () => {
    const planned = plan();
    const calm = await run(planned, 0);
    const titles = Map.groupBy(calm.values(), ({ title }) => title.split(":")[0] ?? "");
    for (const title of ["Word gamma", "Many alphas", "Alpha before beta", "Alphas on many hosts", "Both"])
      assert.ok((titles.get(title)?.length ?? 0) > 0, `no alert "${title}": ${[...titles.keys()].join(", ")}`);
    const correlated = [...calm].filter(([, { isCorrelation }]) => isCorrelation);
    assert.deepEqual(
      new Map(correlated.map(([id, { count }]) => [id, Number(count)])),
      correlatedAtOnce(planned),
      "the same as all at once",
    );
    const killed = await run(planned, KILLS);
    const missing = [...calm].filter(([id]) => !killed.has(id));
    const more = [...killed].filter(([id]) => !calm.has(id));
    assert.deepEqual([missing, more], [[], []]);
    for (const [id, told] of calm) assert.deepEqual(killed.get(id), told, id);
  });
});
