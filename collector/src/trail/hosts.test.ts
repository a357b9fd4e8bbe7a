import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { HostDocument } from "../model/index.ts";
import { HostBook, type HostFacts, withFacts } from "./hosts.ts";

const FACTS: HostFacts = {
  name: "one",
  bootId: "",
  agentVersion: "",
  kernel: "",
  osName: "",
  osVersion: "",
  architecture: "",
  instanceId: "",
  cloudAccount: "",
  goodbye: "",
};

async function newHost(): Promise<HostDocument> {
  const book = new HostBook({ getHosts: async () => new Map(), putHosts: async () => [] });
  return (await book.hosts(["a"])).get("a") as HostDocument;
}

/** After a block with these facts at these milliseconds. */
function after(host: HostDocument, changes: Partial<HostFacts>, firstMs: number, lastMs: number): HostDocument {
  const times = { firstTimeNano: BigInt(firstMs) * 1_000_000n, lastTimeNano: BigInt(lastMs) * 1_000_000n };
  return withFacts(host, { ...FACTS, ...changes }, { ...times, receivedMs: lastMs + 1, place: "20261128" }, undefined);
}

function shown(list: HostDocument["names"]): string[] {
  return list.map(({ text, firstNano, lastNano }) => `${text} ${firstNano / 1_000_000n}-${lastNano / 1_000_000n}`);
}

describe("what is known of a host", () => {
  it("has every name that it had, with the times of it, also where blocks come late", async () => {
    let host = after(await newHost(), {}, 10, 20);
    host = after(host, { name: "two", instanceId: "i-1" }, 30, 40);
    host = after(host, { name: "two" }, 41, 50);
    host = after(host, { name: "one" }, 5, 25);
    assert.equal(host.name, "two");
    assert.deepEqual(shown(host.names), ["one 5-25", "two 30-50"]);
    assert.deepEqual(shown(host.instances), ["i-1 30-40"]);
  });

  it("remembers the names that were used last where there are too many", async () => {
    let host = await newHost();
    for (let at = 0; at < 40; at++) host = after(host, { name: `n${at}` }, at * 10, at * 10 + 5);
    assert.equal(host.names.length, 16);
    assert.deepEqual([host.names[0]?.text, host.names.at(-1)?.text], ["n24", "n39"]);
  });
});
