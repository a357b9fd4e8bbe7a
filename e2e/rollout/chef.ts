/** Runs the generated Chef cookbook on test hosts: Chef Infra Client in local mode, on each host, as Chef does it. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Stack } from "@hosttrail/stack";
import { type FleetChanges, generate, writeSpec } from "./fleet.ts";
import { finished, type TestHosts } from "./hosts.ts";
import type { TestHost } from "./kind.ts";
import type { ApplyOptions, Module, Run } from "./module.ts";

const CLIENT_FOLDER = "/etc/chef";

export class Chef implements Module {
  readonly name = "Chef";
  readonly #folder: string;
  readonly #hosts: TestHosts;
  readonly #stack: Stack | undefined;
  readonly #environment: string;
  readonly #targets: readonly TestHost[];

  /** `settings` are those of a shell on the hosts in which chef-client runs. */
  constructor(
    hosts: TestHosts,
    stack: Stack | undefined,
    token: string,
    settings: NodeJS.ProcessEnv,
    names?: readonly string[],
  ) {
    this.#folder = join(hosts.directory, "chef");
    this.#hosts = hosts;
    this.#stack = stack;
    this.#targets = hosts.some(names);
    const variables = ["PATH", "GEM_HOME", "GEM_PATH"].filter((name) => settings[name] !== undefined);
    this.#environment = variables.map((name) => `${name}='${settings[name]}' `).join("");
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(join(this.#folder, "secret"), randomBytes(64).toString("base64"), { mode: 0o600 });
    writeFileSync(join(this.#folder, "client.rb"), CLIENT);
    for (const { name } of this.#targets) {
      hosts.sure(name, `install -d -m 700 ${CLIENT_FOLDER} ${CLIENT_FOLDER}/data_bags/hosttrail`);
      for (const file of ["secret", "client.rb"]) hosts.put(name, join(this.#folder, file), `${CLIENT_FOLDER}/${file}`);
    }
    this.giveToken(token);
  }

  giveToken(token: string): void {
    this.giveBagItem("enrollment", { token });
  }

  /** Makes an encrypted data bag item as `knife data bag create --secret-file` does it. */
  giveBagItem(id: string, values: Readonly<Record<string, string>>): void {
    const file = join(this.#folder, "item.json");
    writeFileSync(file, JSON.stringify({ id, ...values }), { mode: 0o600 });
    for (const { name } of this.#targets) {
      this.#hosts.put(name, file, `${CLIENT_FOLDER}/item.json`);
      const encrypt = `${this.#environment} ruby -e '${ENCRYPT}' 2>&1`;
      this.#hosts.sure(name, `cd ${CLIENT_FOLDER} && chmod 600 secret item.json && ${encrypt} && rm item.json`);
    }
  }

  get #specFolder(): string {
    return join(this.#folder, "spec");
  }

  get spec(): string {
    return join(this.#specFolder, "fleet.yaml");
  }

  use(changes: FleetChanges): void {
    const cookbook = join(this.#folder, "cookbooks/hosttrail");
    rmSync(cookbook, { recursive: true, force: true });
    generate("chef", writeSpec(this.#specFolder, this.#stack, changes), cookbook);
    for (const { name } of this.#targets) {
      this.#hosts.sure(name, `rm -rf ${CLIENT_FOLDER}/cookbooks`);
      this.#hosts.put(name, join(this.#folder, "cookbooks"), `${CLIENT_FOLDER}/cookbooks`);
    }
  }

  predict(): Promise<Run> {
    return this.#run("hosttrail::default", undefined, "--why-run");
  }

  apply({ goldenImage = false }: ApplyOptions = {}): Promise<Run> {
    const names = this.#targets.map(({ name }) => name);
    return this.converge(names, "hosttrail::default", { hosttrail: { agent: { golden_image: goldenImage } } });
  }

  remove(): Promise<Run> {
    return this.#run("hosttrail::uninstall", undefined);
  }

  /** Runs a recipe on some of the hosts, with attributes of their own. */
  converge(names: readonly string[], recipe: string, attributes: Readonly<Record<string, unknown>>): Promise<Run> {
    const file = join(this.#folder, "attributes.json");
    writeFileSync(file, JSON.stringify(attributes));
    for (const name of names) this.#hosts.put(name, file, `${CLIENT_FOLDER}/attributes.json`);
    return this.#run(recipe, names, "-j", `${CLIENT_FOLDER}/attributes.json`);
  }

  async #run(recipe: string, names: readonly string[] | undefined, ...options: string[]): Promise<Run> {
    const start = performance.now();
    const words = ["-z", "-c", `${CLIENT_FOLDER}/client.rb`, "-o", recipe, "--no-color", "-F", "doc", ...options];
    const runs = await Promise.all(
      this.#targets
        .filter(({ name }) => names?.includes(name) ?? true)
        .map(async ({ name, address }) => {
          const command = `${this.#environment} LC_ALL=C.UTF-8 chef-client ${words.join(" ")}`;
          const child = spawn("ssh", [...this.#hosts.sshOptions, `root@${address}`, command], {
            stdio: ["ignore", "pipe", "pipe"],
          });
          return { name, ...(await finished(child)) };
        }),
    );
    return {
      ok: runs.every(({ status }) => status === 0),
      output: runs.map(({ name, stdout, stderr }) => `${name}:\n${stdout}${stderr}`).join("\n"),
      changed: runs.flatMap(({ name, stdout }) => updated(stdout).map((resource) => `${name}: ${resource}`)).sort(),
      reasons: runs.flatMap(({ name, stdout }) => failures(stdout).map((reason) => `${name}: ${reason}`)).join("\n"),
      seconds: (performance.now() - start) / 1000,
    };
  }
}

const CLIENT = `local_mode true
chef_repo_path '${CLIENT_FOLDER}'
cookbook_path '${CLIENT_FOLDER}/cookbooks'
data_bag_path '${CLIENT_FOLDER}/data_bags'
encrypted_data_bag_secret '${CLIENT_FOLDER}/secret'
node_path '${CLIENT_FOLDER}/nodes'
cache_path '${CLIENT_FOLDER}/cache'
file_cache_path '${CLIENT_FOLDER}/cache'
file_backup_path '${CLIENT_FOLDER}/backup'
chef_license 'accept-no-persist'
log_level :warn
`;

const ENCRYPT = `require "chef"; require "json"; secret = Chef::EncryptedDataBagItem.load_secret("${CLIENT_FOLDER}/secret"); item = JSON.parse(File.read("item.json")); File.write("data_bags/hosttrail/#{item["id"]}.json", JSON.generate(Chef::EncryptedDataBagItem.encrypt_data_bag_item(item, secret)))`;

/** Resources under whose line the formatter "doc" says that something was, or would be, done. */
function updated(output: string): string[] {
  const found = new Set<string>();
  let resource = "";
  let indent = 0;
  for (const line of output.split("\n")) {
    const header = /^( *)\* (\w+\[[^\]]*\]) action (\w+)/.exec(line);
    if (header !== null) {
      resource = `${header[2]} ${header[3]}`;
      indent = (header[1] ?? "").length;
    } else if (resource !== "" && new RegExp(`^ {${indent + 2},}- `).test(line)) found.add(resource);
  }
  return [...found];
}

function failures(output: string): string[] {
  return output
    .split("\n")
    .filter((line) => /^ *(RuntimeError: )?hosttrail_\w+(\[[^\]]*\])?: |^ *(STDERR: )?dpkg/.test(line))
    .map((line) => line.trim());
}
