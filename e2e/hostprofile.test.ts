/** What agents tell of their hosts' audit rules, from their stream to what is said of rules. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { profileOf } from "@hosttrail/agent/profile";
import { Archive } from "@hosttrail/collector/mongodb";
import type { HostProfile } from "@hosttrail/proto/ingest";
import { eventually, openStack } from "./environment.ts";
import { ShippingAgent } from "./shippingagent.ts";

const EXECUTED = "-a always,exit -F arch=b64 -S execve,execveat -k exec";
const RULE = "Shell started by find";

interface Checked {
  title: string;
  key: string;
  hostsFiring?: string;
  hostsMute?: string;
  missing?: { line: string; required: boolean; hosts: string; hostIds: string[] }[];
}

describe("audit rules that agents tell", () => {
  let stack: Awaited<ReturnType<typeof openStack>>;
  let archive: Archive;
  const agents: ShippingAgent[] = [];
  const told: (readonly string[] | { problem: string })[] = [[EXECUTED], ["-w /etc/passwd -p wa -k identity"]];
  let tampered: Partial<HostProfile> = {};

  before(async () => {
    stack = await openStack({ collector: { ingest: { hosts: "certified" } } });
    await stack.startServices();
    await stack.startCollector();
    archive = Archive.open({ url: stack.mongodb.url, database: stack.database });
    for (const at of told.keys())
      agents.push(
        await ShippingAgent.open(stack, [`localhost:${stack.ingestPort}`], () => ({
          ...profileOf({ auditRules: told[at] ?? [], spec: `example@${at}` }),
          ...(at === 0 ? tampered : {}),
        })),
      );
    for (const agent of agents) agent.start(200);
    await eventually("both profiles and hosts being kept", 30_000, async () => {
      const [profiles, hosts] = await Promise.all([
        archive.profiles.listProfiles("", 10),
        archive.hosts.listNames("", 10),
      ]);
      return (profiles.length === 2 && hosts.length === 2) || undefined;
    });
  });
  after(async () => {
    for (const agent of agents) await agent.close();
    await archive?.close();
    await stack?.[Symbol.asyncDispose]();
  });

  /** What the command line says, whatever it ends with. */
  function check(...words: string[]): { status: number; output: string } {
    try {
      return { status: 0, output: stack.hosttrail("rules", "check", ...words) };
    } catch (error) {
      const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
      return { status, output: `${stdout}${stderr}` };
    }
  }

  function checkedRule(...words: string[]): Checked {
    const lines = check("--json", ...words)
      .output.trim()
      .split("\n");
    const found = lines.map((line) => JSON.parse(line) as Checked).find(({ title }) => title === RULE);
    assert.ok(found, `${RULE} among ${lines.length}`);
    return found;
  }

  const idOf = (at: number): string => agents[at]?.hostId ?? "";

  it("say of each host whether a rule can fire there, and which line is missing", () => {
    const [fires, mute] = [checkedRule("--host", idOf(0)), checkedRule("--host", idOf(1))];
    assert.deepEqual(
      [fires.hostsFiring, fires.hostsMute ?? "0", fires.missing?.some(({ required }) => required) ?? false],
      ["1", "0", false],
    );
    assert.deepEqual([mute.hostsFiring ?? "0", mute.hostsMute], ["0", "1"]);
    assert.match(
      mute.missing?.find(({ required }) => required)?.line ?? "",
      /^-a always,exit -F arch=b64 -S execve,execveat /,
    );
    const { status, output } = check("--host", idOf(1), "--key", mute.key);
    assert.equal(status, 3);
    assert.match(
      output,
      /^cannot fire here .*Shell started by find\n {18}no audit rule is about execve, execveat\n {18}add: -a /,
    );
    assert.match(output, /; 1 audit rules, told /);
  });

  it("say of the fleet on how many hosts, and on which it is missing", () => {
    const { hostsFiring, hostsMute, missing } = checkedRule();
    assert.deepEqual([hostsFiring, hostsMute], ["1", "1"]);
    const lacking = missing?.find(({ required }) => required);
    assert.deepEqual([lacking?.hosts, lacking?.hostIds], ["1", [idOf(1)]]);
  });

  it("are others as soon as an agent has told others", async () => {
    told[1] = [EXECUTED, "-w /etc/passwd -p wa -k identity"];
    agents[1]?.tellProfile();
    await eventually("the rule firing on both", 30_000, async () => checkedRule().hostsFiring === "2" || undefined);
    assert.equal(check("--key", checkedRule().key).status, 0);
  });

  it("are not known where the agent says so, or is too old to tell", async () => {
    told[1] = { problem: "source.mode is file" };
    agents[1]?.tellProfile();
    await eventually("the problem being told", 30_000, async () => {
      const { output } = check("--host", idOf(1));
      return output.includes("source.mode is file") || undefined;
    });
    assert.match(check().output, /1 hosts told their audit rules, 1 did not/);
  });

  it("are left out where they are beyond the bounds, and events go on", async () => {
    tampered = { version: "f".repeat(64), auditRules: Array.from({ length: 2000 }, () => "-D") };
    agents[0]?.tellProfile();
    const stored = agents[0]?.stored ?? 0;
    await eventually(
      "further events being stored",
      30_000,
      async () => (agents[0]?.stored ?? 0) > stored + 4 || undefined,
    );
    assert.equal((await archive.profiles.getProfiles([idOf(0)])).get(idOf(0))?.auditRuleCount, 1);
    assert.equal(checkedRule("--host", idOf(0)).hostsFiring, "1");
  });

  it("are of no host that is not there", () => {
    const { status, output } = check("--host", "0".repeat(32));
    assert.ok(status !== 0 && /no host/.test(output), output);
  });

  it("are not mixed with files", () => {
    assert.match(check(".", "--host", idOf(0)).output, /leave the path out/);
    assert.match(check("--spec", "fleet.yaml").output, /are for rule files/);
  });
});
