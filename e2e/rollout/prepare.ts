/**
 * What the rollout's tests need from outside, made before they are cut off from it: the hosts' base system, packages of two versions, NATS
 * and a database, a kernel, Terraform and Chef where the machine has none. Usage: node prepare.ts [PART]. Without a part it makes all of
 * them, side by side, each in a process of its own. Says what is missing, and goes on.
 */
import { spawn } from "node:child_process";
import { makeBaseSystem, whyNoHosts } from "./base.ts";
import { settingsOf } from "./tools.ts";
import { makeArtifacts, makeNatsPackage } from "./artifacts.ts";
import { prepareServices } from "@hosttrail/stack";
import { makeBase } from "../vm/image.ts";
import { makeKernel, whyNoMachine } from "../vm/kernel.ts";

const PARTS: Readonly<Record<string, () => void>> = {
  hosts: makeBaseSystem,
  machine() {
    if (whyNoMachine() !== undefined) return;
    makeKernel();
    makeBase();
  },
  packages() {
    makeArtifacts();
    const tools = new URL("../../.hosttrail/tools", import.meta.url).pathname;
    makeNatsPackage(prepareServices(tools, (text) => process.stdout.write(`▸ ${text}\n`)).natsServer);
  },
  tools() {
    for (const tool of ["terraform", "chef-client"] as const) settingsOf(tool);
  },
};

/** Makes a part in a process of its own; gives its exit status, 1 where a signal ended it. */
function made(part: string): Promise<number> {
  const child = spawn(process.execPath, [import.meta.filename, part], { stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

const [part] = process.argv.slice(2);
if (part === undefined) {
  const missing = whyNoHosts(false);
  if (missing === undefined) {
    const codes = await Promise.all(Object.keys(PARTS).map(made));
    process.exitCode = codes.find((code) => code !== 0) ?? 0;
  } else process.stdout.write(`▸ no test hosts: ${missing}\n`);
} else {
  const make = PARTS[part];
  if (make === undefined) throw new Error(`there is no part "${part}"; there are ${Object.keys(PARTS).join(", ")}`);
  make();
}
