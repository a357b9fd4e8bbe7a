/** A self-contained folder of a product: runs wherever it is unpacked, with its own Node runtime. */
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle, type Component, consoleComponents } from "./bundle.ts";
import type { Arch, Product, Program } from "./product.ts";
import { copyNative, copyRuntime } from "./runtime.ts";
import { sbom } from "./sbom.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Folders of packaging/ that go into share/ as they are. */
const SHARED = ["rules", "systemd", "auditd"] as const;

function launcher({ output, flags, environment }: Program): string {
  const variables = Object.entries(environment);
  return `#!/bin/sh
# Runs the program with the Node runtime that it came with.
here=$(dirname "$(readlink -f "$0")")
${variables.map(([name, value]) => `: "\${${name}:=${value}}"`).join("\n")}
export ${variables.map(([name]) => name).join(" ")}
exec "$here/../lib/node"${flags === "" ? "" : ` ${flags}`} "$here/../lib/${output}" "$@"
`;
}

/** Makes the folder `folder`, which must not be there; returns the SBOM's text. */
export async function makeFolder(product: Product, version: string, arch: Arch, folder: string): Promise<string> {
  rmSync(folder, { recursive: true, force: true });
  for (const part of ["bin", "lib", "share"]) mkdirSync(join(folder, part), { recursive: true });
  const lib = join(folder, "lib");
  const components = new Map<string, Component>();
  for (const program of product.programs) {
    for (const component of await bundle(program, lib, version))
      components.set(`${component.name}@${component.version}`, component);
    writeFileSync(join(folder, "bin", program.name), launcher(program));
    chmodSync(join(folder, "bin", program.name), 0o755);
  }
  if (product.native) copyNative(arch, join(lib, "audit.node"), join(folder, "bin", `${product.name}-keeper`));
  if (product.templates) {
    for (const part of [
      ...["ansible", "chef", "terraform", "cloud-init", "packer", "kubernetes"].map((tool) => `${tool}/templates`),
      "parts",
    ])
      cpSync(join(ROOT, "integrations", part), join(lib, "templates", part), { recursive: true });
    // By these the client says which detection rules can fire.
    cpSync(join(ROOT, "packaging/agent/rules"), join(lib, "templates/rules"), { recursive: true });
  }
  if (product.detection)
    for (const ruleset of ["baseline", "findings"])
      cpSync(join(ROOT, "rules", ruleset), join(lib, "rules", ruleset), { recursive: true });
  if (product.console) {
    const built = join(ROOT, "console/dist");
    if (!existsSync(join(built, "index.html"))) throw new Error("console/dist is not built: ./dev package builds it");
    cpSync(built, join(lib, "console"), { recursive: true });
    for (const component of consoleComponents()) components.set(`${component.name}@${component.version}`, component);
  }
  const runtime = copyRuntime(arch, join(lib, "node"));
  for (const part of SHARED) {
    const source = join(ROOT, product.source, part);
    if (existsSync(source)) cpSync(source, join(folder, "share", part), { recursive: true });
  }
  cpSync(join(ROOT, product.source, "examples"), join(folder, "share"), { recursive: true });
  if (product.programs.some(({ name }) => name === "hosttrail")) {
    mkdirSync(join(folder, "share/evidence"), { recursive: true });
    copyFileSync(join(ROOT, "evidence/check.py"), join(folder, "share/evidence/check.py"));
  }
  copyFileSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  const bom = sbom(product.name, version, [...components.values()], runtime);
  writeFileSync(join(folder, "share/sbom.cdx.json"), bom);
  return bom;
}
