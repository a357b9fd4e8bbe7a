/** Runs the generated Terraform module agent-ssh against test hosts. */
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Stack } from "@hosttrail/stack";
import { type FleetChanges, generate, writeSpec } from "./fleet.ts";
import { finished, type TestHosts } from "./hosts.ts";
import type { ApplyOptions, Module, Run } from "./module.ts";

/** A line of `terraform … -json`. */
interface Line {
  type: string;
  "@level": string;
  "@message": string;
  change?: { resource: { addr: string }; action: string };
  hook?: { resource: { addr: string }; action?: string; output?: string };
  diagnostic?: { summary: string; detail: string };
}

export class Terraform implements Module {
  readonly name = "Terraform";
  readonly #folder: string;
  readonly #stack: Stack;
  readonly #settings: NodeJS.ProcessEnv;
  #ready = false;

  constructor(hosts: TestHosts, stack: Stack, token: string, settings: NodeJS.ProcessEnv, names?: readonly string[]) {
    this.#folder = join(hosts.directory, "terraform");
    this.#stack = stack;
    this.#settings = settings;
    mkdirSync(this.#folder, { recursive: true });
    const tokenFile = join(this.#folder, "token");
    this.giveToken(token);
    const list = hosts
      .some(names)
      .map(({ name, address }) => `    ${name} = { host = "${address}", private_key_file = "${hosts.keyFile}" }\n`);
    writeFileSync(
      join(this.#folder, "main.tf"),
      `variable "golden_image" {\n  type    = bool\n  default = false\n}\n\nmodule "agent" {\n  agent_golden_image = var.golden_image\n  source = "./hosttrail/modules/agent-ssh"\n  enrollment_token_file = "${tokenFile}"\n  hosts = {\n${list.join("")}  }\n}\n`,
    );
  }

  get #specFolder(): string {
    return join(this.#folder, "spec");
  }

  get spec(): string {
    return join(this.#specFolder, "fleet.yaml");
  }

  giveToken(token: string): void {
    writeFileSync(join(this.#folder, "token"), token, { mode: 0o600 });
  }

  use(changes: FleetChanges): void {
    const modules = join(this.#folder, "hosttrail");
    rmSync(modules, { recursive: true, force: true });
    generate("terraform", writeSpec(this.#specFolder, this.#stack, changes), modules);
  }

  predict(): Promise<Run> {
    return this.#run("plan");
  }

  apply({ goldenImage = false }: ApplyOptions = {}): Promise<Run> {
    return this.#run("apply", "-auto-approve", `-var=golden_image=${goldenImage}`);
  }

  remove(): Promise<Run> {
    return this.#run("destroy", "-auto-approve");
  }

  /** State and plan, as text, for whoever looks for secrets in them. */
  get stateFile(): string {
    return join(this.#folder, "terraform.tfstate");
  }

  async #run(command: string, ...options: string[]): Promise<Run> {
    const start = performance.now();
    const env = { ...process.env, ...this.#settings };
    const terraform = (...words: string[]) =>
      finished(spawn("terraform", words, { cwd: this.#folder, env, stdio: ["ignore", "pipe", "pipe"] }));
    if (!this.#ready) {
      const { status, stderr } = await terraform("init", "-input=false", "-no-color");
      if (status !== 0) throw new Error(`terraform init: ${stderr}`);
      this.#ready = true;
    }
    const { status, stdout, stderr } = await terraform(command, "-json", "-input=false", ...options);
    const lines = stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Line);
    const changed = new Set<string>();
    const reasons: string[] = [];
    for (const { type, change, hook, diagnostic, "@level": level } of lines) {
      if (command === "plan" && type === "planned_change" && change !== undefined) changed.add(change.resource.addr);
      if (type === "apply_complete" && hook !== undefined) changed.add(hook.resource.addr);
      if (level === "error" && diagnostic !== undefined) reasons.push(`${diagnostic.summary}: ${diagnostic.detail}`);
      if (type === "provision_progress" && /^hosttrail(?:-agent)?: /.test(hook?.output ?? ""))
        reasons.push(hook?.output ?? "");
    }
    return {
      ok: status === 0,
      output: lines.map((line) => line.hook?.output ?? line["@message"]).join("\n") + stderr,
      changed: [...changed].sort(),
      reasons: reasons.join("\n"),
      seconds: (performance.now() - start) / 1000,
    };
  }
}
