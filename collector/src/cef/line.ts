/**
 * Lines of ArcSight's Common Event Format, version 0 of the format (Implementing ArcSight CEF, revision 25): seven fields between bars, then
 * pairs of a key and a value. What is in them was chosen by who is watched: no text ends its field, whatever is in it.
 */
import { line } from "@hosttrail/lib/text";
import { COLLECTOR_VERSION } from "../version.ts";

const HEADER_LENGTH_MAX = 512;
/** What every receiver of syslog takes (RFC 5425, 4.3.1), and a line of a file as well. */
const BYTES_MAX = 8192;

/** Keys of the format's dictionary that we write; a custom one has a label beside it, which says what it stands for. */
type Key =
  | "act"
  | "cat"
  | "cnt"
  | "destinationServiceName"
  | "deviceExternalId"
  | "dhost"
  | "dpid"
  | "dpt"
  | "dproc"
  | "dst"
  | "duser"
  | "dvc"
  | "dvchost"
  | "end"
  | "externalId"
  | "fileHash"
  | "filePath"
  | "filePermission"
  | "fname"
  | "fsize"
  | "msg"
  | "outcome"
  | "request"
  | "rt"
  | "shost"
  | "spid"
  | "sproc"
  | "spt"
  | "src"
  | "start"
  | "suid"
  | "suser";
type Custom = "c6a2" | "c6a3" | "cn1" | "cn2" | "cn3" | "cs1" | "cs2" | "cs3" | "cs4" | "cs5" | "cs6";

/** The most characters that the dictionary allows for each; 0 where it names no bound. */
const LENGTH_MAX: Readonly<Record<Key | Custom, number>> = {
  act: 63,
  c6a2: 0,
  c6a3: 0,
  cat: 1023,
  cn1: 0,
  cn2: 0,
  cn3: 0,
  cnt: 0,
  cs1: 4000,
  cs2: 4000,
  cs3: 4000,
  cs4: 4000,
  cs5: 4000,
  cs6: 4000,
  destinationServiceName: 1023,
  deviceExternalId: 255,
  dhost: 1023,
  dpid: 0,
  dpt: 0,
  dproc: 1023,
  dst: 0,
  duser: 1023,
  dvc: 0,
  dvchost: 100,
  end: 0,
  externalId: 40,
  fileHash: 255,
  filePath: 1023,
  filePermission: 1023,
  fname: 1023,
  fsize: 0,
  msg: 1023,
  outcome: 63,
  request: 1023,
  rt: 0,
  shost: 1023,
  spid: 0,
  sproc: 1023,
  spt: 0,
  src: 0,
  start: 0,
  suid: 1023,
  suser: 1023,
};
/** Numbers and addresses have no bound of their own. */
const PLAIN_LENGTH_MAX = 64;

/** A key and its value; of a custom key also what it stands for. */
export type Pair = readonly [key: Key, value: string] | readonly [key: Custom, value: string, label: string];

export interface Head {
  /** What kind of thing it is: the same for all that are alike. */
  signature: string;
  /** What people read. */
  name: string;
  /** 0 to 10. */
  severity: number;
}

/** At most so many bytes: pairs that do not fit are left out, the last ones first; so are those without a value. */
export function cefLine(
  { signature, name, severity }: Head,
  pairs: readonly Pair[],
  bytesMax: number = BYTES_MAX,
): string {
  const head = ["Hosttrail", "Hosttrail", COLLECTOR_VERSION, signature, name, String(severity)];
  const begin = `CEF:0|${head.map(headerText).join("|")}|`;
  let bytes = Buffer.byteLength(begin);
  const written: string[] = [];
  for (const [key, value, label] of pairs) {
    if (value === "") continue;
    const pair = `${label === undefined ? "" : `${key}Label=${label} `}${key}=${valueText(key, value)}`;
    bytes += Buffer.byteLength(pair) + (written.length === 0 ? 0 : 1);
    if (bytes > bytesMax) break;
    written.push(pair);
  }
  return begin + written.join(" ");
}

/** A bar would end it. There are no line ends left in a visible text; an empty field is none for many readers. */
function headerText(text: string): string {
  return line(text, HEADER_LENGTH_MAX).replaceAll(/[\\|]/g, String.raw`\$&`) || "-";
}

/** An equals sign would begin the next one. */
function valueText(key: Key | Custom, text: string): string {
  return line(text, LENGTH_MAX[key] || PLAIN_LENGTH_MAX).replaceAll(/[\\=]/g, String.raw`\$&`);
}
