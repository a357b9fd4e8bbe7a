/**
 * Our one change to FerretDB. Its unique index on `_id` is over one expression and its queries ask by another one, so the index is never
 * used: every look-up, update and delete by `_id` reads the whole collection. docs/decisions/0020-embedded-database.md has the figures.
 */
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const MODULE = "github.com/FerretDB/FerretDB";
const FILE = "internal/backends/sqlite/metadata/metadata.go";
const OLD = `IDColumn = DefaultColumn + "->'$._id'"`;
const NEW = `IDColumn = DefaultColumn + "->'_id'"`;

/** What a build with this change differs in: part of the stamp of what was built. */
export const CHANGE: string = `${FILE}: ${NEW}`;

/** The file with the line changed. Throws where the line is not there just once: then the change must be thought over. */
export function patched(source: string): string {
  const parts = source.split(OLD);
  if (parts.length !== 2) {
    throw new Error(
      `${FILE} of FerretDB has the line ${OLD} ${parts.length - 1} times, not once: see stack/src/patch.ts`,
    );
  }
  return parts.join(NEW);
}

/** Puts a changed copy of the pinned module into `copy`; gives the file for -modfile by which a build takes it. */
export function patchedModule(go: string, source: string, copy: string): string {
  // It also checks the module against go.sum.
  const { Dir } = JSON.parse(
    execFileSync(go, ["mod", "download", "-json", MODULE], { cwd: source, encoding: "utf8" }),
  ) as { Dir: string };
  rmSync(copy, { recursive: true, force: true });
  // What lies in the module cache may not be written to.
  cpSync(Dir, copy, { recursive: true, mode: 0 });
  execFileSync("chmod", ["-R", "u+w", copy]);
  const file = join(copy, FILE);
  writeFileSync(file, patched(readFileSync(file, "utf8")));
  const modules = `${copy}.mod`;
  writeFileSync(modules, `${readFileSync(join(source, "go.mod"), "utf8")}\nreplace ${MODULE} => ${copy}\n`);
  writeFileSync(`${copy}.sum`, readFileSync(join(source, "go.sum")));
  return modules;
}
