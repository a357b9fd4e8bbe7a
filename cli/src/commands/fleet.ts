/** The fleet specification: whether it is right, what it says, and the modules that come of it. Asks no collector. */
import { generate as generateFiles, TOOLS, writeFiles } from "@hosttrail/integrations/generate";
import { hostFiles } from "@hosttrail/integrations/render";
import {
  type Fleet,
  fleetOfHost,
  fleetSchema,
  type HostFleet,
  loadFleet,
  settingsWithOrigin,
} from "@hosttrail/integrations/spec";
import { stringify } from "yaml";
import { printable } from "../text.ts";
import type { Output } from "../output/index.ts";

/** A host as a person names it: by its name, and by what a tool would know of it beside the spec. */
export interface HostWords {
  /** Empty for no host. */
  name: string;
  tags: readonly string[];
  /** KEY=VALUE. */
  labels: readonly string[];
}

/** `hosttrail fleet …` */
export function fleet(command: string, spec: string, host: HostWords, output: Output): void {
  if (command === "schema") {
    output.print(`${JSON.stringify(fleetSchema, null, 2)}\n`);
    return;
  }
  if (command !== "validate" && command !== "show")
    throw new Error(`fleet: "${command}" is no command; allowed are validate, show, schema`);
  const found = loadFleet(spec);
  const files = hostFiles(found);
  checkGroups(found);
  if (command === "validate") {
    output.print(`${spec}: ok, fleet "${found.name}", sha256 ${found.hash}\n`);
    return;
  }
  if (host.name !== "") return showHost(spec, hostFleet(found, host), output);
  if (host.tags.length + host.labels.length > 0) throw new Error("fleet show: --tag and --label are of a --host");
  // The texts of files stand below, as what hosts get.
  const said = { ...found, ca: undefined, ownRules: undefined, repositoryKey: undefined };
  output.print(output.json ? `${JSON.stringify({ ...said, files })}\n` : stringify(said));
  if (output.json) return;
  printFiles(found, output);
}

function printFiles(found: Fleet, output: Output): void {
  for (const { path, mode, content } of hostFiles(found)) output.print(`\n# ${path} (mode ${mode})\n${content}`);
}

/** A host in the fleet; throws where the spec says which hosts there are and it is not among them. */
export function hostFleet(found: Fleet, { name, tags, labels }: HostWords): HostFleet {
  const known = Object.keys(found.hosts);
  if (known.length > 0 && !known.includes(name) && !known.includes(name.split(".")[0] ?? ""))
    throw new Error(`host "${name}" is none of the spec's hosts; they are ${known.join(", ")}`);
  const pairs = labels.map((label) => {
    const at = label.indexOf("=");
    if (at < 1) throw new Error(`--label is "${label}"; it must be KEY=VALUE`);
    return [label.slice(0, at), label.slice(at + 1)] as const;
  });
  return fleetOfHost(found, name, { tags, labels: Object.fromEntries(pairs) });
}

/** What the agent would not take must not be a group's either: each group's settings are tried by themselves. */
function checkGroups(found: Fleet): void {
  for (const group of found.groups) {
    const alone = { ...found, hosts: {}, groups: [{ ...group, match: { hosts: [], labels: {}, tags: [] } }] };
    hostFiles(fleetOfHost(alone, "any").fleet);
  }
}

function showHost(spec: string, of: HostFleet, output: Output): void {
  const { host, groups, fleet: effective } = of;
  const settings = settingsWithOrigin(spec, of);
  if (output.json) {
    output.print(`${JSON.stringify({ host: host.name, groups, settings, files: hostFiles(effective) })}\n`);
    return;
  }
  const known = [
    ...(host.tags.length === 0 ? [] : [`tags ${host.tags.join(", ")}`]),
    `groups: ${groups.length === 0 ? "none" : groups.join(", ")}`,
  ];
  output.print(`${host.name}, of fleet "${effective.name}"; ${known.join("; ")}\n\n`);
  const rows = settings.map(({ place, value, origin }) => [
    place,
    origin,
    printable(typeof value === "string" ? value : JSON.stringify(value)),
  ]);
  output.print(output.table([["SETTING", "FROM", "VALUE"], ...rows]));
  printFiles(effective, output);
}

/** `hosttrail generate TOOL` */
export function generate(tool: string, spec: string, out: string, output: Output): void {
  const known = TOOLS.find((each) => each === tool);
  if (known === undefined) throw new Error(`generate: "${tool}" is no tool; allowed are ${TOOLS.join(", ")}`);
  if (out === "") throw new Error("generate: --out DIR is missing");
  const found = loadFleet(spec);
  // What the agent would not take must not become a module.
  hostFiles(found);
  checkGroups(found);
  const files = generateFiles(known, found);
  const gone = writeFiles(out, { tool, fleet: found.name }, files);
  output.print(`${out}: ${files.length} files of fleet "${found.name}"\n`);
  for (const path of gone) output.print(`removed, of an earlier generation: ${path}\n`);
}
