import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Container, Event, type File, Process } from "@hosttrail/proto/event";
import { Imds } from "../imds/index.ts";
import { startImds } from "../imds/fixture.ts";
import { CloudIdentity, readAws, type Tag } from "./cloud.ts";
import { containerOf, groupPath } from "./container.ts";
import { FileHashes } from "./hash.ts";
import { Enricher } from "./index.ts";
import { type ProcessHost, ProcessTable } from "./processes.ts";
import { type ProcStat, readProcess } from "./procfs.ts";

const ID = "0123456789abcdef".repeat(4);

describe("a control group's path", () => {
  const cases: [string, string, Partial<Container>][] = [
    [
      "Docker on version 1",
      `3:cpu:/docker/${ID}\n1:name=systemd:/docker/${ID}`,
      { id: ID, runtime: "docker", systemdUnit: "" },
    ],
    [
      "Docker on version 2",
      `0::/system.slice/docker-${ID}.scope`,
      { id: ID, runtime: "docker", systemdUnit: `docker-${ID}.scope` },
    ],
    [
      "containerd under Kubernetes",
      `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-${ID}.scope`,
      { id: ID, runtime: "containerd" },
    ],
    ["Kubernetes on version 1", `5:memory:/kubepods/besteffort/pod1-2-3/${ID}`, { id: ID, runtime: "kubernetes" }],
    ["CRI-O", `0::/kubepods.slice/crio-${ID}.scope`, { id: ID, runtime: "cri-o" }],
    [
      "Podman",
      `0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`,
      { id: ID, runtime: "podman" },
    ],
    ["ECS", `9:cpu:/ecs/task-1/${ID}`, { id: ID, runtime: "ecs" }],
    [
      "LXC",
      "0::/lxc.payload.web1/system.slice/cron.service",
      { id: "web1", runtime: "lxc", systemdUnit: "cron.service" },
    ],
    [
      "systemd-nspawn",
      "0::/machine.slice/systemd-nspawn@web1.service/payload/system.slice/ssh.service",
      { id: "web1", runtime: "systemd-nspawn", systemdUnit: "ssh.service" },
    ],
    ["a service", "0::/system.slice/nginx.service", { id: "", runtime: "", systemdUnit: "nginx.service" }],
    [
      "a template's instance",
      "0::/system.slice/system-getty.slice/getty@tty1.service",
      { systemdUnit: "getty@tty1.service" },
    ],
    ["an escaped name", "0::/system.slice/my\\x2dapp.service", { systemdUnit: "my-app.service" }],
    [
      "version 1 beside an empty version 2",
      "0::/\n4:pids:/system.slice/ssh.service\n1:name=systemd:/system.slice/ssh.service",
      { systemdUnit: "ssh.service" },
    ],
  ];
  for (const [what, text, expected] of cases) {
    it(`of ${what}`, () => {
      const container = containerOf(groupPath(text));
      for (const [name, value] of Object.entries(expected)) assert.equal(container?.[name as "id"], value, name);
    });
  }

  it("is no container for what only looks like one, and never an error", () => {
    for (const text of [
      "",
      "0::/",
      "0::/user.slice",
      `0::/docker-${ID}x.scopes`,
      "not a line",
      "0::/docker/short",
      `0::${"/a".repeat(5000)}`,
    ]) {
      assert.equal(containerOf(groupPath(text))?.id ?? "", "");
    }
  });
});

describe("hashes of executables", () => {
  const folder = mkdtempSync(join(tmpdir(), "hosttrail-hash-"));
  after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "program");
  const inode = (): bigint => statSync(path, { bigint: true }).ino;
  const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

  it("are of the file that the kernel named, and of no other", () => {
    writeFileSync(path, "abc");
    const hashes = new FileHashes(1000);
    assert.equal(hashes.sha256(path, [inode()], performance.now()), ABC);
    assert.equal(hashes.sha256(path, [inode() + 1n], 0), "");
    assert.equal(hashes.sha256(path, [], 0), "");
    assert.equal(hashes.sha256(join(folder, "none"), [1n], 0), "");
    assert.equal(hashes.sha256(folder, [statSync(folder, { bigint: true }).ino], 0), "");
  });

  it("are not taken of large files, and not at all where they are off", () => {
    writeFileSync(path, "x".repeat(1001));
    assert.equal(new FileHashes(1000).sha256(path, [inode()], 0), "");
    assert.equal(new FileHashes(0).sha256(path, [inode()], 0), "");
  });

  it("follow a change of the content, also of the same size", () => {
    const hashes = new FileHashes(1000);
    writeFileSync(path, "abc");
    utimesSync(path, 1, 1);
    assert.equal(hashes.sha256(path, [inode()], performance.now()), ABC);
    writeFileSync(path, "abd");
    assert.notEqual(hashes.sha256(path, [inode()], performance.now()), ABC);
  });

  it("are looked at once for all events that came before", () => {
    const hashes = new FileHashes(1000);
    writeFileSync(path, "abc");
    utimesSync(path, 1, 1);
    const cameMs = performance.now();
    assert.equal(hashes.sha256(path, [inode()], cameMs), ABC);
    writeFileSync(path, "abd");
    assert.equal(hashes.sha256(path, [inode()], cameMs), ABC, "came before the look");
    assert.equal(hashes.sha256(path, [inode() + 1n], cameMs), "", "another file");
    assert.notEqual(hashes.sha256(path, [inode()], performance.now()), ABC, "came after it");
  });
});

const DOCUMENT = {
  accountId: "123456789012",
  region: "eu-central-1",
  availabilityZone: "eu-central-1b",
  instanceId: "i-1",
  instanceType: "m7g.large",
};

describe("the instance metadata service", () => {
  it("is asked with a token, and gives identity and tags", async () => {
    const service = await startImds({ "dynamic/instance-identity/document": JSON.stringify(DOCUMENT) });
    try {
      service.setTags({ "team a": "blue", Name: "web" });
      assert.deepEqual(await readAws(new Imds(service.url)), {
        provider: "aws",
        accountId: "123456789012",
        region: "eu-central-1",
        availabilityZone: "eu-central-1b",
        instanceId: "i-1",
        machineType: "m7g.large",
        tags: [
          { key: "Name", value: "web" },
          { key: "team a", value: "blue" },
        ],
      });
      assert.equal([...service.asked.keys()][0], "PUT /latest/api/token");
      // Tags that the instance does not show cost nothing else.
      service.setTags(undefined);
      assert.deepEqual((await readAws(new Imds(service.url))).tags, []);
      service.values.set("dynamic/instance-identity/document", "{}");
      await assert.rejects(readAws(new Imds(service.url)), /names no instance/);
    } finally {
      await service.stop();
    }
  });

  it("is asked for tags again, and tells those that are others; a question that fails changes nothing", async () => {
    const service = await startImds({ "dynamic/instance-identity/document": JSON.stringify(DOCUMENT) });
    service.setTags({ env: "test" });
    const told: string[] = [];
    const onTags = (now: readonly Tag[], before: readonly Tag[]): void =>
      void told.push([before, now].map((tags) => tags.map(({ key, value }) => `${key}=${value}`).join()).join(" -> "));
    const cloud = new CloudIdentity({ mode: "aws", endpoint: service.url, tagsIntervalMs: 20, onTags });
    const folder = "GET /latest/meta-data/tags/instance";
    const looks = async (count: number): Promise<void> => {
      const until = (service.asked.get(folder) ?? 0) + count;
      for (let tries = 0; (service.asked.get(folder) ?? 0) < until; tries++) {
        assert.ok(tries < 1500, "the tags are not asked for");
        await sleep(10);
      }
    };
    // A look that is on its way while they change may see some of the old ones and some of the new: what it comes to is what counts.
    const become = async (tags: string): Promise<void> => {
      for (let tries = 0; told.at(-1)?.endsWith(`-> ${tags}`) !== true; tries++) {
        assert.ok(tries < 1500, `the tags do not become "${tags}": ${told.join("; ")}`);
        await sleep(10);
      }
    };
    try {
      await looks(3);
      assert.equal(told.length, 0, "the first ones are no change");
      service.setTags({ env: "prod", team: "a" });
      await become("env=prod,team=a");
      // Of a tag that is listed and gone when it is asked for there is nothing.
      service.values.delete("meta-data/tags/instance/team");
      await become("env=prod");
      service.isSilent = true;
      await looks(2);
      assert.match(told.at(-1) ?? "", /-> env=prod$/, "a question without an answer changes nothing");
      service.isSilent = false;
      service.setTags(undefined);
      service.forgetTokens();
      await become("");
      const steps = told.map((text) => text.split(" -> "));
      const before = steps.map(([from]) => from);
      assert.deepEqual(
        before,
        ["env=test", ...steps.slice(0, -1).map(([, to]) => to)],
        "each begins where the last ended",
      );
      assert.deepEqual(cloud.current?.tags, []);
      assert.equal(service.asked.get("GET /latest/dynamic/instance-identity/document"), 1);
    } finally {
      cloud.close();
      await service.stop();
    }
  });

  it("keeps the tags that are known where it does not answer any more", async () => {
    const service = await startImds({ "dynamic/instance-identity/document": JSON.stringify(DOCUMENT) });
    service.setTags({ env: "test" });
    const told: unknown[] = [];
    const onTags = (): void => void told.push(1);
    const cloud = new CloudIdentity({ mode: "aws", endpoint: service.url, tagsIntervalMs: 10, onTags });
    try {
      for (let tries = 0; cloud.current === undefined && tries < 500; tries++) await sleep(10);
      await service.stop();
      await sleep(100);
      assert.deepEqual([cloud.current?.tags, told], [[{ key: "env", value: "test" }], []]);
    } finally {
      cloud.close();
    }
  });

  it("gives labels by tags, which those of the configuration go before", async () => {
    const service = await startImds({ "dynamic/instance-identity/document": JSON.stringify(DOCUMENT) });
    service.setTags({ Environment: "prod", Team: "a", Name: "web" });
    const enricher = new Enricher({
      hostId: "h",
      bootId: "b",
      labels: { team: "mine" },
      local: true,
      executableHashBytesMax: 0,
      cloud: "aws",
      imdsEndpoint: service.url,
      tagLabels: { env: "Environment", team: "Team", stage: "Stage" },
      redact: (args) => args,
    });
    try {
      let event: Event | undefined;
      for (let tries = 0; event?.cloud === undefined && tries < 500; tries++) {
        await sleep(10);
        event = Event.create();
        enricher.enrich(event, false, performance.now());
      }
      const labels = event?.host?.labels.map(({ key, value }) => `${key}=${value}`).sort();
      assert.deepEqual(labels, ["env=prod", "team=mine"]);
      assert.equal(event?.cloud?.tags.length, 3);
    } finally {
      enricher.close();
      await service.stop();
    }
  });

  it("that is not there leaves the cloud empty and is no error", () => {
    const endpoint = "http://127.0.0.1:9";
    const cloud = new CloudIdentity({ mode: "aws", endpoint, tagsIntervalMs: 10, onTags: () => undefined });
    cloud.close();
    assert.equal(cloud.current, undefined);
  });
});

describe("the process table", () => {
  function table(processes: Record<number, Partial<ProcStat>> = {}, container?: Container): ProcessTable {
    const host: ProcessHost = {
      read: (pid) => {
        const found = processes[pid];
        return (
          found && {
            pid,
            parentPid: 0,
            sessionPid: 1,
            name: "x",
            startTicks: 5,
            executable: "/bin/x",
            args: [],
            workingDirectory: "/",
            ...found,
          }
        );
      },
      list: () => Object.keys(processes).map(Number),
      container: () => container,
      sha256: (path) => `hash of ${path}`,
      redact: (args) => args.map((text) => text.replace("secret", "#")),
    };
    return new ProcessTable("h", "b", host);
  }

  let serial = 0;
  function event(call: string, process: Partial<Process>, exit = 0n, first = 0n): Event {
    const files: File[] = [];
    serial++;
    return Event.fromPartial({
      event: { timeUnixNano: BigInt(serial) },
      process: Process.fromPartial({ pid: 100, name: "x", executable: "/bin/x", parent: { pid: 1 }, ...process }),
      files,
      audit: { serial, syscall: { name: call, success: "yes", exit, arguments: [first] } },
    });
  }

  it("is seeded from /proc, with redacted arguments, parents, ancestry and session leader", () => {
    const own = table({
      1: { name: "init", executable: "/sbin/init", sessionPid: 1 },
      50: { parentPid: 1, sessionPid: 50, name: "bash", executable: "/bin/bash" },
      100: { parentPid: 50, sessionPid: 50, args: ["x", "secret"] },
    });
    const seen = event("openat", {});
    own.resolve(seen, false, 0);
    assert.deepEqual(seen.process?.args, ["x", "#"]);
    assert.equal(seen.process?.provenance, "procfs");
    assert.deepEqual(
      seen.process?.ancestry.map(({ name }) => name),
      ["bash", "init"],
    );
    assert.equal(seen.process?.ancestryCount, 2);
    assert.equal(seen.process?.sessionLeader?.name, "bash");
  });

  it("follows forks, execs and exits", () => {
    const own = table({ 1: {}, 100: { parentPid: 1, name: "sh", executable: "/bin/sh" } });
    const fork = event("clone", { name: "sh", executable: "/bin/sh" }, 200n, 17n);
    own.resolve(fork, false, 0);
    const child = event("openat", {
      pid: 200,
      name: "sh",
      executable: "/bin/sh",
      parent: Process.fromPartial({ pid: 100 }),
    });
    own.resolve(child, false, 0);
    assert.equal(child.process?.provenance, "observed");
    assert.equal(child.process?.parent?.entityId, fork.process?.entityId);
    assert.notEqual(child.process?.entityId, fork.process?.entityId);
    const exec = event("execve", {
      pid: 200,
      name: "ls",
      executable: "/bin/ls",
      parent: Process.fromPartial({ pid: 100 }),
      args: ["ls"],
    });
    own.resolve(exec, true, 0);
    assert.equal(exec.process?.executableSha256, "hash of /bin/ls");
    assert.equal(exec.process?.startUnixNano, child.process?.startUnixNano);
    const size = own.size;
    own.resolve(event("exit_group", { pid: 200, name: "ls", executable: "/bin/ls" }), false, 0);
    assert.equal(own.size, size - 1);
    // A thread is no process.
    own.resolve(event("clone", { name: "sh", executable: "/bin/sh" }, 201n, 0x10000n), false, 0);
    assert.equal(own.size, size - 1);
  });

  it("knows nothing of a reused pid that runs another program", () => {
    const own = table({ 1: {} });
    const first = event("openat", { pid: 300, executable: "/bin/a" });
    own.resolve(first, false, 0);
    const second = event("openat", { pid: 300, executable: "/bin/b" });
    own.resolve(second, false, 0);
    assert.notEqual(first.process?.entityId, second.process?.entityId);
    assert.equal(second.process?.provenance, "inferred");
  });

  it("caps the ancestry and says how many there are", () => {
    const processes: Record<number, Partial<ProcStat>> = {};
    for (let pid = 1; pid <= 40; pid++) processes[pid] = { parentPid: pid - 1 };
    const own = table(processes);
    const seen = event("openat", { pid: 40 });
    own.resolve(seen, false, 0);
    assert.equal(seen.process?.ancestry.length, 20);
    assert.equal(seen.process?.ancestryCount, 39);
  });

  it("forgets those that have ended where there are many, and keeps the others and the newest", () => {
    const processes: Record<number, Partial<ProcStat>> = { 1: {} };
    const own = table(processes);
    for (let pid = 1000; pid < 6000; pid += 2) processes[pid] = { parentPid: 1 };
    for (let pid = 1000; pid < 6000; pid++) own.resolve(event("execve", { pid, parent: undefined }), true, 0);
    assert.ok(own.size >= 3000 && own.size < 3600, `${own.size}`);
    const observed = (pid: number): string | undefined => {
      const seen = event("openat", { pid });
      own.resolve(seen, false, 0);
      return seen.process?.provenance;
    };
    assert.equal(observed(1000), "observed", "it lives");
    assert.equal(observed(1001), "inferred", "it has ended, and was forgotten");
    assert.equal(observed(5999), "observed", "it has ended a moment ago");
  });

  it("has a hard cap, also where nobody knows who lives", () => {
    const own = table({});
    for (let pid = 1000; pid < 41_000; pid++) own.resolve(event("execve", { pid, parent: undefined }), true, 0);
    assert.ok(own.size > 8000 && own.size <= 16_385, `${own.size}`);
  });

  it("gives a process its container, and a target its identity", () => {
    const container = { id: ID, runtime: "docker", systemdUnit: "" };
    const own = table({ 1: {}, 100: { parentPid: 1 } }, container);
    const seen = event("kill", {});
    seen.targets = [Process.fromPartial({ pid: 1, name: "x" }), Process.fromPartial({ pid: 9999, name: "gone" })];
    own.resolve(seen, false, 0);
    assert.equal(seen.container, container);
    assert.match(seen.targets[0]?.entityId ?? "", /^[0-9a-f]{16}$/);
    assert.equal(seen.targets[1]?.entityId, "");
  });
});

describe("/proc", () => {
  it("is read of a process with a hostile name and arguments", async () => {
    const child = spawn("/bin/bash", ["-c", "exec -a $'a) R 1 1\\n x' sleep 30"]);
    try {
      let found: ProcStat | undefined;
      for (let turn = 0; turn < 200 && found?.name !== "sleep"; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        found = readProcess(child.pid ?? 0);
      }
      assert.equal(found?.parentPid, process.pid);
      assert.equal(found?.args[0], "a) R 1 1\n x");
      assert.ok((found?.startTicks ?? 0) > 0);
    } finally {
      child.kill("SIGKILL");
    }
    assert.equal(readProcess(2 ** 30), undefined);
  });
});
