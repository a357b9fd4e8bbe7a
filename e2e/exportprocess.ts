/** A collector that only exports, as a process of its own that a test can kill. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Child, freePort, type Stack } from "@hosttrail/stack";
import { parse, stringify } from "yaml";
import { bundle } from "../tools/package/bundle.ts";
import { PRODUCTS } from "../tools/package/product.ts";
import { metricsOf } from "./metrics.ts";

let program: Promise<string> | undefined;

/** The collector bundled, which starts faster. */
async function collectorProgram(): Promise<string> {
  const folder = join(new URL("../.hosttrail", import.meta.url).pathname, "bundle");
  mkdirSync(folder, { recursive: true });
  const found = PRODUCTS.collector.programs.find((each) => each.name === "hosttrail-collector");
  if (found === undefined) throw new Error("the collector has no program of this name");
  await bundle(found, folder, "0.0.0");
  return join(folder, found.output);
}

export interface ExportProcess {
  child: Child;
  configFile: string;
  /** The value of a metric of one target; undefined where it is not there. */
  metric(name: string, target: string, labels?: string): Promise<number | undefined>;
}

/** Not started yet. `targets` as in its configuration; `changes` are other sections. */
export async function exportProcess(
  stack: Stack,
  name: string,
  targets: readonly Readonly<Record<string, unknown>>[],
  changes: Readonly<Record<string, unknown>> = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<ExportProcess> {
  program ??= collectorProgram();
  const directory = dirname(stack.agentConfigFile);
  const config = parse(readFileSync(join(directory, "collector.yaml"), "utf8")) as Record<string, unknown>;
  const configFile = join(directory, `${name}.yaml`);
  const metricsPort = await freePort();
  const own = {
    roles: ["export"],
    metrics: { listen: `127.0.0.1:${metricsPort}` },
    export: { lease_ms: 1000, targets },
    ...changes,
  };
  writeFileSync(configFile, stringify({ ...config, ...own }), { mode: 0o600 });
  const child = new Child({
    name,
    command: process.execPath,
    args: [await program, "--config", configFile],
    env: environment,
    directory,
  });
  return {
    child,
    configFile,
    async metric(metric, target, labels = "") {
      const text = await metricsOf({ metricsPort });
      const line = text.split("\n").find((each) => each.startsWith(`${metric}{target="${target}"${labels}}`));
      return line === undefined ? undefined : Number(line.split(" ").at(-1));
    },
  };
}
