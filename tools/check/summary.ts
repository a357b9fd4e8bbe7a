/** The end of a test run: where its time went, and what failed. Usage: node tools/check/summary.ts SUITE.tap... */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { failedText, readFailed } from "./failed.ts";
import { readTap, timesOf } from "./tap.ts";

const reports = process.argv.slice(2).map((file) => {
  const text = readFileSync(file, "utf8");
  return { name: basename(file, ".tap"), ...readTap(text), failed: readFailed(text) };
});
process.stdout.write([timesOf(reports), failedText(reports)].filter((part) => part !== "").join("\n"));
