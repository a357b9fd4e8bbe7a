/**
 * A compactor as a program of its own, so that it can be killed at any moment: `node e2e/compactor.ts URL DATABASE`. It compacts whatever is
 * there without waiting, and tells each turn.
 */
import { compactArchive, historySource } from "@hosttrail/collector/archives";
import { Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import { Archive } from "@hosttrail/collector/mongodb";
import { openLogger } from "@hosttrail/lib/log";

const [url = "", database = ""] = process.argv.slice(2);
const archive = Archive.open({ url, database });
const history = new History(historySource(archive));
const compactor = new Compactor(
  compactArchive(archive),
  history,
  archive.hosts,
  { turnMs: 50, ageMs: 0, blocksMin: 1 },
  openLogger("compactor", "error"),
);
process.stdout.write("compacting\n");
await compactor.run(new AbortController().signal);
