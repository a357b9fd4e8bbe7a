/** Terraform and Chef: from PATH, or what a machine that tests without a way out has put beside the project. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = new URL("../..", import.meta.url).pathname;
const FOLDER = join(ROOT, ".hosttrail/rollout/tools");

export type Tool = "terraform" | "chef-client";

/** Where copies of the tools may lie, beside the project; people bring their own. */
const COPIES: Readonly<Record<Tool, string>> = {
  terraform: join(ROOT, "../shared/tools/terraform/install"),
  "chef-client": join(ROOT, "../shared/tools/chef/install"),
};

export function isOnPath(command: string): boolean {
  return spawnSync("which", [command]).status === 0;
}

/** Settings of the shell in which the tool runs; a text that says why there are none. */
export function settingsOf(tool: Tool): NodeJS.ProcessEnv | string {
  const install = COPIES[tool];
  // Terraform without the configuration that it is told to read finds no providers.
  const config = tool === "terraform" ? process.env["TF_CLI_CONFIG_FILE"] : undefined;
  const usable = isOnPath(tool) && (config === undefined || existsSync(config) || !existsSync(install));
  if (usable) return {};
  if (!existsSync(install)) return `${tool} is not installed`;
  const folder = join(FOLDER, tool);
  const complete = `${folder}.complete`;
  // What an installation that was cut off has left is begun anew.
  if (!existsSync(complete)) rmSync(folder, { recursive: true, force: true });
  // It prints `export NAME=value…`, which a shell understands best.
  const script = `set -o pipefail; said=$("$1" "$2" | tail -n 1) && eval "$said" && env -0`;
  const text = execFileSync("bash", ["-c", script, "bash", install, folder], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  writeFileSync(complete, "");
  // Nobody is asked for newer versions.
  const settings: NodeJS.ProcessEnv = { CHECKPOINT_DISABLE: "1" };
  for (const line of text.split("\0")) {
    const name = line.slice(0, line.indexOf("="));
    const value = line.slice(name.length + 1);
    if (name === "PATH" || name.startsWith("GEM_") || name.startsWith("TF_")) settings[name] = value;
  }
  return settings;
}
