/** Where the time of a test run went: a table of suites and of what is slowest in them. Usage: node tools/check/times.ts SUITE.tap... */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { type Report, readTap, timesOf } from "./tap.ts";

const reports = process.argv
  .slice(2)
  .map((file): Report => ({ name: basename(file, ".tap"), ...readTap(readFileSync(file, "utf8")) }));
process.stdout.write(timesOf(reports));
