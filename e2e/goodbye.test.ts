/** An agent that is stopped says so with its last event, and one that was killed with its first one after that. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { whyNoAudit } from "@hosttrail/agent/kernel";
import { Archive } from "@hosttrail/collector/mongodb";
import type { Alert } from "@hosttrail/proto/alert";
import type { Event } from "@hosttrail/proto/event";
import type { QueryServiceClient } from "@hosttrail/proto/query";
import { eventually, openStack, queryClient, searchAll, startAgent } from "./environment.ts";

describe("the beginning and the end of an agent's run", { skip: whyNoAudit() }, () => {
  let stack: Awaited<ReturnType<typeof openStack>>;
  let client: QueryServiceClient;
  let archive: Archive;

  before(async () => {
    stack = await openStack({ collector: { detect: { findings_ms: 500 } } });
    await stack.startServices();
    await stack.startCollector();
    client = queryClient(stack);
    archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
    await startAgent(stack);
  });
  after(async () => {
    client.close();
    await archive.close();
    await stack[Symbol.asyncDispose]();
  });

  async function reports(action: string, count: number): Promise<Record<string, string>[]> {
    const events = await eventually(`${count} events ${action}`, 30_000, async () => {
      const found = await searchAll(client, { filter: `event.action = ${action}` });
      return found.length >= count ? found : undefined;
    });
    return events.sort((a, b) => (a.id < b.id ? -1 : 1)).map(fieldsOf);
  }

  async function alertCalled(pattern: RegExp): Promise<Alert> {
    return await eventually(`an alert like ${String(pattern)}`, 30_000, async () => {
      const alerts = await archive.alerts.listAlerts({
        startMs: 0,
        endMs: 8e15,
        afterId: "",
        severityMin: 0,
        ruleKey: "",
        ruleset: "findings",
        hostId: "",
        limit: 100,
      });
      return alerts.find(({ title }) => pattern.test(title));
    });
  }

  it("is told as its first event, where there was no run before", async () => {
    const [start] = await reports("started-agent", 1);
    assert.equal(start?.["previous_run"], "none");
    const [first] = (await searchAll(client, {})).sort((a, b) => (a.id < b.id ? -1 : 1));
    assert.equal(first?.event?.action, "started-agent");
  });

  it("is an alert where the agent was killed", async () => {
    stack.killAgent();
    const starts = await reports("started-agent", 2);
    assert.equal(starts[1]?.["previous_run"], "killed");
    assert.equal(starts[1]?.["previous_end_ms"], "");
    assert.match((await alertCalled(/was killed or failed$/)).title, /^Agent of \S+ was killed/);
  });

  it("is told as its last event, in a block whose header says so, where it is stopped; and is an alert, as its system goes on", async () => {
    await stack.agent.stop();
    const [stop] = await reports("stopped-agent", 1);
    assert.equal(stop?.["reason"], "SIGTERM");
    assert.equal(stop?.["audit_rules"], "released");
    assert.notEqual(stop?.["system"], "going-down");
    const events = (await searchAll(client, {})).sort((a, b) => (a.id < b.id ? -1 : 1));
    assert.equal(events.at(-1)?.event?.action, "stopped-agent");
    await alertCalled(/^Agent of \S+ was stopped \(SIGTERM\)$/);
    const host = await archive.hosts.getHost(stack.hostId);
    assert.equal(host?.goodbye, "stopped");
  });

  it("is in order when it starts again", async () => {
    await startAgent(stack);
    const starts = await reports("started-agent", 3);
    assert.equal(starts[2]?.["previous_run"], "stopped");
    assert.match(starts[2]?.["previous_end_ms"] ?? "", /^\d{13}$/);
    await eventually("the host being known to run", 20_000, async () =>
      (await archive.hosts.getHost(stack.hostId))?.goodbye === "" ? true : undefined,
    );
  });
});

function fieldsOf({ audit }: Event): Record<string, string> {
  return Object.fromEntries(audit?.records[0]?.fields.map(({ key, value }) => [key, value]) ?? []);
}
