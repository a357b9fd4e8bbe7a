/** Fenced blocks of a page, and what comments before a block say of it. */

/**
 * A comment before a fence, which readers do not see. `command` is how the commands begin of which it speaks; without one it speaks of all.
 * - `<!-- run by FILE (COMMAND) -->`: a test of its own runs it
 * - `<!-- not run (COMMAND): REASON -->`: no test can
 * - `<!-- ends with STATUS (COMMAND) -->`: it is run, and is to end with this exit status
 * - `<!-- all of FILE -->`: a whole file of settings
 * - `<!-- a part of FILE, KEY -->`: settings of this file, below this key
 * - `<!-- read by FILE -->`: this test reads the block itself
 * - `<!-- asked by COMMAND -->`: each line is an argument of this command
 */
export interface Mark {
  kind: "run by" | "not run" | "ends with" | "all of" | "a part of" | "read by" | "asked by";
  /** File, reason, status or command. */
  text: string;
  command: string;
}

export interface Fence {
  page: string;
  /** Line of the fence, from 1 on, as an editor counts. */
  line: number;
  language: string;
  text: string;
  marks: readonly Mark[];
}

/** Of a language, whether what stands there is typed into a shell. */
export const SHELLS: readonly string[] = ["sh", "console"];
const LANGUAGES: readonly string[] = [...SHELLS, "text", "yaml", "json", "hcl", "sql", "js"];

const COMMENT = /^<!-- (.*) -->$/;
const PATTERNS: readonly (readonly [Mark["kind"], RegExp])[] = [
  ["run by", /^run by (?<text>\S+)(?: \((?<command>[^)]+)\))?$/],
  ["not run", /^not run(?: \((?<command>[^)]+)\))?: (?<text>.+)$/],
  ["ends with", /^ends with (?<text>\d+)(?: \((?<command>[^)]+)\))?$/],
  ["all of", /^all of (?<text>\S+)$/],
  ["a part of", /^a part of (?<text>\S+?)(?:, (?<command>\S+))?$/],
  ["read by", /^read by (?<text>\S+)$/],
  ["asked by", /^asked by (?<text>.+)$/],
];

function markOf(line: string): Mark | undefined {
  const [, said = ""] = COMMENT.exec(line) ?? [];
  for (const [kind, pattern] of PATTERNS) {
    const groups = pattern.exec(said)?.groups;
    if (groups !== undefined) return { kind, text: groups["text"] ?? "", command: groups["command"] ?? "" };
  }
  return undefined;
}

/** All fences of a page. Throws with page and line where one does not end, has no language, or a comment before it is none of ours. */
export function fencesOf(page: string, text: string): Fence[] {
  const lines = text.split("\n");
  const fences: Fence[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [, indent, language = ""] = /^( *)```(.*)$/.exec(lines[at] ?? "") ?? [];
    if (indent === undefined) continue;
    const where = `${page}:${at + 1}`;
    if (!LANGUAGES.includes(language))
      throw new Error(`${where}: a block of "${language}"; allowed are ${LANGUAGES.join(", ")}`);
    const end = lines.findIndex((line, index) => index > at && line === `${indent}\`\`\``);
    if (end < 0) throw new Error(`${where}: the block does not end`);
    const within = lines.slice(at + 1, end).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    fences.push({ page, line: at + 1, language, text: within.join("\n"), marks: marksAbove(page, lines, at) });
    at = end;
  }
  return fences;
}

/** Comments right above a fence, which is at `at`. */
function marksAbove(page: string, lines: readonly string[], at: number): Mark[] {
  const marks: Mark[] = [];
  for (let above = at - 1; above >= 0; above--) {
    const line = lines[above]?.trim() ?? "";
    if (!COMMENT.test(line)) break;
    const mark = markOf(line);
    if (mark === undefined)
      throw new Error(
        `${page}:${above + 1}: ${line} says nothing of a block; allowed are ${PATTERNS.map(([kind]) => kind).join(", ")}`,
      );
    marks.unshift(mark);
  }
  return marks;
}

/** The commands of a shell's block, each as it is typed: over several lines where they end with a backslash. Outputs are left out. */
export function commandsOf({ language, text }: Fence): string[] {
  const commands: string[] = [];
  let isOpen = false;
  for (const line of text.split("\n")) {
    const typed: string | undefined =
      language === "sh" || isOpen ? line : line.startsWith("$ ") ? line.slice(2) : undefined;
    if (typed === undefined) continue;
    if (isOpen) commands.push(`${commands.pop() ?? ""}\n${typed}`);
    else if (typed.trim() !== "" && !typed.startsWith("#")) commands.push(typed);
    else continue;
    isOpen = typed.endsWith("\\");
  }
  return commands;
}

/** What is said of a command of a block: the mark that names how it begins goes before one that speaks of all. */
export function markOfCommand({ marks }: Fence, command: string, kinds: readonly Mark["kind"][]): Mark | undefined {
  const of = marks.filter(({ kind }) => kinds.includes(kind));
  return (
    of.find((mark) => mark.command !== "" && command.startsWith(mark.command)) ?? of.find((mark) => mark.command === "")
  );
}
