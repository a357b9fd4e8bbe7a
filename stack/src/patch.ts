/**
 * Our changes to FerretDB. Its unique index on `_id` is over one expression and its queries ask by another one, so the index is never
 * used: every look-up, update and delete by `_id` reads the whole collection. And a filter that has a second condition is not asked by `_id`
 * at all, though all that is found is compared with the whole filter anyway. An update reads documents, changes them and writes them back, and of
 * two at once one is lost, whatever their filters say: here one waits for the other. docs/decisions/0020-embedded-database.md has the figures.
 */
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const MODULE = "github.com/FerretDB/FerretDB";

/** A line in one of its files, how often it is there, and what it becomes. */
export interface Change {
  file: string;
  old: string;
  times: number;
  now: string;
}

/** Whoever reads a document to write it back is the only one. */
const TAKE_TURN = "updating <- struct{}{}\n\n\tdefer func() { <-updating }()\n\n\t";

export const CHANGES: readonly Change[] = [
  {
    file: "internal/backends/sqlite/metadata/metadata.go",
    old: `IDColumn = DefaultColumn + "->'$._id'"`,
    times: 1,
    now: `IDColumn = DefaultColumn + "->'_id'"`,
  },
  {
    file: "internal/backends/sqlite/collection.go",
    old: "if params.Filter.Len() == 1 {",
    times: 2,
    now: "if params.Filter.Len() > 0 {",
  },
  {
    file: "internal/handler/msg_update.go",
    old: "func (h *Handler) updateDocument(",
    times: 1,
    now: "var updating = make(chan struct{}, 1)\n\nfunc (h *Handler) updateDocument(",
  },
  {
    file: "internal/handler/msg_update.go",
    old: "for _, u := range params.Updates {",
    times: 1,
    now: TAKE_TURN + "for _, u := range params.Updates {",
  },
  {
    file: "internal/handler/msg_findandmodify.go",
    old: "c, err := db.Collection(params.Collection)",
    times: 1,
    now: TAKE_TURN + "c, err := db.Collection(params.Collection)",
  },
];

/** A file's source with the line changed. Throws where the line is there another number of times: then the change must be thought over. */
export function patched(source: string, { file, old, times, now }: Change): string {
  const parts = source.split(old);
  if (parts.length !== times + 1) {
    throw new Error(
      `${file} of FerretDB has the line ${old} ${parts.length - 1} times, not ${times}: see stack/src/patch.ts`,
    );
  }
  return parts.join(now);
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
  for (const change of CHANGES) {
    const file = join(copy, change.file);
    writeFileSync(file, patched(readFileSync(file, "utf8"), change));
  }
  const modules = `${copy}.mod`;
  writeFileSync(modules, `${readFileSync(join(source, "go.mod"), "utf8")}\nreplace ${MODULE} => ${copy}\n`);
  writeFileSync(`${copy}.sum`, readFileSync(join(source, "go.sum")));
  return modules;
}
