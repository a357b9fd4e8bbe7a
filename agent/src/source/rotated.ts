/** Names of a log's rotated files, as auditd and logrotate give them, and their order in time. */

/** How a rotated file's name tells its age. */
export interface Rotation {
  /** `audit.log.3` (the higher the older), `audit.log-20251113` (a local time), `audit.log-1763028000` (seconds since 1970). */
  kind: "number" | "date" | "epoch";
  /** Grows with time, within a kind: names of two kinds cannot be compared. */
  age: number;
  /** Without its dot, empty where there is none: `gz`. Any word, also of what cannot be read. */
  extension: string;
}

export interface RotatedName extends Rotation {
  file: string;
}

/** `.3`, `-20251113`, `-2025-11-13`, `-20251113-100000`, `-2025111310`, `-20251113-1763028000`, `-1763028000`; then the compression's word. */
const SUFFIX =
  /^[-._](\d{4}-\d\d-\d\d|\d{1,14})(?:[-_T.](\d\d[:-]\d\d(?:[:-]\d\d)?|\d{2,10}))?(?:\.([A-Za-z]\w{0,7}))?$/;
const EXTENSION = /^\.([A-Za-z]\w{0,7})$/;
/** More digits are a date or an epoch. auditd's num_logs goes to 999. */
const NUMBER_DIGITS_MAX = 6;
const EPOCH_MIN = 100_000_000;
const EPOCH_MAX = 99_999_999_999;

/**
 * How `file` is a rotation of `log`, both without a folder. Undefined where it is none. logrotate's `extension` puts the age before the log's own
 * extension: `audit-20251113.log.gz`, `audit.1.log`.
 */
export function rotationOf(log: string, file: string): Rotation | undefined {
  if (file.startsWith(log)) return rotationOfSuffix(file.slice(log.length));
  const dot = log.lastIndexOf(".");
  if (dot <= 0 || !file.startsWith(log.slice(0, dot))) return undefined;
  const own = log.slice(dot);
  const end = file.lastIndexOf(own);
  if (end <= dot) return undefined;
  const age = rotationOfSuffix(file.slice(dot, end));
  const behind = file.slice(end + own.length);
  if (age === undefined || age.extension !== "") return undefined;
  if (behind === "") return age;
  const extension = EXTENSION.exec(behind)?.[1];
  return extension === undefined ? undefined : { ...age, extension };
}

/** The rotations of a log among the files of its folder, oldest first within each kind; `others` have its name in theirs and are none. */
export function rotationsOf(log: string, files: readonly string[]): { rotated: RotatedName[]; others: string[] } {
  const rotated: RotatedName[] = [];
  const others: string[] = [];
  for (const file of files) {
    if (file === log) continue;
    const rotation = rotationOf(log, file);
    if (rotation !== undefined) rotated.push({ file, ...rotation });
    else if (file.startsWith(log)) others.push(file);
  }
  return { rotated: rotated.sort((a, b) => a.age - b.age || (a.file < b.file ? -1 : 1)), others: others.sort() };
}

function rotationOfSuffix(suffix: string): Rotation | undefined {
  const match = SUFFIX.exec(suffix);
  if (match === null) return undefined;
  const [, first = "", second = "", extension = ""] = match;
  const age = second === "" ? ageOf(suffix[0] === ".", first) : ageOfTwo(first, second);
  return age && { ...age, extension };
}

type Age = Pick<Rotation, "kind" | "age">;

/** Of one group of digits. */
function ageOf(isAfterDot: boolean, digits: string): Age | undefined {
  if (isAfterDot && digits.length <= NUMBER_DIGITS_MAX) return { kind: "number", age: -Number(digits) };
  return dateOf(digits.replaceAll("-", "")) ?? epochOf(digits);
}

/** Of a date and a time, or of a date and seconds since 1970. */
function ageOfTwo(date: string, time: string): Age | undefined {
  const day = dateOf(date.replaceAll("-", ""));
  if (day === undefined) return undefined;
  return dateOf(date.replaceAll("-", "") + time.replaceAll(/[:-]/g, "")) ?? epochOf(time);
}

/** YYYYMMDD, with hours, minutes and seconds where they follow. */
function dateOf(digits: string): Age | undefined {
  if (![8, 10, 12, 14].includes(digits.length)) return undefined;
  const part = (at: number, length = 2): number => Number(digits.slice(at, at + length) || "0");
  const [year, month, day, hour, minute, second] = [part(0, 4), part(4), part(6), part(8), part(10), part(12)];
  if (year < 1970 || year > 2199 || month < 1 || month > 12 || day < 1 || hour > 24 || minute > 59 || second > 60)
    return undefined;
  if (day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return undefined;
  return { kind: "date", age: Date.UTC(year, month - 1, day, hour, minute, second) };
}

function epochOf(digits: string): Age | undefined {
  const seconds = /^\d{9,11}$/.test(digits) ? Number(digits) : 0;
  return seconds >= EPOCH_MIN && seconds <= EPOCH_MAX ? { kind: "epoch", age: seconds * 1000 } : undefined;
}
