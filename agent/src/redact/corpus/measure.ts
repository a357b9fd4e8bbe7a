/**
 * Command lines of real tools, with and without secrets, and how redaction does on them.
 *
 * Each line of the `.txt` files beside this one is a command line; what must be hidden stands in «…», and all else must remain.
 * A file is a category; a line that begins with `#` is a comment.
 */
import { readdirSync, readFileSync } from "node:fs";

/** How a category's lines were redacted. */
export interface Figures {
  category: string;
  lines: number;
  secrets: number;
  /** Secrets of which nothing was left. */
  hidden: number;
  /** Parts that were replaced. */
  replaced: number;
  /** Those of them that are a secret or a part of one. */
  right: number;
  /** What was wrong, one text each. */
  faults: string[];
}

/** What measures: both ways that a command comes, each with markers as the agent's. */
export interface Redaction {
  /** One line of a shell, as in USER_CMD or after `sh -c`. */
  command(text: string): string;
  /** An argument list, as in EXECVE. */
  arguments(args: readonly string[]): readonly string[];
  /** The marker of a secret. */
  markerOf(secret: string): string;
}

interface Marked {
  text: string;
  secrets: { start: number; end: number }[];
}

const DIRECTORY = new URL(".", import.meta.url);

/** The figures of every category, in the order of their names. */
export function measure(redaction: Redaction, way: "arguments" | "command"): Figures[] {
  return readdirSync(DIRECTORY)
    .filter((name) => name.endsWith(".txt"))
    .toSorted()
    .map((name) => measureFile(name, redaction, way));
}

function measureFile(name: string, redaction: Redaction, way: "arguments" | "command"): Figures {
  const lines = readFileSync(new URL(name, DIRECTORY), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const category = name.replace(/\.txt$/, "");
  const figures: Figures = { category, lines: lines.length, secrets: 0, hidden: 0, replaced: 0, right: 0, faults: [] };
  for (const line of lines) {
    if (way === "command") {
      const marked = marksOf(line);
      compare(marked, redaction.command(marked.text), redaction, figures);
      continue;
    }
    const words = argumentsOf(line).map(marksOf);
    const left = redaction.arguments(words.map(({ text }) => text));
    for (const [at, word] of words.entries()) compare(word, left[at] ?? "", redaction, figures);
  }
  return figures;
}

function marksOf(line: string): Marked {
  const secrets: Marked["secrets"] = [];
  let text = "";
  for (const [index, part] of line.split(/[«»]/).entries()) {
    if (index % 2 === 1) secrets.push({ start: text.length, end: text.length + part.length });
    text += part;
  }
  return { text, secrets };
}

function compare({ text, secrets }: Marked, left: string, redaction: Redaction, figures: Figures): void {
  const replaced = replacedIn(text, left, redaction);
  const misses = secrets.filter(({ start, end }) => !replaced.some((part) => part.start <= start && part.end >= end));
  const wrong = replaced.filter(
    ({ start, end }) => !secrets.some((secret) => secret.start <= start && secret.end >= end),
  );
  figures.secrets += secrets.length;
  figures.hidden += secrets.length - misses.length;
  figures.replaced += replaced.length;
  figures.right += replaced.length - wrong.length;
  for (const { start, end } of misses) figures.faults.push(`left: ${text.slice(start, end)} in: ${left}`);
  for (const { start, end } of wrong) figures.faults.push(`hidden: ${text.slice(start, end)} in: ${text}`);
}

/** Which parts of the text the markers stand for: a marker is of one text alone. */
function replacedIn(text: string, left: string, redaction: Redaction): Marked["secrets"] {
  const parts: Marked["secrets"] = [];
  let at = 0;
  let place = 0;
  for (const match of left.matchAll(/\[redacted:[0-9a-f]{12}\]/g)) {
    at += match.index - place;
    let end = at + 1;
    // Markers are of secrets without the shell's quotes and backslashes.
    while (end <= text.length && !isOf(text.slice(at, end), match[0], redaction)) end++;
    if (end > text.length) throw new Error(`a marker stands for nothing in the line: ${left}`);
    parts.push({ start: at, end });
    at = end;
    place = match.index + match[0].length;
  }
  return parts;
}

function isOf(part: string, marker: string, redaction: Redaction): boolean {
  return [part, part.replaceAll("\\", ""), part.replaceAll(/["'\\]/g, "")].some(
    (text) => redaction.markerOf(text) === marker,
  );
}

/** The line's arguments, as the kernel tells them of the program that a shell runs for it; of a line that needs a shell, that shell's. */
function argumentsOf(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < line.length; at++) {
    const sign = line[at] ?? "";
    if (quote !== "") {
      if (sign === quote) quote = "";
      else if (sign === "\\" && quote === '"') word = (word ?? "") + (line[++at] ?? "");
      else word = (word ?? "") + sign;
    } else if (sign === "'" || sign === '"') {
      quote = sign;
      word ??= "";
    } else if (sign === "\\") word = (word ?? "") + (line[++at] ?? "");
    else if ("|&;<>()`$".includes(sign)) return ["sh", "-c", line];
    else if (sign === " ") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + sign;
  }
  if (word !== undefined) words.push(word);
  // Variables before a program are its environment's: `env` has them as arguments.
  return /^[A-Za-z_]\w*=/.test(words[0] ?? "") ? ["env", ...words] : words;
}
