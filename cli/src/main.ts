/** `hosttrail`: asks the collector. */
import { runProgram } from "./program/index.ts";

// A reader that went away, as `head` does, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

runProgram(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`hosttrail: ${String(error)}\n`);
  process.exitCode = 1;
});
