/** The agent on the nodes of a cluster: its chart by the programs of those it is for, and its pod by an OCI runtime with just the manifest's rights. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { agentSchema, type AgentConfig } from "@hosttrail/agent/config";
import { parseConfig } from "@hosttrail/lib/config";
import { parseAllDocuments, stringify } from "yaml";
import { checker, whyNoCheckers } from "./checkers.ts";
import { eventually, openStack, queryClient, searchAll } from "./environment.ts";
import {
  bundle,
  type Engine,
  execute,
  firstProcess,
  type PodSpec,
  remove,
  runToEnd,
  start,
  terminate,
  whyNoEngine,
} from "./nodes/engine.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const FOLDER = join(ROOT, "integrations/containers/agent");
const CHART = join(FOLDER, "chart");
const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const VALUES = {
  ca: PEM,
  config: {
    collector: { endpoints: ["collector.example.org:7443"] },
    enroll: { endpoints: ["collector.example.org:7445"] },
  },
};
const CAPABILITIES = [
  "AUDIT_CONTROL",
  "AUDIT_READ",
  "AUDIT_WRITE",
  "DAC_READ_SEARCH",
  "NET_ADMIN",
  "SYS_CHROOT",
  "SYS_PTRACE",
];

/** Helm takes what is null away. */
const NAME_ALONE = { k8s_provider_id: null, k8s_zone: null, k8s_instance_type: null };

interface Manifest {
  kind: string;
  metadata: { name: string };
  data: Record<string, string>;
  rules: unknown;
  spec: { template: { metadata: { annotations: Record<string, string> }; spec: PodSpec & Record<string, unknown> } };
}

const scratch = mkdtempSync(join(tmpdir(), "hosttrail-nodes-"));
after(() => rmSync(scratch, { recursive: true }));

function template(values: object, kube = "1.31.0"): string {
  const file = join(scratch, "values.yaml");
  writeFileSync(file, stringify(values));
  return execFileSync(checker("helm"), ["template", "audit", CHART, "--values", file, "--kube-version", kube], {
    encoding: "utf8",
    stdio: "pipe",
  });
}

function manifestsOf(values: object, kube?: string): Map<string, Manifest> {
  const all = parseAllDocuments(template(values, kube)).flatMap(
    (document) => (document.toJS() as Manifest | null) ?? [],
  );
  return new Map(all.map((manifest) => [manifest.kind, manifest]));
}

const missing = whyNoCheckers();

describe("the agent's chart", { skip: missing ?? false, timeout: 900_000 }, () => {
  it("is right by helm, and makes objects that Kubernetes knows", () => {
    const file = join(scratch, "lint.yaml");
    writeFileSync(file, stringify(VALUES));
    execFileSync(checker("helm"), ["lint", "--strict", CHART, "--values", file], { stdio: "pipe" });
    for (const values of [
      VALUES,
      { ...VALUES, nodeLabels: NAME_ALONE, tokenSecret: "", seLinuxType: "spc_t", priorityClassName: "" },
      {
        ...VALUES,
        ownRules: "-w /etc/x -p wa -k x\n",
        spec: "example@0123",
        image: { digest: `sha256:${"0".repeat(64)}` },
      },
    ])
      for (const kube of ["1.25.0", "1.31.0"])
        execFileSync(checker("manifests"), [], { input: template(values, kube), stdio: "pipe" });
    const input = template(VALUES).replace("hostPID", "hostPid");
    assert.notEqual(spawnSync(checker("manifests"), [], { input }).status, 0);
  });

  it("gives the agent a configuration that it takes, with the chart's own folders and the host's root", () => {
    const config = manifestsOf(VALUES).get("ConfigMap")?.data["agent.json"] ?? "";
    const { hostRoot, collector, audit } = parseConfig<AgentConfig>(config, "agent.json", agentSchema);
    assert.equal(hostRoot, "/proc/1/root");
    assert.deepEqual(collector.endpoints, VALUES.config.collector.endpoints);
    assert.equal(collector.caFile, "/etc/hosttrail-agent/ca.pem");
    assert.equal(audit.rulesFiles.length, 2);
  });

  it("gives it these capabilities and no others, no privilege, a root that cannot be written to, and no access to Kubernetes", () => {
    const pod = manifestsOf(VALUES).get("DaemonSet")?.spec.template.spec;
    assert.ok(pod);
    const [agent] = pod.containers;
    const { capabilities, ...context } = agent?.securityContext ?? { capabilities: undefined };
    assert.deepEqual(capabilities, { drop: ["ALL"], add: CAPABILITIES });
    assert.deepEqual(context, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      appArmorProfile: { type: "Unconfined" },
    });
    assert.deepEqual([pod.hostPID, pod.hostNetwork, pod["hostIPC"]], [true, true, undefined]);
    assert.equal(pod["automountServiceAccountToken"], false);
    assert.ok(agent?.volumeMounts.every(({ name }) => name !== "service-account" && name !== "token"));
    for (const { env } of pod.containers) assert.equal(env, undefined);
    assert.deepEqual(pod.initContainers[0]?.securityContext.capabilities, { drop: ["ALL"] });
    assert.deepEqual(manifestsOf(VALUES).get("ClusterRole")?.rules, [
      { apiGroups: [""], resources: ["nodes"], verbs: ["get"] },
    ]);
  });

  it("asks for no right where the node's name is enough, and says AppArmor's word as each Kubernetes wants it", () => {
    assert.equal(manifestsOf({ ...VALUES, nodeLabels: NAME_ALONE }).has("ClusterRole"), false);
    const { metadata, spec } = manifestsOf(VALUES, "1.28.0").get("DaemonSet")?.spec.template ?? {};
    assert.equal(metadata?.annotations["container.apparmor.security.beta.kubernetes.io/agent"], "unconfined");
    assert.equal("appArmorProfile" in (spec?.containers[0]?.securityContext ?? {}), false);
  });

  it("refuses values without a collector or its authority, two agents on a node, and folders that are its own matter", () => {
    assert.throws(() => template({ ...VALUES, ca: "" }), /ca/);
    assert.throws(
      () => template({ ...VALUES, config: { ...VALUES.config, collector: { endpoints: [] } } }),
      /endpoints/,
    );
    assert.throws(() => template({ ...VALUES, config: { ...VALUES.config, host_root: "/" } }), /config/);
    assert.throws(() => template({ ...VALUES, updateStrategy: { rollingUpdate: { maxSurge: 1 } } }), /maxSurge/);
  });
});

const hasHadolint = spawnSync("hadolint", ["--version"]).error === undefined;

describe("the agent's Dockerfile", () => {
  it("is right by hadolint", { skip: hasHadolint ? false : "hadolint is not installed" }, () => {
    execFileSync("hadolint", [join(FOLDER, "Dockerfile")], { stdio: "pipe" });
  });

  it("copies what there is", () => {
    const text = readFileSync(join(FOLDER, "Dockerfile"), "utf8");
    const paths = Array.from(text.matchAll(/integrations\/\S+\.(?:sh|mjs)/g), ([path]) => path);
    assert.equal(paths.length, 3);
    for (const path of paths) assert.ok(existsSync(join(ROOT, path)), path);
  });
});

const PROVIDER = "aws:///eu-central-1a/i-0123456789abcdef0";

describe("the agent's pod, by an OCI runtime", { skip: missing ?? whyNoEngine() ?? false, timeout: 900_000 }, () => {
  const root = join(scratch, "root");
  const id = `hosttrail-nodes-${process.pid}`;
  const volumes = Object.fromEntries(
    ["config", "settings", "token", "service-account", "state", "runtime", "tmp"].map((name) => {
      const folder = join(scratch, "volumes", name);
      mkdirSync(folder, { recursive: true });
      return [name, folder];
    }),
  );
  let stack: Awaited<ReturnType<typeof openStack>>;
  let engine: Engine;
  let asked = "";
  let said = "";
  let child: ChildProcess | undefined;
  // Stands for Kubernetes' own API: one node, to whoever has the token.
  let api: ReturnType<typeof createServer> | undefined;
  let apiPort = 0;
  // Where this machine lets nobody look at its first process, any other of its own namespaces is as good.
  const hostRoot = ((): string => {
    try {
      readdirSync("/proc/1/root/etc");
      return "/proc/1/root";
    } catch {
      return `/proc/${process.pid}/root`;
    }
  })();

  before(async () => {
    const words = ["agent", process.arch, "--format", "folder", "--out", scratch, "--version", "0.0.1"];
    execFileSync(process.execPath, [join(ROOT, "tools/package/main.ts"), ...words], { stdio: "pipe" });
    execFileSync(join(FOLDER, "root.sh"), [join(scratch, `hosttrail-agent-0.0.1-linux-${process.arch}`), root], {
      stdio: "pipe",
    });
    stack = await openStack();
    await stack.startServices();
    await stack.startCollector();
    const [key, cert] = [`${stack.serverPath}.key`, `${stack.serverPath}.crt`].map((path) => readFileSync(path));
    const server = createServer({ key, cert }, (request, response) => {
      asked = `${request.headers.authorization} ${request.url}`;
      response.end(
        JSON.stringify({
          spec: { providerID: PROVIDER },
          metadata: { labels: { "topology.kubernetes.io/zone": "eu-central-1a" } },
        }),
      );
    });
    api = server;
    await new Promise<void>((resolve) => void server.listen(0, "localhost", resolve));
    apiPort = (server.address() as AddressInfo).port;
    const config = {
      collector: { endpoints: [`localhost:${stack.ingestPort}`] },
      enroll: { endpoints: [`localhost:${stack.enrollPort}`] },
      // Listens to the kernel and changes nothing of it.
      source: { mode: "multicast" },
      audit: { manage: "never", rules_files: [], rules_directory: "", exclude_self: false },
      labels: { env: "test" },
    };
    const ca = readFileSync(join(stack.authority, "ca.crt"), "utf8");
    const manifests = manifestsOf({ ca, config, ownRules: "-w /etc/hostname -p wa -k name\n", spec: "example@0123" });
    const given = manifests.get("ConfigMap")?.data ?? {};
    const own = JSON.parse(given["agent.json"] ?? "") as Record<string, unknown>;
    for (const [name, text] of Object.entries({
      ...given,
      "agent.json": JSON.stringify({ ...own, host_root: hostRoot }),
    }))
      writeFileSync(join(volumes["config"] ?? "", name), text);
    stack.hosttrail("token", "create", "--output", join(volumes["token"] ?? "", "token"));
    writeFileSync(join(volumes["service-account"] ?? "", "token"), "a-token\n");
    writeFileSync(join(volumes["service-account"] ?? "", "ca.crt"), ca);
    const dockerfile = readFileSync(join(FOLDER, "Dockerfile"), "utf8");
    const pod = manifests.get("DaemonSet")?.spec.template.spec;
    assert.ok(pod);
    engine = {
      root,
      volumes,
      pod,
      directory: join(scratch, "bundles"),
      entrypoint: JSON.parse(/^ENTRYPOINT (.+)$/m.exec(dockerfile)?.[1] ?? "[]") as string[],
      environment: [/^ENV (.+)$/m.exec(dockerfile)?.[1] ?? ""],
      fields: { "spec.nodeName": "node-1" },
    };
  });
  after(async () => {
    child?.kill();
    remove(id);
    api?.close();
    await stack[Symbol.asyncDispose]();
  });

  const initialise = (more: Record<string, string> = {}): Promise<string> => {
    const [settings] = engine.pod.initContainers;
    assert.ok(settings);
    const env = Object.entries({
      KUBERNETES_SERVICE_HOST: "localhost",
      KUBERNETES_SERVICE_PORT: String(apiPort),
      ...more,
    }).map(([name, value]) => ({ name, value }));
    const spec = { ...settings, env: [...(settings.env ?? []), ...env] };
    return runToEnd(bundle(engine, spec), `${id}-settings`);
  };
  const labels = (): unknown =>
    (JSON.parse(readFileSync(join(volumes["settings"] ?? "", "agent.yaml"), "utf8")) as { labels: unknown }).labels;

  it("has no shell, and nothing that others may write to", () => {
    for (const path of ["bin", "sbin", "usr/bin", "usr/sbin"]) assert.equal(existsSync(join(root, path)), false, path);
    for (const file of readdirSync(root, { recursive: true, encoding: "utf8" })) {
      const { mode } = statSync(join(root, file), { throwIfNoEntry: false }) ?? {};
      if (mode !== undefined && (mode & 0o6022) !== 0) assert.equal(file, "tmp", `${file} is set-uid, or others'`);
    }
  });

  it("learns which node it is, and goes on without where Kubernetes does not say", async () => {
    assert.match(await initialise({ KUBERNETES_SERVICE_PORT: "1" }), /Kubernetes does not say what node node-1 is/);
    assert.deepEqual(labels(), { k8s_node: "node-1", env: "test" });
    assert.equal(await initialise(), "");
    assert.equal(asked, "Bearer a-token /api/v1/nodes/node-1");
    assert.deepEqual(labels(), {
      k8s_node: "node-1",
      k8s_provider_id: PROVIDER,
      k8s_zone: "eu-central-1a",
      env: "test",
    });
    for (const path of ["agent.yaml", "token", "rules.d/fleet.rules"])
      assert.equal(statSync(join(volumes["settings"] ?? "", path)).mode & 0o777, 0o600, path);
    assert.equal(statSync(volumes["state"] ?? "").mode & 0o777, 0o700);
  });

  it("enrols, listens to the kernel, sees its host, and proves that its events arrive", async () => {
    const [agent] = engine.pod.containers;
    assert.ok(agent);
    child = start(bundle(engine, agent), id, (text) => {
      said += text;
    });
    const socket = "/run/hosttrail-agent/control.sock";
    await eventually("readiness", 60_000, async () => {
      if (child?.exitCode !== null) throw new Error(said);
      const { status, text } = execute(id, "/app/node", "/app/probe.mjs", "ready", socket);
      if (status !== 0) throw new Error(`${text}\n${said.slice(-2000)}`);
      return true;
    });
    assert.equal(execute(id, "/app/node", "/app/probe.mjs", "live", socket).status, 0);
    const doctor = execute(id, "/app/node", "/app/agent.cjs", "doctor").text;
    for (const line of [
      `ok       the host's files are seen by ${hostRoot}`,
      "ok       CAP_AUDIT_CONTROL and CAP_AUDIT_READ are there",
      `ok       connected to the collector localhost:${stack.ingestPort}`,
      ...(readlinkSync("/proc/self/ns/pid") === "pid:[4026531836]" ? ["ok       in the first pid namespace"] : []),
    ])
      assert.ok(doctor.includes(`${line}\n`), `${line}\n${doctor}`);
    assert.equal(existsSync(join(volumes["settings"] ?? "", "token")), false, "the used token is still there");
    const proof = execute(id, "/app/node", "/app/agent.cjs", "verify", "--timeout", "60");
    assert.equal(proof.status, 0, `${proof.text}\n${said.slice(-2000)}`);
    const client = queryClient(stack);
    const [event] = await searchAll(client, { filter: "event.action = started-agent" });
    client.close();
    // The image has no such files: they are the host's.
    const { name, osName, machineId, labels: told } = event?.host ?? {};
    const os = /^NAME="?(.*?)"?$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
    assert.deepEqual([name, osName, machineId], [hostname(), os, readFileSync("/etc/machine-id", "utf8").trim()]);
    assert.ok(told?.some(({ key, value }) => key === "k8s_provider_id" && value === PROVIDER));
  });

  it("does not run beside another agent of the node, which goes on", async () => {
    const [agent] = engine.pod.containers;
    assert.ok(agent);
    await assert.rejects(runToEnd(bundle(engine, agent), `${id}-second`), /another agent runs/);
    assert.equal(child?.exitCode, null);
    const proof = execute(id, "/app/node", "/app/agent.cjs", "verify", "--timeout", "60");
    assert.equal(proof.status, 0, proof.text);
  });

  it("goes on in the same pod when the agent is killed", async () => {
    const keeper = firstProcess(id);
    const agentOf = (): number => Number(readFileSync(`/proc/${keeper}/task/${keeper}/children`, "utf8").trim());
    const before = agentOf();
    process.kill(before, "SIGKILL");
    await eventually("the agent's next life", 30_000, async () => {
      const { status, text } = execute(id, "/app/node", "/app/agent.cjs", "verify", "--timeout", "5");
      if (status !== 0) throw new Error(text);
      return true;
    });
    assert.notEqual(agentOf(), before);
    assert.equal(child?.exitCode, null);
  });

  it("says goodbye when it is asked to end", async () => {
    const ended = new Promise<number | null>((resolve) => void child?.once("exit", resolve));
    terminate(id);
    assert.equal(await ended, 0, said.slice(-2000));
    assert.match(said, /"stopping"/);
  });

  it("would not read without CAP_AUDIT_WRITE under this seccomp profile, and says so", async () => {
    const [agent] = engine.pod.containers;
    assert.ok(agent);
    const { capabilities, ...context } = agent.securityContext;
    const add = capabilities.add?.filter((name) => name !== "AUDIT_WRITE") ?? [];
    const spec = { ...agent, securityContext: { ...context, capabilities: { drop: ["ALL"], add } } };
    await assert.rejects(runToEnd(bundle(engine, spec), `${id}-less`), /seccomp profile.*CAP_AUDIT_WRITE/);
  });

  it("does not begin where it cannot see the host, and says what is missing", async () => {
    const [agent] = engine.pod.containers;
    assert.ok(agent);
    const { capabilities, ...context } = agent.securityContext;
    const add = capabilities.add?.filter((name) => name !== "SYS_PTRACE") ?? [];
    const spec = { ...agent, securityContext: { ...context, capabilities: { drop: ["ALL"], add } } };
    await assert.rejects(runToEnd(bundle(engine, spec), `${id}-blind`), /host_root is .*CAP_SYS_PTRACE/);
  });

  const isKnown = hostRoot === "/proc/1/root" && readlinkSync("/proc/self/ns/pid") === "pid:[4026531836]";
  const unknown = isKnown ? false : "this machine's first process may not be looked at, whose network is the host's";

  it("does not begin to listen in another network, where nothing would ever come", { skip: unknown }, async () => {
    const [agent] = engine.pod.containers;
    assert.ok(agent);
    const apart = { ...engine, pod: { ...engine.pod, hostNetwork: false } };
    await assert.rejects(runToEnd(bundle(apart, agent), `${id}-apart`), /hostNetwork/);
  });
});
