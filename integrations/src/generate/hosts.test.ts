import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { agentConfig } from "../render/index.ts";
import { type Fleet, loadFleet } from "../spec/index.ts";
import { generate } from "./index.ts";

const fleet = loadFleet(new URL("../../examples/fleet.yaml", import.meta.url).pathname);

interface UserData {
  write_files: { path: string; permissions: string; content: string; encoding?: string }[];
  runcmd: string[][];
}

/** What a host gets: file to content. */
function filesOf(of: Fleet, name = "user-data.yaml"): Map<string, string> {
  const text = generate("cloud-init", of).find(({ path }) => path === name)?.content ?? "";
  assert.match(text, /^#cloud-config\n/);
  // PyYAML, which cloud-init reads by, is of YAML 1.1.
  const data = parse(text, { version: "1.1" }) as UserData;
  return new Map(
    data.write_files.map(({ path, content, encoding }) => [
      path.slice(path.lastIndexOf("/") + 1),
      encoding === "b64" ? Buffer.from(content, "base64").toString() : content,
    ]),
  );
}

/** A folder with what the image's lay.sh lays. */
function laidBy(of: Fleet): string {
  const input = generate("packer", of).find(({ path }) => path === "lay.sh")?.content ?? "";
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-lay-"));
  execFileSync("sh", ["-s", folder], { input });
  return folder;
}

describe("what cloud-init and Packer give a host", () => {
  it("are the files of the spec, byte for byte, and the script that lays them", () => {
    const files = filesOf(fleet);
    assert.equal(files.get("agent.yaml"), agentConfig(fleet));
    assert.equal(files.get("ca.pem"), fleet.ca);
    assert.equal(files.get("fleet.rules"), fleet.ownRules);
    const folder = laidBy(fleet);
    for (const [name, content] of files) assert.equal(readFileSync(join(folder, name), "utf8"), content, name);
    rmSync(folder, { recursive: true });
  });

  it("have what their group says, each in a file of its own", () => {
    const files = filesOf(fleet, "user-data-databases.yaml");
    const { labels, budget } = parse(files.get("agent.yaml") ?? "") as { labels: object; budget: object };
    assert.deepEqual(labels, { env: "production", team: "platform", tier: "database" });
    assert.equal((budget as { cpu_percent: number }).cpu_percent, 5);
    assert.ok(filesOf(fleet, "user-data-payments.yaml").has("proxy.conf"));
  });

  it("stay what they are, whatever stands in the spec", () => {
    const odd = 'it\'s "odd" ${x} %{y} {{ z }} #{w} \\ \u2028 \u0085 \ufeff $(touch /tmp/x)';
    const strange: Fleet = {
      ...fleet,
      ownRules: ` \n# ${odd}\n-w /etc/x -p wa -k x\n`,
      agent: { ...fleet.agent, labels: { a: odd } },
    };
    const files = filesOf(strange);
    assert.equal(files.get("fleet.rules"), strange.ownRules);
    assert.equal(files.get("agent.yaml"), agentConfig(strange));
    const folder = laidBy(strange);
    for (const [name, content] of files) assert.equal(readFileSync(join(folder, name), "utf8"), content, name);
    rmSync(folder, { recursive: true });
  });

  it("are scripts, whatever the way that packages and tokens come", () => {
    const { agent, enrollment } = fleet;
    const ways: Fleet[] = (["repo", "url", "file"] as const).flatMap((source) =>
      [
        { ...enrollment, method: "aws" as const },
        { ...enrollment, token: { ...enrollment.token, ssmParameter: "", secretsmanagerSecret: "it's $(odd)" } },
        { ...enrollment, token: { ...enrollment.token, ssmParameter: "", secretsmanagerSecret: "" } },
      ].map((enrolls) => ({
        ...fleet,
        enrollment: enrolls,
        repositoryKey: "a key\n",
        kernel: { commandLine: "set" as const },
        agent: {
          ...agent,
          artifact: { ...agent.artifact, source, url: "https://packages.example.org", directory: "/srv" },
        },
      })),
    );
    for (const way of ways) {
      const script = filesOf(way).get("setup.sh") ?? "";
      execFileSync("sh", ["-n"], { input: script });
      assert.doesNotMatch(script, /\{\{|undefined/);
      const wantsToken = way.enrollment.method === "token";
      assert.equal(script.includes("give_token()"), wantsToken);
    }
  });
});
