/** A collector that only detects, as a process of its own that a test can kill. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Child, type Stack } from "@hosttrail/stack";
import { parse, stringify } from "yaml";
import { bundle } from "../tools/package/bundle.ts";
import { PRODUCTS } from "../tools/package/product.ts";

const RULES = new URL("../rules", import.meta.url).pathname;

/** Not started yet. `detect` is that section of its configuration. The program is bundled, which starts faster. */
export async function detectorProcess(
  stack: Stack,
  name: string,
  detect: Readonly<Record<string, unknown>>,
): Promise<Child> {
  const directory = dirname(stack.agentConfigFile);
  const folder = join(new URL("../.hosttrail", import.meta.url).pathname, "bundle");
  mkdirSync(folder, { recursive: true });
  const program = PRODUCTS.collector.programs.find((each) => each.name === "hosttrail-collector");
  if (program === undefined) throw new Error("the collector has no program of this name");
  await bundle(program, folder, "0.0.0");
  const config = parse(readFileSync(join(directory, "collector.yaml"), "utf8")) as Record<string, unknown>;
  const file = join(directory, `${name}.yaml`);
  writeFileSync(file, stringify({ ...config, roles: ["detect"], metrics: { listen: "" }, detect }), { mode: 0o600 });
  return new Child({
    name,
    command: process.execPath,
    args: [join(folder, program.output), "--config", file],
    env: { HOSTTRAIL_RULES: RULES },
    directory,
  });
}
