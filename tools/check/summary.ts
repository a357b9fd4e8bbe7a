/** The end of a test run: where its time went, by SUITE.cpu where that is there as well, and what failed. Usage: node tools/check/summary.ts SUITE.tap... */
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { failedText, readFailed } from "./failed.ts";
import { cpuMsOf, readTap, timesOf } from "./tap.ts";

const reports = process.argv.slice(2).map((file) => {
  const text = readFileSync(file, "utf8");
  const times = file.replace(/\.tap$/, ".cpu");
  const cpuMs = existsSync(times) ? cpuMsOf(readFileSync(times, "utf8")) : undefined;
  return { name: basename(file, ".tap"), ...readTap(text), cpuMs, failed: readFailed(text) };
});
process.stdout.write([timesOf(reports), failedText(reports)].filter((part) => part !== "").join("\n"));
