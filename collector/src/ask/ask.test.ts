import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ServiceError } from "@grpc/grpc-js";
import type { HostSelector } from "@hosttrail/proto/scan";
import { budgetOf, HostSelection, orderOf, rangeOf } from "./index.ts";

const [A, B, C] = ["a", "b", "c"].map((digit) => digit.repeat(32)) as [string, string, string];
const ALWAYS = { startNano: 0n, endNano: 1000n };
const NONE: HostSelector = { hostIds: [], names: [], instanceIds: [], labels: [] };

const archive = {
  listNames: async (afterId: string) =>
    [
      // Renamed, gone, and one that has the name that the first one had.
      { hostId: A, names: [called("web", 0n, 100n), called("db", 101n, 200n)], instances: [called("i-1", 0n, 200n)] },
      { hostId: B, names: [called("gone", 10n, 20n)], instances: [called("i-2", 10n, 20n)] },
      { hostId: C, names: [called("web", 300n, 400n)], instances: [] },
    ].filter(({ hostId }) => hostId > afterId),
  hostsWithin: async (labels: Readonly<Record<string, string>>) => (labels["team"] === "red" ? [A, B] : []),
  hostsWithLabel: async (key: string) => (key === "team" ? [A, B, C] : []),
};
const selection = new HostSelection(archive);

function called(
  text: string,
  firstNano: bigint,
  lastNano: bigint,
): { text: string; firstNano: bigint; lastNano: bigint } {
  return { text, firstNano, lastNano };
}

async function select(hosts: Partial<HostSelector>, range = ALWAYS, visible?: Set<string>): Promise<string[]> {
  const found = await selection.select({ hostId: "", hosts: { ...NONE, ...hosts } }, visible, range);
  return [...(found ?? ["all"])].sort();
}

const message = (thrown: unknown): string => (thrown as ServiceError).details;

describe("hosts of a question", () => {
  it("are found by what they were called at any time of the range", async () => {
    assert.deepEqual(await select({ names: ["web"] }), [A, C]);
    assert.deepEqual(await select({ names: ["web"] }, { startNano: 50n, endNano: 250n }), [A]);
    assert.deepEqual(await select({ names: ["db"] }), [A]);
    assert.deepEqual(await select({ names: ["gone"] }), [B]);
    assert.deepEqual(await select({ instanceIds: ["i-2", "i-1"] }), [A, B]);
    assert.deepEqual(await select({ labels: ["team=red"] }), [A, B]);
    assert.deepEqual(await select({ labels: ["team"] }), [A, B, C]);
    assert.deepEqual(await select({ hostIds: [B] }), [B]);
    assert.deepEqual(await select({}), ["all"]);
  });

  it("meet every kind that is given, and are within the caller's scope", async () => {
    assert.deepEqual(await select({ names: ["web"], labels: ["team=red"] }), [A]);
    assert.deepEqual(await select({ names: ["db"], instanceIds: ["i-2"] }), []);
    assert.deepEqual(await select({ labels: ["team"] }, ALWAYS, new Set([C])), [C]);
    assert.deepEqual(await select({}, ALWAYS, new Set([C])), [C]);
    const one = await selection.select({ hostId: A, hosts: undefined }, new Set([C]), ALWAYS);
    assert.deepEqual([...(one ?? ["all"])], []);
  });

  it("that others have are as unknown as those that nobody has", async () => {
    for (const [visible, names] of [
      [new Set([B]), ["web"]],
      [undefined, ["nobody"]],
    ] as const)
      await assert.rejects(select({ names: [...names] }, ALWAYS, visible), (thrown) => {
        assert.equal(
          message(thrown),
          `no host that you may see has one of hosts.names in the time that is asked about: "${names[0]}"`,
        );
        return true;
      });
    await assert.rejects(
      select({ hostIds: [A] }, ALWAYS, new Set([B])),
      /no host that you may see has one of hosts.host_ids/,
    );
    await assert.rejects(select({ labels: ["x=y"] }), /hosts.labels/);
    await assert.rejects(
      select({ names: ["web"] }, { startNano: 500n, endNano: 600n }),
      /in the time that is asked about/,
    );
  });

  it("are refused where they have no form", async () => {
    await assert.rejects(select({ hostIds: ["zz"] }), /hosts.host_ids is "zz"; allowed are 32 lower case hex digits/);
    await assert.rejects(select({ names: [""] }), /hosts.names is ""; allowed are texts of 1 to 320 characters/);
    await assert.rejects(
      select({ names: Array.from({ length: 1001 }, () => "n") }),
      /hosts is 1001; allowed are up to 1000/,
    );
  });
});

describe("what a request says", () => {
  it("of its order, budget and time is understood or refused with what is allowed", () => {
    assert.deepEqual(["", "time desc", "time", " time  asc "].map(orderOf), [
      "descending",
      "descending",
      "ascending",
      "ascending",
    ]);
    assert.throws(() => orderOf("name"), /order_by is "name"; allowed are "time desc" and "time"/);
    assert.throws(() => orderOf("time desc, id"), /order_by/);
    const most = { timeMs: 10, bytes: 20, events: 30 };
    assert.deepEqual(budgetOf(undefined, most), most);
    assert.deepEqual(budgetOf({ timeMs: 5n, bytes: 0n, events: 99n }, most), { timeMs: 5, bytes: 20, events: 30 });
    assert.throws(
      () => budgetOf({ timeMs: -1n, bytes: 0n, events: 0n }, most),
      /budget.time_ms is -1; allowed are 0 to 10/,
    );
    const at = (seconds: bigint): { seconds: bigint; nanos: number } => ({ seconds, nanos: 0 });
    assert.deepEqual(rangeOf({ startTime: at(1n), endTime: at(2n) }), {
      startNano: 1_000_000_000n,
      endNano: 2_000_000_000n,
    });
    assert.throws(() => rangeOf({ startTime: at(2n), endTime: at(1n) }), /start_time is later than end_time/);
    assert.throws(() => rangeOf({ startTime: at(1n << 62n), endTime: undefined }), /start_time is out of range/);
  });
});
