/** Long output goes through a pager where somebody reads it on a terminal. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";

export interface Pager {
  input: Writable;
  /** Ends what is written to it; resolves when the reader has left. */
  end(): Promise<void>;
}

/**
 * Starts $PAGER, by the shell as every program does that knows it; `less -FRX` where there is none. Undefined where "cat" or nothing was asked
 * for. `gone` is called when the reader leaves before all was written.
 */
export function startPager(environment: NodeJS.ProcessEnv, gone: () => void): Pager | undefined {
  const command = environment["PAGER"] ?? "less -FRX";
  if (command === "" || command === "cat") return undefined;
  // Colours must pass, and what fits on one screen needs no pager.
  const env = { ...environment, LESS: environment["LESS"] ?? "FRX" };
  const child: ChildProcess = spawn("/bin/sh", ["-c", command], { stdio: ["pipe", "inherit", "inherit"], env });
  const { stdin } = child;
  if (stdin === null) return undefined;
  const closed = new Promise<void>((resolve) => {
    child.once("close", () => {
      gone();
      resolve();
    });
    child.once("error", () => {
      gone();
      resolve();
    });
  });
  // Whoever leaves the pager early closes the pipe.
  stdin.on("error", gone);
  return {
    input: stdin,
    async end() {
      stdin.end();
      await closed;
    },
  };
}
