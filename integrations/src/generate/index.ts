/** Generates the rollout modules from a fleet specification: plain code of each tool, the same for the same spec. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Fleet } from "../spec/index.ts";
import { ansibleContext } from "./ansible.ts";
import { chefContext } from "./chef.ts";
import { type GeneratedFile, headerOf, renderFolder } from "./engine.ts";
import { cloudInitContexts, hostsContext, packerContext } from "./hosts.ts";
import { terraformContext } from "./terraform.ts";

export { type GeneratedFile, writeFiles } from "./engine.ts";

/** Put in by whoever makes a package. */
declare const HOSTTRAIL_VERSION: string | undefined;
const GENERATOR_VERSION: string = typeof HOSTTRAIL_VERSION === "undefined" ? "0.1.0" : HOSTTRAIL_VERSION;
/** Version of what is generated: of its variables and what they do. */
const MODULE_VERSION = "1.0.0";
/** A package has its templates beside the program. */
const FOLDER = process.env["HOSTTRAIL_TEMPLATES"] ?? new URL("../../", import.meta.url).pathname;

/** Tools that modules can be generated for. */
export const TOOLS = ["ansible", "chef", "terraform", "cloud-init", "packer", "kubernetes"] as const;
export type Tool = (typeof TOOLS)[number];

const CONTEXTS: Readonly<Record<Tool, (fleet: Fleet) => Record<string, unknown>>> = {
  ansible: ansibleContext,
  chef: chefContext,
  terraform: terraformContext,
  "cloud-init": hostsContext,
  packer: hostsContext,
  kubernetes: hostsContext,
};

/** All files of a tool's module. */
export function generate(tool: Tool, fleet: Fleet): GeneratedFile[] {
  const header = headerOf({ tool, fleet: fleet.name }, GENERATOR_VERSION, fleet.hash);
  const context = { fleet, moduleVersion: MODULE_VERSION, ...CONTEXTS[tool](fleet) };
  const parts = join(FOLDER, "parts");
  const render = (more: object): GeneratedFile[] =>
    renderFolder(join(FOLDER, tool, "templates"), parts, { ...context, ...more }, header);
  if (tool !== "cloud-init" && tool !== "packer") return render({});
  const script = readFileSync(join(parts, "setup.sh"), "utf8");
  if (tool === "packer") return render(packerContext(fleet, script));
  // One for each group beside that of the fleet: cloud-init cannot tell which a host is of.
  const all = Array.from(cloudInitContexts(fleet, script), ([suffix, more]) =>
    render(more).flatMap((file) => {
      if (file.path === USER_DATA) return [{ ...file, path: file.path.replace(".", `${suffix}.`) }];
      return suffix === "" ? [file] : [];
    }),
  );
  return all.flat().toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

const USER_DATA = "user-data.yaml";
