/** PATH records: the files that an event is about. */
import { RECORD, type RecordWords, valueOf } from "@hosttrail/lib/audit";
import type { File } from "@hosttrail/proto/event";
import { intern } from "./intern.ts";
import type { Elsewhere } from "./syscall.ts";
import { octal, u32, u64, unquoteName } from "./values.ts";

const UNSET = 0xffffffff;

/** What names resolve against; `elsewhere` are those that resolve against a directory that nobody named. */
export interface Resolution {
  workingDirectory: string;
  elsewhere: Elsewhere;
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
  const { workingDirectory, elsewhere } = resolution;
  if (memo.file !== undefined && memo.directory === workingDirectory && memo.elsewhere === elsewhere) return memo.file;
  memo.file = decodeFile(record, resolution);
  memo.directory = workingDirectory;
  memo.elsewhere = elsewhere;
  return memo.file;
}

function decodeFile(record: RecordWords, { workingDirectory, elsewhere }: Resolution): File {
  const name = intern(unquoteName(valueOf(record, "name")));
  const nametype = valueOf(record, "nametype") ?? "";
  const foreign = nametype === "CREATE" ? elsewhere.new : elsewhere.old || (nametype === "PARENT" && elsewhere.new);
  const path = foreign ? name : absolute(name, workingDirectory);
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
  };
}

/** Joins a relative name to the working directory. */
function absolute(name: string, workingDirectory: string): string {
  if (name === "" || name.startsWith("/") || !workingDirectory.startsWith("/")) return name;
  const parts: string[] = [];
  for (const part of `${workingDirectory}/${name}`.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return `/${parts.join("/")}`;
}
