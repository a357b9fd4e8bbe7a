/** The images, built from their Dockerfiles by an engine (buildah): on a base that is made of Debian's packages, as no registry of images is at hand. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

const ROOT = new URL("..", import.meta.url).pathname;
const CONTAINERS = "integrations/containers";
/** Made once: Debian's packages come from the network. */
const BASE = join(ROOT, ".hosttrail/tools/image-base.tar");
const VERSION = "0.0.1";

const absent = ["buildah", "mmdebstrap"].filter((command) => spawnSync(command, ["--version"]).error !== undefined);
const missing =
  process.getuid?.() !== 0
    ? "the base of images wants root"
    : absent.length > 0
      ? `not installed: ${absent.join(", ")}`
      : undefined;

const IMAGES = [
  {
    product: "agent",
    dockerfile: `${CONTAINERS}/agent/Dockerfile`,
    user: "0:0",
    entry: "/app/hosttrail-agent-keeper",
    program: "/app/agent.cjs",
  },
  {
    product: "collector",
    dockerfile: `${CONTAINERS}/Dockerfile`,
    user: "65532:65532",
    entry: "/app/node",
    program: "/app/collector.mjs",
  },
] as const;

describe("images that an engine builds", { skip: missing ?? false, timeout: 900_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), "hosttrail-build-"));
  const context = join(scratch, "context");
  const configuration = join(scratch, "storage.conf");
  const policy = join(scratch, "policy.json");

  const buildah = (...words: string[]): string =>
    execFileSync("buildah", words, {
      cwd: context,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, CONTAINERS_STORAGE_CONF: configuration, BUILDAH_ISOLATION: "chroot" },
    }).trim();

  before(() => {
    mkdirSync(context);
    const storage = ["run", "graph"].map((part) => `${part}root = "${join(scratch, part)}"\n`).join("");
    writeFileSync(configuration, `[storage]\ndriver = "vfs"\n${storage}`);
    // Nothing is fetched, so nothing is to be trusted.
    writeFileSync(
      policy,
      '{"default":[{"type":"reject"}],"transports":{"containers-storage":{"":[{"type":"insecureAcceptAnything"}]}}}',
    );
    if (!existsSync(BASE)) {
      mkdirSync(join(BASE, ".."), { recursive: true });
      execFileSync("mmdebstrap", ["--quiet", "--variant=apt", "--mode=root", "bookworm", `${BASE}.new.tar`], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      renameSync(`${BASE}.new.tar`, BASE);
    }
    const container = buildah("from", "--signature-policy", policy, "scratch");
    buildah("add", "--quiet", container, BASE, "/");
    buildah("commit", "--signature-policy", policy, "--quiet", "--rm", container, "localhost/base:12");
    cpSync(join(ROOT, CONTAINERS), join(context, CONTAINERS), { recursive: true });
    for (const { product } of IMAGES) {
      const words = [
        product,
        process.arch,
        "--format",
        "tar",
        "--fast",
        "--out",
        join(context, "dist"),
        "--version",
        VERSION,
      ];
      execFileSync(process.execPath, [join(ROOT, "tools/package/main.ts"), ...words], { stdio: "pipe" });
    }
  });
  after(() => {
    rmSync(scratch, { recursive: true, force: true });
  });

  for (const { product, dockerfile, user, entry, program } of IMAGES)
    it(`have the ${product}, which runs and is started as its Dockerfile says`, () => {
      const name = `localhost/hosttrail-${product}:${VERSION}`;
      const variables = { BASE: "localhost/base:12", VERSION, ARCH: process.arch };
      const given = Object.entries(variables).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]);
      buildah(
        "bud",
        "--signature-policy",
        policy,
        "--pull-never",
        "--quiet",
        "--file",
        dockerfile,
        ...given,
        "--tag",
        name,
        ".",
      );
      const { OCIv1: image } = JSON.parse(buildah("inspect", "--type", "image", name)) as {
        OCIv1: { config: { User: string; Entrypoint: string[] }; rootfs: { diff_ids: string[] } };
      };
      assert.equal(image.config.User, user);
      assert.equal(image.config.Entrypoint[0], entry);
      // Nothing of the stage with the shell is in it.
      assert.equal(image.rootfs.diff_ids.length, 1);
      const container = buildah("from", "--signature-policy", policy, "--pull-never", name);
      assert.match(
        buildah("run", container, "--", "/app/node", program, "--version"),
        new RegExp(`^hosttrail-${product} 0\\.0\\.1$`, "m"),
      );
      assert.throws(() => buildah("run", container, "--", "/bin/sh", "-c", "true"));
    });
});
