/** A log's files, opened and in the order of time. */
import { constants, readdirSync, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { RawRecord } from "../model/index.ts";
import { COMPRESSIONS, contentOf } from "./compressed.ts";
import { parseLogLine } from "./line.ts";
import { type RotatedName, rotationsOf } from "./rotated.ts";
import type { SourceFault } from "./source.ts";

export interface LogFile {
  path: string;
  /** Open, so that a rotation meanwhile takes nothing away and gives nothing twice. */
  handle: FileHandle;
  /** Of its name: `gz`, empty where there is none. */
  extension: string;
}

type Told = (file: string, fault: Pick<SourceFault, "reason" | "isLoss">) => void;

/** All are held open: logrotate keeps a year of hours with 8,760. */
const FILES_MAX = 10_000;
/** So far a file is looked at for its first record. */
const FIRST_RECORD_BYTES_MAX = 1 << 20;
/** A rotation while the files are opened makes names mean others. */
const ATTEMPTS = 5;
const LINE_FEED = "\n";

/** A file of the log, and what its name tells. */
interface Candidate extends LogFile {
  rotation: RotatedName | undefined;
}

/** Opens the log and its rotated siblings, oldest first. What cannot be opened is told. */
export async function openLog(path: string, told: Told, signal: AbortSignal): Promise<LogFile[]> {
  for (let attempt = 1; ; attempt++) {
    const faults: Parameters<Told>[] = [];
    const before = identities(path);
    const files = await openAll(path, (...fault) => faults.push(fault));
    if (attempt < ATTEMPTS && before !== identities(path)) {
      await Promise.all(files.map(({ handle }) => handle.close()));
      continue;
    }
    for (const fault of faults) told(...fault);
    return inOrderOfTime(files, told, signal);
  }
}

/** The names of the log's files, and which files they are. */
function identities(path: string): string {
  const folder = dirname(path);
  const names = [...rotationsOf(basename(path), filesOf(folder)).rotated.map(({ file }) => file), basename(path)];
  return names.map((file) => `${file} ${inodeOf(join(folder, file))}`).join("\n");
}

function inodeOf(file: string): string {
  try {
    return String(statSync(file, { bigint: true }).ino);
  } catch {
    return "";
  }
}

function filesOf(folder: string, told?: Told): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    told?.(folder, { reason: `rotated files cannot be looked for: ${messageOf(error)}`, isLoss: true });
    return [];
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function openAll(path: string, told: Told): Promise<Candidate[]> {
  const folder = dirname(path);
  const { rotated, others } = rotationsOf(basename(path), filesOf(folder, told));
  for (const file of others)
    told(join(folder, file), { reason: "its name is no rotation of the log: it is not read", isLoss: false });
  const excess = Math.max(0, rotated.length - FILES_MAX);
  for (const { file } of rotated.slice(0, excess))
    told(join(folder, file), {
      reason: `there are more than ${FILES_MAX} rotated files: it is not read`,
      isLoss: true,
    });
  const files: Candidate[] = [];
  const seen = new Set<string>();
  for (const rotation of [...rotated.slice(excess), undefined]) {
    const file = rotation === undefined ? path : join(folder, rotation.file);
    const extension = rotation?.extension ?? "";
    if (extension !== "" && !COMPRESSIONS.includes(extension)) {
      told(file, {
        reason: `.${extension} is no compression that can be read (${COMPRESSIONS.join(", ")})`,
        isLoss: true,
      });
      continue;
    }
    try {
      const handle = await openRegular(file, seen);
      if (handle !== undefined) files.push({ path: file, handle, extension, rotation });
    } catch (error) {
      told(file, { reason: messageOf(error), isLoss: true });
    }
  }
  return files;
}

/** Undefined for a file that is open under another name. */
async function openRegular(file: string, seen: Set<string>): Promise<FileHandle | undefined> {
  // Without waiting for whoever should write into a pipe of that name.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  const status = await handle.stat({ bigint: true });
  const identity = `${status.dev}:${status.ino}`;
  if (status.isFile() && !seen.has(identity)) {
    seen.add(identity);
    return handle;
  }
  await handle.close();
  if (status.isFile()) return undefined;
  throw new Error("it is no regular file");
}

/** Names of one kind tell the order; where there are several kinds, or one age twice, the first records do. The log itself is the youngest. */
async function inOrderOfTime(files: Candidate[], told: Told, signal: AbortSignal): Promise<LogFile[]> {
  const current = files.filter(({ rotation }) => rotation === undefined);
  const kinds = (["number", "date", "epoch"] as const)
    .map((kind) => files.filter(({ rotation }) => rotation?.kind === kind))
    .filter((list) => list.length > 0);
  const ages = new Set(files.map(({ rotation }) => `${rotation?.kind} ${rotation?.age}`));
  if (kinds.length < 2 && ages.size === files.length) return [...kinds.flat(), ...current];
  const lists: Dated[][] = [];
  for (const list of kinds) lists.push(await dated(list, told, signal));
  return [...merge(lists), ...current];
}

interface Dated {
  file: LogFile;
  /** Milliseconds since 1970 of its first record; of the file before where it has none. */
  timeMs: number;
}

/** Files of one kind with their times; of two that are the same, as an interrupted logrotate leaves them, one. */
async function dated(files: readonly Candidate[], told: Told, signal: AbortSignal): Promise<Dated[]> {
  const list: (Dated & { first: RawRecord | undefined; age: number })[] = [];
  for (const file of files) {
    const first = await firstRecord(file, signal);
    const age = file.rotation?.age ?? 0;
    const timeMs = first === undefined ? (list.at(-1)?.timeMs ?? 0) : first.seconds * 1000 + first.milliseconds;
    const twin = list.findIndex((other) => other.age === age && first !== undefined && isSame(other.first, first));
    const other = list[twin];
    if (other === undefined) {
      list.push({ file, timeMs, first, age });
      continue;
    }
    // The one that was being compressed is whole.
    const [kept, left] = file.extension === "" ? [file, other.file] : [other.file, file];
    list[twin] = { ...other, file: kept };
    told(left.path, { reason: `its records are those of ${basename(kept.path)}: it is not read`, isLoss: false });
    await left.handle.close();
  }
  // Of one age, which has no order by name.
  return list.sort((a, b) => a.age - b.age || a.timeMs - b.timeMs);
}

function isSame(one: RawRecord | undefined, other: RawRecord): boolean {
  return one !== undefined && one.serial === other.serial && one.seconds === other.seconds && one.text === other.text;
}

/** The order within each list stays. */
function merge(lists: readonly Dated[][]): LogFile[] {
  const files: LogFile[] = [];
  const rests = lists.map((list) => [...list]);
  for (;;) {
    const next = rests
      .filter((rest) => rest.length > 0)
      .sort((a, b) => (a[0]?.timeMs ?? 0) - (b[0]?.timeMs ?? 0))[0]
      ?.shift();
    if (next === undefined) return files;
    files.push(next.file);
  }
}

/** Undefined where there is none near the beginning. */
async function firstRecord({ handle, extension }: LogFile, signal: AbortSignal): Promise<RawRecord | undefined> {
  let rest = "";
  let length = 0;
  try {
    for await (const chunk of contentOf(handle, extension, signal)) {
      const lines = (rest + chunk.toString("latin1")).split(LINE_FEED);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const record = parseLogLine(line);
        if (record !== undefined) return record;
      }
      length += chunk.length;
      if (length > FIRST_RECORD_BYTES_MAX) return undefined;
    }
  } catch {
    // Told when it is read.
    return undefined;
  }
  return parseLogLine(rest);
}
