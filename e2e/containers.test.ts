/** What is there for containers, by the programs of those it is for; and the image's root with a collector in it that works. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type CollectorConfig, collectorSchema } from "@hosttrail/collector/config";
import { parseConfig } from "@hosttrail/lib/config";
import { freePort } from "@hosttrail/stack";
import { parse, parseAllDocuments, stringify } from "yaml";
import { checker, whyNoCheckers } from "./checkers.ts";
import { eventually, openStack } from "./environment.ts";
import { fetchPath } from "./http.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const FOLDER = join(ROOT, "integrations/containers");
const CHART = join(FOLDER, "chart");
const SCALED = "keda.sh/v1alpha1/ScaledObject";
const USER = 65_532;

const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  "as it comes": [],
  "with KEDA": ["--set", "keda.enabled=true", "--set", "keda.prometheusAddress=http://prometheus:9090"],
  "scaled by CPU": ["--set", "autoscaling.enabled=true"],
  "with one role and little else": [
    "--set",
    `networkPolicy.enabled=false,${["ingest", "enroll", "store", "compact", "detect", "notify"].map((role) => `roles.${role}=null`).join(",")}`,
  ],
};

interface Manifest {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  spec?: Record<string, unknown>;
}

describe("the chart", { skip: whyNoCheckers() ?? false, timeout: 900_000 }, () => {
  const template = (words: readonly string[]): string =>
    execFileSync(checker("helm"), ["template", "audit", CHART, "--kube-version", "1.31.0", ...words], {
      encoding: "utf8",
      stdio: "pipe",
    });
  const manifestsOf = (words: readonly string[]): Manifest[] =>
    parseAllDocuments(template(words)).flatMap((document) => (document.toJS() as Manifest | null) ?? []);

  it("is right by helm", () => {
    execFileSync(checker("helm"), ["lint", "--strict", CHART], { stdio: "pipe" });
  });

  for (const [name, words] of Object.entries(VARIANTS))
    it(`makes objects that Kubernetes knows, ${name}`, () => {
      execFileSync(checker("manifests"), [SCALED], { input: template(words), stdio: "pipe" });
    });

  it("would not, with a field that Kubernetes does not know", () => {
    const input = template([]).replace("automountServiceAccountToken", "automountToken");
    assert.notEqual(spawnSync(checker("manifests"), [SCALED], { input }).status, 0);
  });

  it("gives each role a configuration that a collector takes, with this role alone", () => {
    const maps = manifestsOf([]).filter(({ kind }) => kind === "ConfigMap");
    assert.equal(maps.length, 7);
    for (const { metadata, data } of maps) {
      const config = parseConfig<CollectorConfig>(data?.["collector.yaml"] ?? "", metadata.name, collectorSchema);
      assert.equal(`audit-${config.roles.join()}`, metadata.name);
    }
  });

  it("lets no pod be root, write to its root, or have a secret in its environment", () => {
    for (const { kind, spec } of manifestsOf(VARIANTS["with KEDA"] ?? [])) {
      if (kind !== "Deployment") continue;
      const { template: pod } = spec as { template: { spec: Record<string, unknown> } };
      const { securityContext, containers, initContainers, automountServiceAccountToken } = pod.spec as {
        securityContext: { runAsNonRoot: boolean; runAsUser: number };
        automountServiceAccountToken: boolean;
        containers: { env?: unknown; securityContext: Record<string, unknown> }[];
        initContainers: { env?: unknown; securityContext: Record<string, unknown> }[];
      };
      assert.deepEqual([securityContext.runAsNonRoot, securityContext.runAsUser], [true, USER]);
      assert.equal(automountServiceAccountToken, false);
      for (const container of [...containers, ...initContainers]) {
        assert.equal(container.env, undefined);
        assert.deepEqual(container.securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
      }
    }
  });

  it("scales by lag and CPU where it is told to, and says how many there are where it is not", () => {
    const kinds = (words: readonly string[]): string[] =>
      manifestsOf(words).flatMap(({ kind, metadata, spec }) =>
        kind === "ScaledObject" || kind === "HorizontalPodAutoscaler"
          ? [`${kind} ${metadata.name}`]
          : kind === "Deployment" && spec?.["replicas"] === undefined
            ? [`no number of ${metadata.name}`]
            : [],
      );
    assert.deepEqual(kinds([]), []);
    assert.deepEqual(kinds(VARIANTS["with KEDA"] ?? []).toSorted(), [
      "HorizontalPodAutoscaler audit-ingest",
      "ScaledObject audit-compact",
      "ScaledObject audit-detect",
      "ScaledObject audit-store",
      "no number of audit-compact",
      "no number of audit-detect",
      "no number of audit-ingest",
      "no number of audit-store",
    ]);
    assert.deepEqual(kinds(VARIANTS["scaled by CPU"] ?? []).toSorted(), [
      "HorizontalPodAutoscaler audit-ingest",
      "no number of audit-ingest",
    ]);
  });

  it("refuses roles that there are none of, and KEDA without a Prometheus", () => {
    assert.throws(() => template(["--set", "roles.stor.replicas=1"]), /roles/);
    assert.throws(() => template(["--set", "keda.enabled=true"]), /prometheusAddress/);
    assert.throws(() => template(["--set", "config.roles={all}"]), /config/);
  });
});

describe("the compose file", { skip: whyNoCheckers() ?? false, timeout: 900_000 }, () => {
  const file = join(FOLDER, "compose/compose.yaml");
  const env = { ...process.env, NATS_IMAGE: "nats", MONGODB_IMAGE: "mongo" };

  it("is one by Compose's own loader, wants images to be named, and has a configuration that a collector takes", () => {
    const services = execFileSync(checker("compose"), [file], { encoding: "utf8", env, stdio: "pipe" });
    assert.deepEqual(services.trim().split("\n").toSorted(), ["collector", "mongodb", "nats"]);
    assert.match(spawnSync(checker("compose"), [file], { encoding: "utf8" }).stderr, /an image of/);
    const config = readFileSync(join(FOLDER, "compose/collector.yaml"), "utf8");
    parseConfig<CollectorConfig>(config, "collector.yaml", collectorSchema);
  });
});

const hasHadolint = spawnSync("hadolint", ["--version"]).error === undefined;

describe("the Dockerfile", () => {
  it("is right by hadolint", { skip: hasHadolint ? false : "hadolint is not installed" }, () => {
    execFileSync("hadolint", [join(FOLDER, "Dockerfile")], { stdio: "pipe" });
  });

  it("copies what there is", () => {
    const text = readFileSync(join(FOLDER, "Dockerfile"), "utf8");
    for (const [path = ""] of text.matchAll(/integrations\/\S+\.(?:sh|mjs)/g))
      assert.ok(existsSync(join(ROOT, path)), path);
    const lines = text.split("\n");
    const last = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM")));
    assert.ok(last.some((line) => line.startsWith(`USER ${USER}:`)));
    assert.ok(!last.some((line) => line.startsWith("RUN")), "the image has no shell to run anything");
  });
});

const isRoot = process.getuid?.() === 0;

describe("the image's root", { skip: isRoot ? false : "chroot wants root", timeout: 600_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), "hosttrail-image-"));
  const root = join(scratch, "root");
  let stack: Awaited<ReturnType<typeof openStack>>;

  before(async () => {
    execFileSync(
      process.execPath,
      [
        join(ROOT, "tools/package/main.ts"),
        "collector",
        process.arch,
        "--format",
        "folder",
        "--out",
        scratch,
        "--version",
        "0.0.1",
      ],
      { stdio: "pipe" },
    );
    const unpacked = join(scratch, `hosttrail-collector-0.0.1-linux-${process.arch}`);
    execFileSync(join(FOLDER, "root.sh"), [unpacked, root], { stdio: "pipe" });
    stack = await openStack();
    await stack.startServices();
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    rmSync(scratch, { recursive: true });
  });

  /** Its programs, as the image's user. */
  const inside = (...words: string[]): string[] => [`--userspec=${USER}:${USER}`, root, "/app/node", ...words];

  it("has no shell and nothing that belongs to somebody else", () => {
    for (const path of ["bin", "sbin", "usr/bin", "usr/sbin"]) assert.equal(existsSync(join(root, path)), false, path);
    const files = readdirSync(root, { recursive: true, encoding: "utf8" });
    for (const file of files) {
      const { mode } = statSync(join(root, file), { throwIfNoEntry: false }) ?? {};
      if (mode !== undefined && (mode & 0o6002) !== 0) assert.equal(file, "tmp", `${file} is set-uid, or anybody's`);
    }
  });

  it("has a collector that is healthy, reads secrets as Kubernetes gives them, and stops in order", async () => {
    const own = parse(readFileSync(join(dirname(stack.profileFile), "collector.yaml"), "utf8")) as {
      tls: Record<string, string>;
      ca: Record<string, string>;
    };
    // As kubelet mounts them: of root, for a group as well, behind links.
    const given = join(root, "tmp/secrets");
    mkdirSync(join(given, "..data"), { recursive: true });
    const put = (path: string): string => {
      const name = path.slice(path.lastIndexOf("/") + 1);
      copyFileSync(path, join(given, name));
      execFileSync("chown", [`0:${USER}`, join(given, name)]);
      execFileSync("chmod", ["0440", join(given, name)]);
      return `/run/hosttrail/${name}`;
    };
    const section = (files: Record<string, string>): Record<string, string> =>
      Object.fromEntries(Object.entries(files).map(([key, path]) => [key, put(path)]));
    const [metrics, ingest, query, enroll] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const config = {
      ...own,
      tls: section(own.tls),
      ca: section(own.ca),
      ingest: { listen: `127.0.0.1:${ingest}` },
      query: { listen: `127.0.0.1:${query}` },
      enroll: { listen: `127.0.0.1:${enroll}` },
      metrics: { listen: `127.0.0.1:${metrics}` },
    };
    writeFileSync(join(root, "etc/hosttrail/collector.yaml"), stringify(config), { mode: 0o644 });
    execFileSync("chroot", inside("/app/secrets.mjs", "/tmp/secrets", "/run/hosttrail"), { stdio: "pipe" });
    rmSync(given, { recursive: true });

    const words = inside("--stack-trace-limit=1", "/app/collector.mjs", "--config", "/etc/hosttrail/collector.yaml");
    const child = spawn("chroot", words, { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stderr.on("data", (text: Buffer) => {
      said += text.toString();
    });
    child.stdout.resume();
    const ended = new Promise<number | null>((resolve) => void child.once("exit", resolve));
    try {
      await eventually("readiness", 60_000, async () => {
        if (child.exitCode !== null) throw new Error(said);
        const { status, body } = await fetchPath(metrics, "/readyz");
        if (status !== 200) throw new Error(`${body}\n${said.slice(-2000)}`);
        return true;
      });
      const dockerfile = readFileSync(join(FOLDER, "Dockerfile"), "utf8");
      const [, check = ""] = /CMD \["\/app\/node", "-e", "(.+)"\]/.exec(dockerfile) ?? [];
      const health = (port: number): number | null =>
        spawnSync("chroot", inside("-e", check.replace("9464", String(port)))).status;
      assert.equal(health(metrics), 0);
      assert.equal(health(await freePort()), 1);
    } finally {
      child.kill("SIGTERM");
    }
    assert.equal(await ended, 0, said.slice(-2000));
  });
});
