/** PATH records: the files that an event is about. */
import { RECORD, type RecordWords, valueOf } from "@hosttrail/lib/audit";
import type { File } from "@hosttrail/proto/event";
import type { Base, Bases } from "./directories.ts";
import { intern } from "./intern.ts";
import { octal, u32, u64, unquoteName } from "./values.ts";

const UNSET = 0xffffffff;

/** What names resolve against. */
export interface Resolution {
  workingDirectory: string;
  bases: Bases;
}

/**
 * Files by PATH record; the object of the event first. That is never item 0 by itself: a created or deleted file stands
 * behind its parent folder, and overlay file systems add dozens of items.
 */
export function decodeFiles(words: readonly RecordWords[], resolution: Resolution): File[] {
  let count = 0;
  for (const { type } of words) if (type === RECORD.PATH) count++;
  if (count === 0) return NO_FILES;
  const files = new Array<File>(count);
  let sorted = true;
  count = 0;
  for (const record of words) {
    if (record.type !== RECORD.PATH) continue;
    const file = knownFile(record, resolution);
    if (count > 0 && file.item < (files[count - 1] as File).item) sorted = false;
    files[count++] = file;
  }
  if (files.length < 2) return files;
  if (!sorted) files.sort((a, b) => a.item - b.item);
  const object = files.find(({ nametype }) => nametype !== "PARENT" && nametype !== "UNKNOWN") ?? files[0];
  if (object === undefined || object === files[0]) return files;
  return [object, ...files.filter((file) => file !== object)];
}

/** Nobody may add one. */
const NO_FILES: File[] = [];

/** The same file for the same text that resolves against the same folder. */
function knownFile(record: RecordWords, resolution: Resolution): File {
  const { memo } = record;
  if (memo === undefined) return decodeFile(record, resolution);
  const { workingDirectory, bases } = resolution;
  if (memo.file !== undefined && memo.directory === workingDirectory && memo.bases === bases) return memo.file;
  memo.file = decodeFile(record, resolution);
  memo.directory = workingDirectory;
  memo.bases = bases;
  return memo.file;
}

function decodeFile(record: RecordWords, resolution: Resolution): File {
  const name = intern(unquoteName(valueOf(record, "name")));
  // Some older kernels wrote objtype.
  const nametype = valueOf(record, "nametype") ?? valueOf(record, "objtype") ?? "";
  const { path, relativeTo } = resolve(name, nametype, resolution);
  const inode = valueOf(record, "inode");
  return {
    path: path === name ? name : intern(path),
    name,
    inode: u64(inode),
    device: valueOf(record, "dev") ?? "",
    mode: octal(valueOf(record, "mode")),
    uid: u32(valueOf(record, "ouid"), UNSET),
    owner: "",
    gid: u32(valueOf(record, "ogid"), UNSET),
    group: "",
    targetDevice: valueOf(record, "rdev") ?? "",
    item: u32(valueOf(record, "item"), 0),
    nametype,
    hasAttributes: inode !== undefined,
    before: undefined,
    after: undefined,
    relativeTo,
  };
}

function resolve(
  name: string,
  nametype: string,
  { workingDirectory, bases }: Resolution,
): { path: string; relativeTo: Base } {
  if (name === "") return { path: "", relativeTo: "" };
  const given = baseOf(nametype, bases);
  // Of a parent without a name of its own the kernel writes the working directory, also where the call had another one.
  const isUnnamedParent = nametype === "PARENT" && name === workingDirectory;
  if (isUnnamedParent) return given === "" ? { path: name, relativeTo: "" } : { path: ".", relativeTo: given };
  const isAbsolute = name.startsWith("/");
  if (isAbsolute && !bases.isRoot) return { path: name, relativeTo: "" };
  const base = given === "" && !workingDirectory.startsWith("/") ? "unknown" : given;
  // Nothing leads out of a root.
  const inside = bases.isRoot ? normalize(name) : name;
  if (base !== "") return { path: bases.isRoot ? inside.slice(1) || "." : inside, relativeTo: base };
  return { path: normalize(`${workingDirectory}/${inside}`), relativeTo: "" };
}

function baseOf(nametype: string, bases: Bases): Base {
  switch (nametype) {
    case "CREATE":
      return bases.new;
    case "PARENT":
      return bases.parent;
    case "UNKNOWN":
      return bases.given;
    default:
      return bases.old;
  }
}

/** An absolute path of these parts. */
function normalize(text: string): string {
  const parts: string[] = [];
  for (const part of text.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return `/${parts.join("/")}`;
}
