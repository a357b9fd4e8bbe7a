/** Reads the TAP of Node's test runner, as far as it says how long what took. */

/** A test, or several of one `describe`. */
interface Timed {
  /** Names from the outermost `describe` to the test. */
  names: readonly string[];
  ms: number;
  isSuite: boolean;
}

/** The report of a suite of files. */
export interface Report {
  name: string;
  /** Of the whole run; files of one suite may run side by side. */
  ms: number;
  /** Time of processors that it and all its programs took, milliseconds; undefined where nobody knows. */
  cpuMs?: number | undefined;
  timed: readonly Timed[];
}

const INDENT = 4;

/** Reads a report; what is not understood is passed over. */
export function readTap(text: string): Omit<Report, "name"> {
  const timed: Timed[] = [];
  const names: string[] = [];
  let last: string[] = [];
  let lastMs = 0;
  let ms = 0;
  for (const line of text.split("\n")) {
    const depth = (line.length - line.trimStart().length) / INDENT;
    const word = line.trimStart();
    if (word.startsWith("# Subtest: ")) {
      names.length = Math.floor(depth);
      names.push(plain(word.slice("# Subtest: ".length)));
    } else if (/^(not )?ok \d+ /.test(word)) {
      last = names.slice(0, depth + 1);
      lastMs = 0;
    } else if (word.startsWith("duration_ms: ")) lastMs = Number(word.slice("duration_ms: ".length));
    else if (word.startsWith("type: ") && last.length > 0) {
      timed.push({ names: last, ms: lastMs, isSuite: word.includes("suite") });
      last = [];
    } else if (word.startsWith("# duration_ms ") && depth === 0) ms = Number(word.slice("# duration_ms ".length));
  }
  return { ms, timed };
}

/** TAP has a backslash before # and \. */
function plain(name: string): string {
  return name.replace(/\\([\\#])/g, "$1");
}

/** Rows of each part of the table; few, since it is read at the end of a long run. */
const ROWS_MAX = 8;
/** What is quicker than this is not worth a row. */
const MS_MIN = 1000;

/** The table: time by suite, slowest groups and slowest tests. Empty where there is nothing to tell. */
export function timesOf(reports: readonly Report[]): string {
  const rowsOf = (wanted: (timed: Timed) => boolean): [number, string][] =>
    reports
      .flatMap(({ name, timed }) =>
        timed.filter(wanted).map(({ names, ms }): [number, string] => [ms, `${name}: ${names.join(" > ")}`]),
      )
      .filter(([ms]) => ms >= MS_MIN)
      .sort(([a], [b]) => b - a)
      .slice(0, ROWS_MAX);
  const parts: [string, [number, string][]][] = [
    [
      "time by suite",
      reports.map(({ name, ms, cpuMs }) => [
        ms,
        cpuMs === undefined ? name : `${name}, ${seconds(cpuMs).trim()} of processors`,
      ]),
    ],
    ["slowest groups of tests", rowsOf(({ names, isSuite }) => isSuite && names.length === 1)],
    ["slowest tests", rowsOf(({ isSuite }) => !isSuite)],
  ];
  return parts
    .filter(([, rows]) => rows.length > 0)
    .map(([title, rows]) => `${title}:\n${rows.map(([ms, what]) => `${seconds(ms)}  ${what}\n`).join("")}`)
    .join("");
}

/** Milliseconds of processors, as bash's `time` says them by TIMEFORMAT='%U %S'; undefined where it does not. */
export function cpuMsOf(text: string): number | undefined {
  const [, user, system] = /^([\d.]+) ([\d.]+)\s*$/.exec(text) ?? [];
  return user === undefined ? undefined : (Number(user) + Number(system)) * 1000;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(8)} s`;
}
