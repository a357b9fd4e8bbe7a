/**
 * What SSM runs on an instance, run on a booted host as SSM would: the shell step of the document that the module plans. The instance proves what
 * it is by an identity document, from a stand-in of the metadata service at its real address.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { type ImdsStandIn, startImds } from "@hosttrail/agent/imds/fixture";
import { openStack } from "../environment.ts";
import { VERSIONS } from "./artifacts.ts";
import { whyNoHosts } from "./base.ts";
import { generate, writeSpec } from "./fleet.ts";
import { CONTROLLER, CONTROLLER_NAME, finished, type Result, TestHosts } from "./hosts.ts";
import { PackageServer, whyNoRepository } from "./repository.ts";
import { isOnPath, settingsOf } from "./tools.ts";

const HOST = "i1";
const ACCOUNT = "123456789012";
const METADATA = "169.254.169.254";
const STEP_TIMEOUT_MS = 180_000;
const settings = settingsOf("terraform");
const missing =
  whyNoHosts() ??
  whyNoRepository() ??
  (typeof settings === "string" ? settings : undefined) ??
  (isOnPath("openssl") ? undefined : "openssl, which signs the identity document here, is not installed");

/** What the plan has of the module agent. */
interface Planned {
  planned_values: {
    outputs: Record<string, { value: string }>;
    root_module: {
      child_modules: { resources: { address: string; values: { content?: string; user_data?: string } }[] }[];
    };
  };
}

interface SsmDocument {
  schemaVersion: string;
  parameters: { Action: { allowedValues: string[] } };
  mainSteps: { action: string; inputs: { runCommand: string[] } }[];
}

describe("an instance to which SSM brings the agent", { skip: missing ?? false }, () => {
  let hosts: TestHosts;
  let stack: Awaited<ReturnType<typeof openStack>>;
  let packages: PackageServer;
  let imds: ImdsStandIn;
  let script: string;
  let userData: string;
  /** The shell step of the user data of a node of EKS. */
  let nodePart: string;

  before(async () => {
    hosts = await TestHosts.boot([HOST]);
    const aws = signer(hosts.directory);
    const labels = { env: "cloud" };
    stack = await openStack({
      address: CONTROLLER_NAME,
      collector: { enroll: { aws: { certificates_file: aws.certificateFile, accounts: [ACCOUNT], labels } } },
    });
    await stack.startServices();
    await stack.startCollector();
    packages = await PackageServer.open();
    execFileSync("ip", ["addr", "add", `${METADATA}/32`, "dev", "lo"]);
    imds = await startImds({ "dynamic/instance-identity/rsa2048": aws.identity }, { address: METADATA, port: 80 });
    // Routes of a host are not its own to change.
    execFileSync("ip", ["-n", HOST, "route", "add", `${METADATA}/32`, "via", CONTROLLER]);
    const planned = plan(join(hosts.directory, "ssm"));
    const resources = planned.planned_values.root_module.child_modules.flatMap((module) => module.resources);
    const document = resources.find(({ address }) => address === "module.agent.aws_ssm_document.agent[0]");
    const content = JSON.parse(document?.values.content ?? "{}") as SsmDocument;
    assert.equal(content.schemaVersion, "2.2");
    assert.deepEqual(content.parameters.Action.allowedValues, ["install", "verify", "remove"]);
    assert.equal(content.mainSteps[0]?.action, "aws:runShellScript");
    script = content.mainSteps[0].inputs.runCommand.join("\n");
    const packed = planned.planned_values.outputs["user_data"]?.value ?? "";
    assert.ok(Buffer.from(packed, "base64").length <= 16_384, "more than EC2 takes");
    userData = gunzipSync(Buffer.from(packed, "base64")).toString();
    const node = resources.find(({ address }) => address === "module.nodes.aws_launch_template.node");
    nodePart = shellPartOf(Buffer.from(node?.values.user_data ?? "", "base64").toString());
  });
  after(async () => {
    await imds?.stop();
    spawnSync("ip", ["addr", "del", `${METADATA}/32`, "dev", "lo"]);
    packages?.close();
    await hosts?.stop();
    await stack?.[Symbol.asyncDispose]();
  });

  function plan(folder: string): Planned {
    mkdirSync(folder, { recursive: true });
    const spec = writeSpec(join(folder, "spec"), stack, { artifact: { source: "url", url: packages.url } });
    generate("terraform", spec, join(folder, "hosttrail"));
    writeFileSync(
      join(folder, "main.tf"),
      `provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "nobody"
  secret_key                  = "nobody"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true
}

module "agent" {
  source = "./hosttrail/modules/agent"

  agent_enrollment_method = "aws"
  ssm_targets             = [{ key = "tag:Hosttrail", values = ["yes"] }]
}

module "nodes" {
  source = "./hosttrail/modules/eks-nodes"

  cluster_name = "shop"
  subnet_ids   = ["subnet-a"]
  agent_script = module.agent.cloud_init_part.content
}

output "user_data" {
  value = module.agent.user_data_base64
}
`,
    );
    const env = { ...process.env, ...(settings as NodeJS.ProcessEnv) };
    const terraform = (...words: string[]): string => {
      const done = spawnSync("terraform", words, { cwd: folder, env, encoding: "utf8", maxBuffer: 64 << 20 });
      assert.equal(done.status, 0, `terraform ${words.join(" ")}: ${done.stderr}${done.stdout}`);
      return done.stdout;
    };
    terraform("init", "-input=false", "-no-color");
    terraform("plan", "-input=false", "-no-color", "-out=plan");
    return JSON.parse(terraform("show", "-json", "plan")) as Planned;
  }

  /** As the SSM agent does: the word is put in where the document says, and a file of the lines is run. */
  async function run(text: string, action: string): Promise<Result> {
    const lines = text.replaceAll("{{ Action }}", action);
    const file = join(hosts.directory, "script.sh");
    writeFileSync(file, lines);
    hosts.put(HOST, file, "/var/tmp/step.sh");
    const address = hosts.some([HOST])[0]?.address ?? "";
    const command = "sh /var/tmp/step.sh; status=$?; rm -f /var/tmp/step.sh; exit $status";
    // This process serves packages and the metadata meanwhile.
    const words = [...hosts.sshOptions, `root@${address}`, command];
    return await finished(spawn("ssh", words, { stdio: ["ignore", "pipe", "pipe"], timeout: STEP_TIMEOUT_MS }));
  }

  it("has it, enrolled by what AWS signed, with its events in the database", async () => {
    const done = await run(script, "install");
    assert.equal(done.status, 0, done.stderr + done.stdout);
    assert.match(done.stdout, /event [0-9a-f-]+ is stored after/);
    assert.equal(hosts.sure(HOST, "hosttrail-agent --version").trim(), `hosttrail-agent ${VERSIONS.old}`);
    assert.match(stack.hosttrail("host", "list"), new RegExp(`env=cloud,aws.account=${ACCOUNT}.*i-0123456789abcdef0`));
    assert.equal(imds.asked.get("GET /latest/dynamic/instance-identity/rsa2048"), 1);
    assert.equal(hosts.sure(HOST, "ls /var/lib/hosttrail-agent/enrollment-token 2>/dev/null || true"), "", "no token");
  });

  it("is as it was after the association ran once more, and after its user data, on EC2 or on a node of EKS", async () => {
    for (const [text, action] of [
      [script, "install"],
      [userData, ""],
      [nodePart, ""],
    ] as const) {
      const again = await run(text, action);
      assert.equal(again.status, 0, again.stderr);
      assert.doesNotMatch(again.stdout, /hosttrail: changed/);
    }
  });

  it("proves it again when it is asked, and does nothing else", async () => {
    const done = await run(script, "verify");
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stdout, /event [0-9a-f-]+ is stored after/);
    assert.doesNotMatch(done.stdout, /changed/);
  });

  it("ships what it has when its end is announced, which the module instance-ends has it do", () => {
    assert.match(hosts.sure(HOST, "hosttrail-agent end --timeout 60"), /^all events up to number \d+ are stored/);
  });

  it("counts as failed where its word is none of the three, and where no collector is in reach", async () => {
    const wrong = await run(script, "purge");
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /none of install, verify and remove\. Nothing was changed/);
    await stack.collector.stop();
    const done = await run(script, "install");
    assert.notEqual(done.status, 0);
    assert.match(done.stderr, /can be reached from this host\. Nothing was changed/);
    await stack.startCollector();
  });

  it("is without it, and without anything of it, when it was removed", async () => {
    const done = await run(script, "remove");
    assert.equal(done.status, 0, done.stderr);
    assert.equal(hosts.ssh(HOST, "command -v hosttrail-agent").status, 1);
    assert.equal(
      hosts.sure(
        HOST,
        "find /etc /var/lib /var/tmp /usr/share -xdev -iname '*hosttrail*' -not -path '/var/lib/dpkg/*'",
      ),
      "",
    );
  });
});

/** What cloud-init would run of user data of many parts. Source: RFC 2046. */
function shellPartOf(text: string): string {
  const [, boundary = "none"] = /^Content-Type: multipart\/mixed; boundary="([^"]+)"$/m.exec(text) ?? [];
  const parts = text.split(`--${boundary}`).slice(1);
  assert.equal(parts.at(-1)?.trim(), "--", "the last part is followed by the end");
  const [part = ""] = parts;
  const [head = "", ...body] = part.trimStart().split("\n\n");
  assert.match(head, /^Content-Type: text\/x-shellscript/);
  return body.join("\n\n");
}

/** Signs as AWS does: an RSA key with a certificate of its own. */
function signer(directory: string): { certificateFile: string; identity: string } {
  const [key = "", certificateFile = "", file = ""] = ["aws.key", "aws.crt", "document"].map((name) =>
    join(directory, name),
  );
  const make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=aws"];
  execFileSync("openssl", [...make, "-keyout", key, "-out", certificateFile], { stdio: "ignore" });
  const pendingTime = new Date().toISOString();
  const instanceId = "i-0123456789abcdef0";
  writeFileSync(file, JSON.stringify({ accountId: ACCOUNT, instanceId, region: "eu-central-1", pendingTime }));
  const sign = ["smime", "-sign", "-nodetach", "-binary", "-md", "sha256", "-outform", "DER", "-in", file];
  const der = execFileSync("openssl", [...sign, "-signer", certificateFile, "-inkey", key]);
  return { certificateFile, identity: der.toString("base64") };
}
