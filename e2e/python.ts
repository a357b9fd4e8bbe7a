/**
 * Tools of others in Python, by which tests look at what we write or play what we speak to. Each set of them is installed beside the project by
 * its pinned requirements, once, where there is a Python and a package index.
 */
import { execFileSync, type ExecFileSyncOptions } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const TOOLS = new URL("../.hosttrail/tools", import.meta.url).pathname;
const INSTALL_MS = 300_000;

/** The Python that has what `requirements`, a file, names; a text that says why there is none. */
export function pythonWith(name: string, requirements: string): { python: string } | string {
  const hash = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 16);
  const folder = join(TOOLS, `${name}-${hash}`);
  const python = join(folder, "bin/python");
  if (existsSync(join(folder, "complete"))) return { python };
  const making = `${folder}.${process.pid}`;
  const quiet: ExecFileSyncOptions = { stdio: ["ignore", "ignore", "pipe"], timeout: INSTALL_MS };
  try {
    execFileSync("python3", ["-m", "venv", making], quiet);
    const words = ["install", "--quiet", "--no-deps", "--require-hashes", "--requirement", requirements];
    execFileSync(join(making, "bin/pip"), words, quiet);
    writeFileSync(join(making, "complete"), "");
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    return `${name} cannot be installed: ${String(error).slice(0, 300)}`;
  }
  // Its scripts know the folder that it was made in; only `python -m` and files are used.
  try {
    renameSync(making, folder);
  } catch {
    // Another process was here first.
    rmSync(making, { recursive: true, force: true });
    if (!existsSync(join(folder, "complete"))) return `${folder} is there, and not whole: remove it`;
  }
  return { python };
}
