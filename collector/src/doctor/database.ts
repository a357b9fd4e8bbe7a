/** What was seen of the database, judged. */
import { checkClock, type ClockReading } from "./clock.ts";
import { type Finding, failed, ok, warning } from "./finding.ts";

export interface DatabaseFacts {
  version: string;
  /** The embedded one, which has no majority and no ranges by index. */
  isEmbedded: boolean;
  /** A member of a replica set, or a router of shards. */
  isReplicated: boolean;
  /** Whether a document that was written by majority and journal was read back and removed. */
  write: "done" | { failed: string };
  disk: { usedBytes: number; totalBytes: number } | undefined;
  clock: ClockReading | undefined;
}

const FULL_PART = 0.95;
const NEARLY_PART = 0.85;
const GIB = 1 << 30;

export function checkDatabase({ version, isEmbedded, isReplicated, write, disk, clock }: DatabaseFacts): Finding[] {
  const findings = [ok(`the database answers: ${isEmbedded ? "embedded, FerretDB" : "MongoDB"} ${version}`)];
  findings.push(
    write === "done"
      ? ok("a document was written (majority, journal), read and removed")
      : failed(
          `a document could not be written, read and removed (${write.failed}): has its login the role readWrite?`,
        ),
  );
  if (!isEmbedded && !isReplicated)
    findings.push(warning("the database is one server, no replica set: what is stored is on one disk"));
  if (disk === undefined) findings.push(ok("the database does not tell how full its disk is: watch it yourself"));
  else {
    const part = disk.usedBytes / disk.totalBytes;
    const text = `the database's disk has ${((disk.totalBytes - disk.usedBytes) / GIB).toFixed(1)} GiB left (${Math.round(part * 100)} % used)`;
    findings.push(
      part >= FULL_PART ? failed(`${text}: it takes no more soon`) : part >= NEARLY_PART ? warning(text) : ok(text),
    );
  }
  if (clock !== undefined) findings.push(checkClock("the database", clock));
  return findings;
}
