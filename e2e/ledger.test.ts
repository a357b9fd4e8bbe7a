/**
 * The ledger on a real stack: what is whole balances, compacted or not, and of what was lost on purpose the first minute and the reason are
 * named: given up, refused, deleted from the database, never come.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { askControl } from "@hosttrail/agent/control";
import { compactArchive, historySource } from "@hosttrail/collector/archives";
import { Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import type { BlockStream } from "@hosttrail/collector/jetstream";
import { Archive } from "@hosttrail/collector/mongodb";
import { openLogger } from "@hosttrail/lib/log";
import { AlertServiceClient, ListAlertsRequest } from "@hosttrail/proto/alert";
import {
  GetLedgerRequest,
  Ledger,
  LedgerInterval,
  LedgerReasonKind as Kind,
  LedgerServiceClient,
  LedgerState,
  type LedgerStretch,
  ListLedgersRequest,
  type ListLedgersResponse,
} from "@hosttrail/proto/ledger";
import { credentialsOf, eventually, openStack, startAgent } from "./environment.ts";
import { LedgerHost, type Way } from "./ledgerhost.ts";
import { openBlockStream } from "./publisher.ts";

const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;
const MINUTE_MS = 60_000;
/** Whole minutes ago, so that no run of a test lies in two of them. */
const START_MS = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 30 * MINUTE_MS;

let stack: Awaited<ReturnType<typeof openStack>>;
let archive: Archive;
let stream: BlockStream;
let client: LedgerServiceClient;

before(async () => {
  // Nothing is compacted but where a test does it.
  stack = await openStack({
    collector: { roles: ["ingest", "store", "query", "enroll"] },
    agent: { source: { mode: "none" }, ledger_interval_ms: 1000 },
  });
  await stack.startServices();
  await stack.startCollector();
  archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
  stream = await openBlockStream(stack);
  client = new LedgerServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, stack.user));
});
after(async () => {
  client?.close();
  await stream?.close();
  await archive?.close();
  await stack[Symbol.asyncDispose]();
});

function get(hostId: string, changes: Parameters<(typeof GetLedgerRequest)["fromPartial"]>[0] = {}): Promise<Ledger> {
  const request = GetLedgerRequest.fromPartial({ hostId, ...changes });
  return new Promise((resolve, reject) => {
    client.getLedger(request, (error, ledger) => (error === null ? resolve(ledger) : reject(error)));
  });
}

function list(changes: Parameters<(typeof ListLedgersRequest)["fromPartial"]>[0] = {}): Promise<ListLedgersResponse> {
  const request = ListLedgersRequest.fromPartial(changes);
  return new Promise((resolve, reject) => {
    client.listLedgers(request, (error, page) => (error === null ? resolve(page) : reject(error)));
  });
}

async function stored(): Promise<void> {
  await eventually("all being stored", 30_000, async () => (await stream.lag()) === 0 || undefined);
}

/** Merges all that arrived, a minute later. */
async function compactAll(): Promise<void> {
  const history = new History(historySource(archive));
  const options = { turnMs: 50, ageMs: 0, blocksMin: 1 };
  const compactor = new Compactor(
    compactArchive(archive),
    history,
    archive.hosts,
    options,
    openLogger("test", "error"),
  );
  const stopping = new AbortController();
  const running = compactor.run(stopping.signal);
  await eventually("all being merged", 60_000, async () => {
    const { arrivals } = await archive.arrivals.waiting("", { blocksMax: 10, bytesMax: 1 << 20 });
    return arrivals.length === 0 || undefined;
  });
  stopping.abort();
  await running;
}

function command(...words: string[]): { code: number | null; output: string } {
  const args = [CLI, "--profile", stack.profileFile, ...words];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return { code: status, output: stdout };
}

const minuteOf = ({ startTime }: LedgerStretch): number =>
  (Number(startTime?.seconds ?? 0n) * 1000 - START_MS) / MINUTE_MS;

const reasonsOf = ({ reasons }: LedgerStretch): [Kind, bigint][] => reasons.map(({ kind, count }) => [kind, count]);

/** Five minutes of work, of which one block goes another way. */
async function fiveMinutes(name: string, at: number, way: Way): Promise<{ host: LedgerHost; id: string }> {
  const host = new LedgerHost(stream, name, START_MS);
  let id = "";
  for (let minute = 0; minute < 5; minute++) {
    const timeMs = START_MS + minute * MINUTE_MS;
    for (let block = 0; block < 4; block++) {
      const isIt = minute === at && block === 2;
      const sent = await host.block(5, timeMs + block * 10_000, isIt ? way : "stored");
      if (isIt) id = sent.id;
    }
    await host.report(timeMs + 59_000);
  }
  await stored();
  return { host, id };
}

describe("the ledger", { timeout: 300_000 }, () => {
  it("balances where nothing was lost, before and after it is merged", async () => {
    const { host } = await fiveMinutes("whole", -1, "stored");
    const { hostId } = host.host;
    const asked = { interval: LedgerInterval.MINUTE };
    const ledger = await get(hostId, asked);
    assert.deepEqual(
      [ledger.state, ledger.agent?.events, ledger.trail?.handedOut, ledger.trail?.stored, ledger.trail?.compacted],
      [LedgerState.BALANCED, 100n, 105n, 105n, 0n],
    );
    assert.deepEqual(
      [ledger.hostName, ledger.reports, ledger.unreported, ledger.firstFault],
      ["whole", 5n, 0n, undefined],
    );
    assert.deepEqual(ledger.stretches.map(minuteOf), [0, 1, 2, 3, 4]);
    assert.ok(ledger.completeness?.complete);
    await compactAll();
    const merged = await get(hostId, asked);
    assert.equal(merged.trail?.compacted, 105n);
    assert.deepEqual(
      { ...merged, completeness: undefined, trail: { ...merged.trail, compacted: 0n }, stretches: [] },
      { ...ledger, completeness: undefined, trail: { ...ledger.trail }, stretches: [] },
    );
  });

  it("is open where the agent says that it has some still, and balances when they come", async () => {
    const host = new LedgerHost(stream, "open", START_MS);
    await host.block(5, START_MS);
    const late = await host.block(5, START_MS + 1000, "kept");
    await host.report(START_MS + 59_000);
    await stored();
    const { hostId } = host.host;
    const open = await get(hostId);
    assert.deepEqual([open.state, open.trail?.open, open.firstFault], [LedgerState.OPEN, 5n, undefined]);
    assert.equal(open.judgedUntilTime?.seconds, BigInt(START_MS / 1000));
    await host.host.publish(stream, late);
    await stored();
    assert.equal((await get(hostId)).state, LedgerState.BALANCED);
  });

  for (const [way, kind] of [
    ["evicted", Kind.EVICTED],
    ["malformed", Kind.DEAD],
    ["never-sent", Kind.NEVER_CAME],
  ] as const) {
    it(`names the first minute and the reason of a block that was ${way}`, async () => {
      const { host } = await fiveMinutes(`lost-${way}`, 2, way);
      const ledger = await get(host.host.hostId, { interval: LedgerInterval.MINUTE });
      const fault = ledger.firstFault ?? assert.fail("there is a fault");
      assert.deepEqual([minuteOf(fault) >= 1.9 && minuteOf(fault) <= 2, reasonsOf(fault)], [true, [[kind, 5n]]]);
      assert.equal(ledger.state, way === "never-sent" ? LedgerState.UNBALANCED : LedgerState.LOSS);
      assert.deepEqual(
        ledger.stretches.map((stretch) => [minuteOf(stretch), reasonsOf(stretch).length]),
        [
          [0, 0],
          [1, 0],
          [2, 1],
          [3, 0],
          [4, 0],
        ],
      );
      const [first] = fault.reasons[0]?.events ?? [];
      assert.equal(first?.count, 5n);
      assert.match(first.firstEventId, new RegExp(`^${host.host.hostId}-`));
    });
  }

  for (const isMerged of [false, true]) {
    it(`names what somebody deleted from the database, ${isMerged ? "after" : "before"} it was merged`, async () => {
      const { host, id } = await fiveMinutes(`deleted-${isMerged}`, 3, "stored");
      const { hostId } = host.host;
      assert.equal((await get(hostId)).state, LedgerState.BALANCED);
      if (isMerged) {
        await compactAll();
        const place = new Date(START_MS).toISOString().slice(0, 10).replaceAll("-", "");
        const [catalog] = await archive.history.catalogs(place, [hostId]);
        await archive.history.removeCatalog(place, hostId, catalog?.version ?? 0);
      } else await archive.arrivals.remove([id]);
      const ledger = await get(hostId, { startTime: { seconds: BigInt(START_MS / 1000), nanos: 0 } });
      assert.equal(ledger.state, LedgerState.UNBALANCED);
      const fault = ledger.firstFault ?? assert.fail("there is a fault");
      // With the events of a day its ledgers go, too; but the host is known to have stored them.
      assert.deepEqual(reasonsOf(fault), [[Kind.GONE, isMerged ? 105n : 5n]]);
      assert.ok(isMerged ? minuteOf(fault) === 0 : minuteOf(fault) > 2.9 && minuteOf(fault) <= 3);
      // A query process asks every two seconds which hosts there are.
      const { ledgers } = await eventually("the host's being listed", 10_000, () =>
        list({ hosts: { hostIds: [hostId] } }),
      );
      assert.equal(ledgers[0]?.state, LedgerState.UNBALANCED);
    });
  }

  it("finds what was told after the time that is asked about", async () => {
    const host = new LedgerHost(stream, "later", START_MS);
    await host.block(5, START_MS);
    const kept = await host.block(5, START_MS + 1000, "never-sent");
    await host.report(START_MS + 59_000);
    await host.block(5, START_MS + 10 * MINUTE_MS);
    await host.report(START_MS + 11 * MINUTE_MS, { evicted: 5 });
    await stored();
    assert.equal(kept.count, 5);
    const asked = {
      startTime: { seconds: BigInt(START_MS / 1000), nanos: 0 },
      endTime: { seconds: BigInt(START_MS / 1000) + 300n, nanos: 0 },
    };
    const ledger = await get(host.host.hostId, asked);
    assert.deepEqual(ledger.firstFault && reasonsOf(ledger.firstFault), [[Kind.EVICTED, 5n]]);
    assert.equal(ledger.reports, 1n);
  });

  it("raises a finding where it does not balance and nobody said why, and none for what is told", async () => {
    const other = await stack.startAnotherCollector({ roles: ["detect"], detect: { findings_ms: 1000 } });
    const alerts = new AlertServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, stack.user));
    const request = ListAlertsRequest.fromPartial({ ruleKey: "finding:ledger-unbalanced" });
    const found = (): Promise<string[]> =>
      new Promise((resolve, reject) => {
        alerts.listAlerts(request, (error, page) =>
          error === null ? resolve(page.alerts.map(({ title }) => title).toSorted()) : reject(error),
        );
      });
    try {
      const titles = await eventually("the findings", 60_000, async () => {
        const all = await found();
        return all.length >= 3 ? all : undefined;
      });
      assert.ok(titles.some((title) => /^5 events of deleted-false from .* are missing: they were stored/.test(title)));
      assert.ok(titles.some((title) => /^5 events of lost-never-sent from .* they were never stored/.test(title)));
      assert.ok(!titles.some((title) => /whole|open|evicted|malformed/.test(title)), titles.join("; "));
    } finally {
      alerts.close();
      await other.process.stop();
    }
  });

  it("is listed for all hosts in pages, and the command shows it", async () => {
    const ledgers: Ledger[] = [];
    let pageToken = "";
    do {
      const page = await list({ pageSize: 3, pageToken });
      assert.ok(page.ledgers.length <= 3);
      ledgers.push(...page.ledgers);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    const names = ledgers.map(({ hostName }) => hostName).toSorted();
    assert.deepEqual(names, [...new Set(names)]);
    assert.ok(names.includes("whole") && names.includes("lost-evicted"));
    const { output, code } = command("ledger", "--utc");
    assert.equal(code, 1);
    assert.match(output, /^whole +balanced .* 0 +0$/m);
    assert.match(output, /^all +unbalanced /m);
    assert.match(output, /lost-evicted: the first fault is from .*\n {2}5 given up by the agent: /);
    const one = command("ledger", "--host", "whole");
    assert.equal(one.code, 0);
    assert.match(one.output, /handed out 105 = stored 105 \+ dropped 0/);
    const json = Ledger.fromJSON(JSON.parse(command("ledger", "--host", "whole", "--json").output));
    assert.equal(json.trail?.stored, 105n);
    assert.match(command("ledger", "--by", "hour", "--utc").output, /^FROM +STATE/);
  });

  it("refuses what cannot be asked", async () => {
    const hostId = "0".repeat(32);
    const day = { seconds: 86_400n, nanos: 0 };
    for (const [request, reason] of [
      [{ hostId: "x" }, /HOST_ID_INVALID|host_id must be/],
      [{ hostId }, /no host/],
      [{ hostId, startTime: day, endTime: day }, /nothing can be in between/],
      [{ hostId, startTime: { seconds: 1n, nanos: 0 }, endTime: { seconds: 4_000_000n, nanos: 0 } }, /31 days/],
      [
        { hostId, startTime: { seconds: 0n, nanos: 0 }, endTime: { seconds: 900_000n, nanos: 0 }, interval: 1 },
        /interval is 1/,
      ],
      [{ hostId, interval: 9 as LedgerInterval }, /0 to 3/],
      [{ hostId, budget: { timeMs: -1n } }, /budget/],
    ] as const)
      await assert.rejects(get(hostId, request), reason);
    await assert.rejects(list({ pageSize: 201 }), /1 to 200/);
    await assert.rejects(list({ pageToken: "AAAA" }), /page_token/);
  });

  it("judges nothing that the budget left no room to read", async () => {
    const { host } = await fiveMinutes("poor", 1, "never-sent");
    const ledger = await get(host.host.hostId, { budget: { events: 1n } });
    assert.equal(ledger.completeness?.complete, false);
    assert.notEqual(ledger.state, LedgerState.UNBALANCED);
  });

  it("balances for a real agent, over its end by order, its death and its next life", async () => {
    const runtimeDirectory = join(dirname(stack.agentConfigFile), "agent-run");
    await stack.enroll();
    await startAgent(stack);
    const canary = async (): Promise<void> => {
      await askControl(runtimeDirectory, { ask: "emit-canary", nonce: "ab".repeat(16) });
    };
    const ledgerOf = async (wanted: (ledger: Ledger) => boolean): Promise<Ledger> =>
      await eventually("the agent's ledger", 30_000, async () => {
        const ledger = await get(stack.hostId);
        if (!wanted(ledger)) throw new Error(JSON.stringify(Ledger.toJSON(ledger)));
        return ledger;
      });
    for (let time = 0; time < 3; time++) await canary();
    await stack.agent.stop();
    // The last ledger of a run is told as it ends: all but that and the word of the end.
    const first = await ledgerOf(({ reports, trail }) => reports > 0n && (trail?.open ?? 0n) === 0n);
    assert.equal(first.state, LedgerState.BALANCED, JSON.stringify(Ledger.toJSON(first)));
    stack.startAgent();
    await eventually("the agent's next life", 20_000, async () => (await askControl(runtimeDirectory)) !== undefined);
    await canary();
    stack.killAgent();
    await eventually("the agent's life after its death", 20_000, async () => {
      await canary();
      return true;
    });
    await stack.agent.stop();
    const last = await ledgerOf(({ reports, trail }) => reports > first.reports && (trail?.open ?? 0n) === 0n);
    assert.equal(last.state, LedgerState.BALANCED, JSON.stringify(Ledger.toJSON(last)));
    assert.ok((last.trail?.stored ?? 0n) > (first.trail?.stored ?? 0n));
  });
});
