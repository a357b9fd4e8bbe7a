/**
 * What syslog daemons, journalctl and dmesg put before a record. A header is read from its beginning: what a message says further on is
 * never taken for one.
 */

export interface Header {
  /** The host that it names; empty where it names none. */
  node: string;
  /** Who wrote the message: "kernel" also for lines of dmesg. */
  program: string;
  /** Where the message begins. */
  start: number;
}

/** `Nov 13 10:00:00`, also with a fraction (journalctl -o short-precise) or a year. */
const TRADITIONAL = /[^\s\d<[{"]{3,8} [ \d]?\d (?:\d{4} )?\d\d:\d\d:\d\d(?:[.,]\d{1,9})? /y;
/** `2025-11-13T10:00:00.123456+01:00`; with a day before it and a zone behind it journalctl's -o short-full. */
const ISO =
  /(?:[^\s\d]{3,8} )?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d| [A-Z]{3,5}| [+-]\d\d)? /y;
/** journalctl -o short-unix. */
const UNIX = /\d{9,11}\.\d{6} /y;
/** dmesg's clock, also as `dmesg -T` gives it, and who wrote where the kernel tells that. */
const BRACKETS =
  /\[(?:[ \d]{0,12}\d\.\d{3,9}|[^\s\d]{3} [^\s\d]{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\] ?(?:\[ *[TC]\d{1,10}\] ?)?/y;
const PRIORITY = /<\d{1,3}>/y;
/** A host's name, where there is one, and `program[pid]:`. */
const ORIGIN = /(?:([^\s:[]|[^\s:[]\S{0,253}[^\s:\]]) )?([\w./@-]{1,128})(?:\[[\w-]{1,32}\])?: ?/y;
/** The fields of RFC 5424 between version and structured data: time, host, program, process, kind of message. */
const RFC_5424 = /1 (?:-|\d{4}-\d\d-\d\dT\S{8,32}) (\S{1,255}) (\S{1,48}) \S{1,128} \S{1,32} /y;
const BYTE_ORDER_MARK = "\u00ef\u00bb\u00bf";

/** The header that the line begins with, in Latin-1. Undefined where it has none that is known. */
export function readHeader(line: string): Header | undefined {
  const begin = ends(PRIORITY, line, 0) ?? 0;
  const protocol = readProtocol(line, begin);
  if (protocol !== undefined) return protocol;
  const clock = ends(BRACKETS, line, begin);
  if (clock !== undefined && isKernelMessage(line, clock)) return { node: "", program: "kernel", start: clock };
  const after = clock ?? ends(TRADITIONAL, line, begin) ?? ends(ISO, line, begin) ?? ends(UNIX, line, begin);
  if (after === undefined)
    return isKernelMessage(line, begin) ? { node: "", program: "kernel", start: begin } : undefined;
  ORIGIN.lastIndex = after;
  const origin = ORIGIN.exec(line);
  if (origin === null) return undefined;
  const [, node = "", program = ""] = origin;
  const start = skipSpaces(line, ORIGIN.lastIndex);
  return { node, program, start: program === "kernel" ? (ends(BRACKETS, line, start) ?? start) : start };
}

/** RFC 5424: `<13>1 2025-11-13T10:00:00Z host audispd - - - message`. */
function readProtocol(line: string, begin: number): Header | undefined {
  RFC_5424.lastIndex = begin;
  const fields = RFC_5424.exec(line);
  if (fields === null) return undefined;
  const [, node = "", program = ""] = fields;
  const end = skipStructuredData(line, RFC_5424.lastIndex);
  if (end === undefined) return undefined;
  const start = skipSpaces(line, line.startsWith(BYTE_ORDER_MARK, end) ? end + BYTE_ORDER_MARK.length : end);
  return {
    node: node === "-" ? "" : node,
    program,
    start: program === "kernel" ? (ends(BRACKETS, line, start) ?? start) : start,
  };
}

/** Behind `-` or `[id name="value"]…`, whose values escape quote, backslash and bracket; undefined where they do not end. */
function skipStructuredData(line: string, begin: number): number | undefined {
  if (line[begin] === "-") return skipSpaces(line, begin + 1);
  let at = begin;
  while (line[at] === "[") {
    let isQuoted = false;
    for (at++; at < line.length && (isQuoted || line[at] !== "]"); at++) {
      if (isQuoted && line[at] === "\\") at++;
      else if (line[at] === '"') isQuoted = !isQuoted;
    }
    if (at >= line.length) return undefined;
    at++;
  }
  return at === begin ? undefined : skipSpaces(line, at);
}

/** Without a program only the kernel's own words are a message. */
function isKernelMessage(line: string, at: number): boolean {
  return line.startsWith("audit: ", at) || line.startsWith("type=", at);
}

function skipSpaces(line: string, begin: number): number {
  let at = begin;
  while (line[at] === " ") at++;
  return at;
}

/** Where the pattern ends that the line has there. */
function ends(pattern: RegExp, line: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(line) ? pattern.lastIndex : undefined;
}
