/** Commands of documents as a person types them, until they end. */
import { execFile } from "node:child_process";
import { type Fence, markOfCommand } from "./fences.ts";

/** A command that does not end by itself is broken off after so long, as a person does. */
const GOES_ON = /^hosttrail tail\b|--watch\b/;
const GOES_ON_SECONDS = 5;
const COMMAND_SECONDS = 60;
/** How a command may end that was broken off. */
const BROKEN_OFF: readonly number[] = [0, 130];
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

export interface Ended {
  /** Exit status; -1 where a signal ended it. */
  status: number;
  output: string;
}

/** Runs a command in bash, with an empty standard input, until it ends by itself or is broken off. Each part of it must end well. */
export function runTyped(command: string, cwd: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  const seconds = GOES_ON.test(command) ? GOES_ON_SECONDS : COMMAND_SECONDS;
  const words = ["--preserve-status", "--signal=INT", `${seconds}`, "bash", "-c", `set -eo pipefail\n${command}`];
  return new Promise((resolve) => {
    const child = execFile("timeout", words, { cwd, env, maxBuffer: OUTPUT_BYTES_MAX }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ status, output: `${stderr}${stdout}` });
    });
    child.stdin?.end();
  });
}

/** With which statuses a command of a block may end. */
export function statusesOf(fence: Fence, command: string): readonly number[] {
  if (GOES_ON.test(command)) return BROKEN_OFF;
  return [Number(markOfCommand(fence, command, ["ends with"])?.text ?? 0)];
}
