/**
 * How often a question passes, about: rules are looked at where their rarest question does. A text is the rarer the longer it is, but for
 * what every host says all the time.
 */
import { passes, type ValueQuestion } from "../predicate/index.ts";

const SHELLS: readonly string[] = [
  "/usr/bin/bash",
  "/usr/bin/dash",
  "/bin/sh",
  "/usr/bin/sudo",
  "/usr/bin/python3",
  "/usr/sbin/cron",
];
const PROGRAMS: readonly string[] = [
  ...SHELLS,
  "/usr/bin/grep",
  "/usr/bin/sed",
  "/usr/bin/cat",
  "/usr/bin/date",
  "/usr/bin/ls",
];
const PARENTS: readonly string[] = [...SHELLS, "/usr/lib/systemd/systemd"];
const FOLDERS: readonly string[] = ["/", "/root", "/home/ubuntu"];

/** To find one of these says little; to find another one in such a field says something, however short it is. */
const USUAL: ReadonlyMap<string, readonly string[]> = new Map([
  ["type", ["SYSCALL", "EXECVE", "PATH", "CWD", "PROCTITLE", "SOCKADDR"]],
  ["nametype", ["NORMAL", "PARENT", "CREATE", "DELETE"]],
  ["success", ["yes", "no"]],
  ["SYSCALL", ["execve", "connect", "openat", "open", "unlink", "unlinkat", "rename", "renameat2"]],
  // The same calls on x86_64, and execve and connect on arm64.
  ["syscall", ["59", "42", "257", "2", "87", "263", "82", "316", "221", "203"]],
  ["ARCH", ["x86_64", "aarch64"]],
  ["arch", ["c000003e", "c00000b7"]],
  ["exe", PROGRAMS],
  ["Initiated", ["true", "false"]],
  ["User", ["root"]],
  ["Image", PROGRAMS],
  ["ParentImage", PARENTS],
  ["ParentCommandLine", ["bash", "sh -c date", "/bin/sh /etc/cron.hourly/a", "/usr/lib/systemd/systemd"]],
  ["CurrentDirectory", FOLDERS],
  ["event.action", ["executed", "connected-to", "opened-file", "deleted", "renamed"]],
  ["event.outcome", ["success", "failure"]],
  ["user.name", ["root"]],
  ["process.executable", PROGRAMS],
  ["process.parent.executable", PARENTS],
  ["process.working_directory", FOLDERS],
]);
const USUAL_WEIGHT = 0.9;
const UNUSUAL_WEIGHT_MAX = 0.5;
/** Texts that are longer are as rare as these. */
const LENGTH_MAX = 16;

/** From 0 for never to 1 for always. */
export function weightOf(field: string, question: ValueQuestion): number {
  const weight = rarityOf(question);
  const usual = USUAL.get(field);
  if (usual === undefined || question.isCostly === true) return weight;
  return usual.some((text) => passes(question, text)) ? USUAL_WEIGHT : Math.min(weight, UNUSUAL_WEIGHT_MAX);
}

function rarityOf({ equals, part, parts }: ValueQuestion): number {
  if (equals !== undefined) return 0.3 ** Math.min(equals.length, LENGTH_MAX);
  const rarity = (text: string): number => 0.5 ** Math.min(text.length, LENGTH_MAX);
  if (parts !== undefined) return Math.min(1, sumOf(parts.map(rarity)));
  return part === undefined || part === "" ? 1 : rarity(part);
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
