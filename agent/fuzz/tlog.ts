/** Notes, checkpoints, policies, proofs, requests and entries of transparency logs: what is read gives the same bytes again, or is refused. */
import assert from "node:assert/strict";
import { formatLogEntry, LogEntryError, parseLogEntry } from "@hosttrail/lib/logentry";
import {
  decodeBundle,
  encodeBundle,
  formatAddCheckpoint,
  formatCheckpoint,
  formatNote,
  formatProofFile,
  formatVerifierKey,
  parseAddCheckpoint,
  parseCheckpoint,
  parseCosignatures,
  parseNote,
  parsePolicy,
  parseProofFile,
  parseTilePath,
  parseVerifierKey,
  TlogError,
  tilePath,
} from "@hosttrail/lib/tlog";
import { mutate, type Random } from "./random.ts";

const LOG = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
const NOTE = `${CHECKPOINT}\n\u00e2\u0080\u0094 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n`;
const HASH = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
const SEEDS = [
  LOG,
  CHECKPOINT,
  NOTE,
  NOTE.slice(NOTE.indexOf("\n\n") + 2),
  `old 20852014\n${HASH}${HASH}\n${NOTE}`,
  `c2sp.org/tlog-proof@v1\nextra eA==\nindex 7\n${HASH}\n${NOTE}`,
  `log ${LOG}\n# x\nquorum none\n`,
  "tile/0/x001/x234/067.p/17",
  "tile/entries/000",
  "\0\x03abc\0\0\0\x01d",
  `hosttrail/head/v1\nhost ${"0".repeat(32)}\nepoch ${"0".repeat(16)}\nlast 1\nheader ${"0".repeat(64)}\nmissing 0\ntime 2026-01-01T00:00:00.000Z\n`,
  `hosttrail/dropped/v1\nhost ${"0".repeat(32)}\nepoch ${"0".repeat(16)}\nday 20260101\nranges 1-5,7-9\nblocks 1\nevents 8\npolicy p\nactor a\ntime 2026-01-01T00:00:00.000Z\n`,
  `hosttrail/hold/v1\nhold h\nhost ${"0".repeat(32)}\nlabel a=b\nfrom 20260101\nuntil 20260102\nactor a\nreason r\ntime 2026-01-01T00:00:00.000Z\n`,
];
const TOKENS = [
  "\n",
  "\n\n",
  " ",
  "\u00e2\u0080\u0094 ",
  "=",
  "+",
  "0",
  "x",
  "-",
  ",",
  "/",
  "quorum none\n",
  "group g any w\n",
  HASH,
];

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
/** Each gives what it read as bytes; nothing where that has no one form. */
const PARSERS: ((bytes: Uint8Array) => Uint8Array | undefined)[] = [
  (bytes) => formatNote(parseNote(bytes)),
  (bytes) => Buffer.from(formatCheckpoint(parseCheckpoint(text(bytes)))),
  (bytes) => Buffer.from(formatVerifierKey(parseVerifierKey(text(bytes), ["ed25519", "cosignature/v1"]))),
  (bytes) => formatAddCheckpoint(parseAddCheckpoint(bytes)),
  (bytes) => formatProofFile(parseProofFile(bytes)),
  (bytes) => formatLogEntry(parseLogEntry(bytes)),
  (bytes) => encodeBundle(decodeBundle(bytes, 3, "a bundle")),
  (bytes) => void parsePolicy(bytes),
  (bytes) => void parseCosignatures(bytes),
  (bytes) => {
    const name = parseTilePath(text(bytes));
    return name && Buffer.from(tilePath(name));
  },
];

export function readMutatedLog(random: Random): void {
  const bytes = Buffer.from(mutate(random, SEEDS, TOKENS), "latin1");
  for (const parse of PARSERS) {
    let again: Uint8Array | undefined;
    try {
      again = parse(bytes);
    } catch (error) {
      assert.ok(error instanceof TlogError || error instanceof LogEntryError, String(error));
      continue;
    }
    // Texts of bytes that are no UTF-8 are compared as what was read.
    if (again !== undefined) assert.equal(text(again), text(bytes));
  }
}
