/** The modules of all tools, for tests that go through each of them. */
import type { Stack } from "@hosttrail/stack";
import { Ansible } from "./ansible.ts";
import { ARTIFACTS } from "./artifacts.ts";
import { whyNoHosts } from "./base.ts";
import { Chef } from "./chef.ts";
import type { TestHosts } from "./hosts.ts";
import type { Module } from "./module.ts";
import { Terraform } from "./terraform.ts";
import { isOnPath, settingsOf } from "./tools.ts";

interface ToolUnderTest {
  name: string;
  /** `names`: of the hosts that it is for; all where none are said. */
  open: (hosts: TestHosts, stack: Stack, token: string, names?: readonly string[]) => Module;
  /** Why it cannot be tested here. */
  why: string | undefined;
}

const missing = whyNoHosts();
const chef = missing ?? settingsOf("chef-client");
const terraform = missing ?? settingsOf("terraform");
/** One tool's name, to go through it alone. */
const only = process.env["HOSTTRAIL_ROLLOUT_ONLY"];

const ALL: readonly ToolUnderTest[] = [
  {
    name: "Ansible",
    open: (hosts, stack, token, names) => new Ansible(hosts, stack, token, { names }),
    why: isOnPath("ansible-playbook") ? undefined : "ansible-playbook is not installed",
  },
  {
    name: "Chef",
    open: (hosts, stack, token, names) => new Chef(hosts, stack, token, chef as NodeJS.ProcessEnv, names),
    why: typeof chef === "string" ? chef : undefined,
  },
  {
    name: "Terraform",
    open: (hosts, stack, token, names) => new Terraform(hosts, stack, token, terraform as NodeJS.ProcessEnv, names),
    why: typeof terraform === "string" ? terraform : undefined,
  },
];

export const TOOLS: readonly ToolUnderTest[] = ALL.filter(({ name }) => only === undefined || name === only);

/** Folders that hosts must see: packages, and Chef, which runs on the hosts. */
export function sharedFolders(): string[] {
  return [ARTIFACTS, ...(typeof chef === "string" ? [] : [chef["GEM_HOME"] ?? "/opt"])];
}
