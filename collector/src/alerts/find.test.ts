import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Alert } from "@hosttrail/proto/alert";
import fc from "fast-check";
import { type AlertWork, untouched } from "../model/index.ts";
import { END_MS, findAlerts } from "./find.ts";
import type { AlertQuery } from "./stores.ts";

const WANTED = { startMs: 0, endMs: END_MS, severityMin: 0, ruleKey: "", ruleset: "", hostId: "" };

/** Alerts of hosts, newest first; every third one is closed. */
function storesOf(hosts: readonly string[]) {
  const alerts = hosts.map((host, index) =>
    Alert.fromPartial({ id: (100_000 - index).toString().padStart(6, "0"), hosts: [{ id: host }] }),
  );
  const works = new Map(
    alerts.map(({ id }, index): [string, AlertWork] => [
      id,
      { ...untouched(id), state: index % 3 === 0 ? "closed" : "open" },
    ]),
  );
  const stores = {
    alerts: {
      listAlerts: async ({ afterId, limit }: AlertQuery) =>
        alerts.filter(({ id }) => afterId === "" || id < afterId).slice(0, limit),
      getAlerts: async () => new Map<string, { alert: Alert }>(),
    },
    work: {
      getWork: async (id: string) => works.get(id) ?? untouched(id),
      getWorks: async (ids: readonly string[]) => ids.map((id) => works.get(id) ?? untouched(id)),
      changeWork: async (id: string) => untouched(id),
    },
  };
  const isOpen = ({ id }: Alert): boolean => works.get(id)?.state === "open";
  return { stores, alerts, isOpen };
}

/** All pages, one after the other. */
async function allPages(hosts: readonly string[], visible: ReadonlySet<string> | undefined, limit: number) {
  const { stores, alerts, isOpen } = storesOf(hosts);
  const found: string[] = [];
  const sizes: number[] = [];
  let afterId = "";
  do {
    const page = await findAlerts(stores, WANTED, { hosts: visible, afterId, limit }, ({ state }) => state === "open");
    found.push(...page.found.map(({ alert }) => alert.id));
    sizes.push(page.found.length);
    afterId = page.nextId;
  } while (afterId !== "");
  const wanted = alerts.filter((alert) => isOpen(alert) && alert.hosts.every(({ id }) => visible?.has(id) !== false));
  return { found, sizes, wanted: wanted.map(({ id }) => id) };
}

describe("pages of alerts", () => {
  it("have every alert that fits once, whatever their size, with what the caller may not see between them", async () => {
    const hosts = fc.array(fc.constantFrom("a", "b"), { maxLength: 450 });
    await fc.assert(
      fc.asyncProperty(hosts, fc.integer({ min: 1, max: 250 }), fc.boolean(), async (own, limit, isScoped) => {
        const { found, wanted, sizes } = await allPages(own, isScoped ? new Set(["a"]) : undefined, limit);
        assert.deepEqual(found, wanted);
        assert.ok(sizes.every((size) => size <= limit));
      }),
      { numRuns: 60 },
    );
  });

  it("end before everything was looked at, and go on from there, where little fits", async () => {
    const hosts = Array.from({ length: 12_000 }, (_, index) => (index === 11_999 ? "a" : "b"));
    const { found, wanted, sizes } = await allPages(hosts, new Set(["a"]), 100);
    assert.deepEqual(found, wanted);
    assert.deepEqual(sizes, [0, 0, wanted.length]);
  });
});
