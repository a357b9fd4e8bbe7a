/** Runs the generated Ansible collection against test hosts. */
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Stack } from "@hosttrail/stack";
import { type FleetChanges, generate, writeSpec } from "./fleet.ts";
import { finished, type TestHosts } from "./hosts.ts";
import type { ApplyOptions, Module, Run } from "./module.ts";

type Playbook = "rollout" | "verify" | "uninstall" | "collector" | "cost_sample";

interface Inventory {
  /** Of its hosts; all where none are said. */
  names?: readonly string[] | undefined;
  /** Its groups, by the names of their hosts. */
  groups?: Readonly<Record<string, readonly string[]>>;
}

export class Ansible implements Module {
  readonly name = "Ansible";
  readonly #folder: string;
  readonly #hosts: TestHosts;
  readonly #stack: Stack | undefined;
  readonly #token: string;

  constructor(hosts: TestHosts, stack: Stack | undefined, token: string, { names, groups = {} }: Inventory = {}) {
    this.#folder = join(hosts.directory, "ansible");
    this.#hosts = hosts;
    this.#stack = stack;
    this.#token = join(this.#folder, "token.yml");
    mkdirSync(this.#folder, { recursive: true });
    this.giveToken(token);
    // Its processes ask each other a thousand times a second whether one is done; on few processors they are in each other's way.
    writeFileSync(this.#config, "[defaults]\ninternal_poll_interval = 0.02\n");
    const lines = hosts
      .some(names)
      .map(({ name, address }) => `${name} ansible_host=${address}\n`)
      .join("");
    const ssh = hosts.sshOptions.join(" ");
    const grouped = Object.entries(groups).map(([group, members]) => `[${group}]\n${members.join("\n")}\n`);
    writeFileSync(
      join(this.#folder, "inventory"),
      `${grouped.join("")}[all]\n${lines}[all:vars]\nansible_user=root\nansible_python_interpreter=/usr/bin/python3\nansible_ssh_common_args=${ssh}\n`,
    );
  }

  get #specFolder(): string {
    return join(this.#folder, "spec");
  }

  get spec(): string {
    return join(this.#specFolder, "fleet.yaml");
  }

  get #config(): string {
    return join(this.#folder, "ansible.cfg");
  }

  giveToken(token: string): void {
    // As a vault's file would be once it is open.
    writeFileSync(this.#token, `vault_hosttrail_enrollment_token: "${token}"\n`, { mode: 0o600 });
  }

  use(changes: FleetChanges): void {
    const collection = join(this.#folder, "collections/ansible_collections/hosttrail/agent");
    rmSync(collection, { recursive: true, force: true });
    generate("ansible", writeSpec(this.#specFolder, this.#stack, changes), collection);
  }

  predict(): Promise<Run> {
    return this.play("rollout", "--check", "--diff");
  }

  apply({ goldenImage = false }: ApplyOptions = {}): Promise<Run> {
    return this.play("rollout", "--diff", "-e", JSON.stringify({ hosttrail_agent_golden_image: goldenImage }));
  }

  remove(): Promise<Run> {
    return this.play("uninstall");
  }

  /** Runs a playbook of the collection. */
  async play(playbook: Playbook, ...options: string[]): Promise<Run> {
    const start = performance.now();
    const words = [`hosttrail.agent.${playbook}`, "-i", join(this.#folder, "inventory"), "-e", `@${this.#token}`];
    const child = spawn("ansible-playbook", [...words, ...options], {
      cwd: this.#folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        LC_ALL: "C.UTF-8",
        ANSIBLE_CONFIG: this.#config,
        ANSIBLE_COLLECTIONS_PATH: join(this.#folder, "collections"),
        ANSIBLE_STDOUT_CALLBACK: "json",
        ANSIBLE_HOME: join(this.#folder, ".ansible"),
        ANSIBLE_LOCAL_TEMP: join(this.#folder, ".ansible/tmp"),
        ANSIBLE_SSH_CONTROL_PATH_DIR: join(this.#hosts.directory, "cp"),
        ANSIBLE_PIPELINING: "true",
        ANSIBLE_FORKS: "10",
      },
    });
    const { status, stdout, stderr } = await finished(child);
    return {
      ok: status === 0,
      output: `${stdout}${stderr}`,
      seconds: (performance.now() - start) / 1000,
      ...read(stdout, stderr),
    };
  }
}

interface TaskResult {
  changed?: boolean;
  failed?: boolean;
  msg?: unknown;
  results?: TaskResult[];
}

/** What the callback "json" printed: which tasks changed something or would, and which failed. */
function read(stdout: string, stderr: string): Pick<Run, "changed" | "reasons"> {
  const begin = stdout.indexOf("{\n");
  if (begin < 0) return { changed: [], reasons: stdout + stderr };
  const { plays } = JSON.parse(stdout.slice(begin)) as {
    plays: { tasks: { task: { name: string }; hosts: Record<string, TaskResult> }[] }[];
  };
  const changed = new Set<string>();
  const reasons: string[] = [];
  for (const { task, hosts } of plays.flatMap(({ tasks }) => tasks)) {
    for (const [host, result] of Object.entries(hosts)) {
      const name = `${host}: ${task.name.replace(/^hosttrail\.agent\.agent : /, "")}`;
      if (result.changed === true) changed.add(name);
      // Of a loop, each item's own.
      for (const { failed, msg } of result.results ?? [result])
        if (failed === true) reasons.push(`${name}: ${JSON.stringify(msg ?? "")}`);
    }
  }
  return { changed: [...changed].sort(), reasons: reasons.join("\n") };
}
