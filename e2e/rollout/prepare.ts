/**
 * What the rollout's tests need from outside, made before they are cut off from it: the hosts' base system, packages of two versions, NATS
 * and a database, a kernel, Terraform and Chef where the machine has none. Usage: node prepare.ts. Says what is missing, and goes on.
 */
import { makeBaseSystem, whyNoHosts } from "./base.ts";
import { settingsOf } from "./tools.ts";
import { makeArtifacts, makeNatsPackage } from "./artifacts.ts";
import { prepareServices } from "@hosttrail/stack";
import { makeBase } from "../vm/image.ts";
import { makeKernel, whyNoMachine } from "../vm/kernel.ts";

const missing = whyNoHosts(false);
if (missing === undefined) {
  makeBaseSystem();
  if (whyNoMachine() === undefined) {
    makeKernel();
    makeBase();
  }
  makeArtifacts();
  const tools = new URL("../../.hosttrail/tools", import.meta.url).pathname;
  makeNatsPackage(prepareServices(tools, (text) => process.stdout.write(`▸ ${text}\n`)).natsServer);
  for (const tool of ["terraform", "chef-client"] as const) settingsOf(tool);
} else process.stdout.write(`▸ no test hosts: ${missing}\n`);
