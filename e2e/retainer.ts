/**
 * Retention as a program of its own, so that it can be killed at any moment: `node e2e/retainer.ts URL DATABASE`. It drops whatever is kept by
 * nothing without waiting, and ends when there is nothing left to do.
 */
import { retainArchive } from "@hosttrail/collector/archives";
import { Archive } from "@hosttrail/collector/mongodb";
import { Retainer } from "@hosttrail/collector/retain";
import { openLogger } from "@hosttrail/lib/log";

const [url = "", database = ""] = process.argv.slice(2);
const archive = Archive.open({ url, database });
const retained = retainArchive(archive);
const options = { turnMs: 1, graceMs: 0, settleMs: 0, clockGapMs: 86_400_000, waitsForLog: false };
const retainer = new Retainer(retained, options, openLogger("retainer", "error"));
process.stdout.write("retaining\n");
do await retainer.turn();
while ((await retained.listMarks()).length + (await retained.listFences()).length > 0);
await archive.close();
