/** The fleet specification: whether it is right, what it says, and the modules that come of it. Asks no collector. */
import { generate as generateFiles, TOOLS, writeFiles } from "@hosttrail/integrations/generate";
import { hostFiles } from "@hosttrail/integrations/render";
import { fleetSchema, loadFleet } from "@hosttrail/integrations/spec";
import { stringify } from "yaml";
import type { Output } from "./output.ts";

/** `hosttrail fleet …` */
export function fleet(command: string, spec: string, output: Output): void {
  if (command === "schema") {
    output.print(`${JSON.stringify(fleetSchema, null, 2)}\n`);
    return;
  }
  if (command !== "validate" && command !== "show")
    throw new Error(`fleet: "${command}" is no command; allowed are validate, show, schema`);
  const found = loadFleet(spec);
  const files = hostFiles(found);
  if (command === "validate") {
    output.print(`${spec}: ok, fleet "${found.name}", sha256 ${found.hash}\n`);
    return;
  }
  // The texts of files stand below, as what hosts get.
  const said = { ...found, ca: undefined, ownRules: undefined, repositoryKey: undefined };
  output.print(output.json ? `${JSON.stringify({ ...said, files })}\n` : stringify(said));
  if (output.json) return;
  for (const { path, mode, content } of files) output.print(`\n# ${path} (mode ${mode})\n${content}`);
}

/** `hosttrail generate TOOL` */
export function generate(tool: string, spec: string, out: string, output: Output): void {
  const known = TOOLS.find((each) => each === tool);
  if (known === undefined) throw new Error(`generate: "${tool}" is no tool; allowed are ${TOOLS.join(", ")}`);
  if (out === "") throw new Error("generate: --out DIR is missing");
  const found = loadFleet(spec);
  // What the agent would not take must not become a module.
  hostFiles(found);
  const files = generateFiles(known, found);
  const gone = writeFiles(out, { tool, fleet: found.name }, files);
  output.print(`${out}: ${files.length} files of fleet "${found.name}"\n`);
  for (const path of gone) output.print(`removed, of an earlier generation: ${path}\n`);
}
