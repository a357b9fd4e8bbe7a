/** Console blocks of a document: commands behind "$ " with what they print below them. */

import { stripVTControlCharacters } from "node:util";

export interface Step {
  /** As it stands there, over several lines where they end with a backslash. */
  command: string;
  /** The lines below it. */
  output: readonly string[];
}

export interface Block {
  /** Line of the fence, from 0 on. */
  line: number;
  /** Lines between the fences. */
  length: number;
  steps: readonly Step[];
}

const OPEN = "```console";
const CLOSE = "```";
const PROMPT = "$ ";

/** The console blocks of a document. Throws where one does not end or does not begin with a command. */
export function blocksOf(text: string): Block[] {
  const lines = text.split("\n");
  const blocks: Block[] = [];
  for (let line = lines.indexOf(OPEN); line >= 0; line = lines.indexOf(OPEN, line + 1)) {
    const end = lines.indexOf(CLOSE, line + 1);
    if (end < 0) throw new Error(`line ${line + 1}: the block does not end`);
    const within = lines.slice(line + 1, end);
    if (within[0]?.startsWith(PROMPT) !== true) throw new Error(`line ${line + 2}: a block begins with "${PROMPT}"`);
    blocks.push({ line, length: within.length, steps: stepsOf(within) });
  }
  return blocks;
}

function stepsOf(lines: readonly string[]): Step[] {
  const steps: { command: string; output: string[] }[] = [];
  for (const line of lines) {
    const last = steps.at(-1);
    if (line.startsWith(PROMPT)) steps.push({ command: line.slice(PROMPT.length), output: [] });
    else if (last?.output.length === 0 && last.command.endsWith("\\")) last.command += `\n${line}`;
    else last?.output.push(line);
  }
  return steps;
}

/** A block's lines with other outputs. */
function linesOf(steps: readonly Step[]): string[] {
  return steps.flatMap(({ command, output }) => [...`${PROMPT}${command}`.split("\n"), ...output]);
}

/** The document with these outputs in its blocks, one list of steps for each. */
export function withOutputs(text: string, blocks: readonly Block[], outputs: readonly (readonly Step[])[]): string {
  const lines = text.split("\n");
  // From the end on, so that what stands above keeps its place.
  for (const [at, { line, length }] of [...blocks.entries()].reverse())
    lines.splice(line + 1, length, ...linesOf(outputs[at] ?? []));
  return lines.join("\n");
}

/** What differs from run to run, and what stands for it in the document: how long a step took, what was in memory already, and tokens. */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/^STEP( +)MS +TIMES$/gm, "STEP$1MS    TIMES"],
  [/^((?:catalog|sieve|read|open|match|answer) +)[\d.]+ +(\d+)$/gm, "$1…     $2"],
  [/its event came .* after it happened/g, "its event came … after it happened"],
  [/^(\d+ events match); \d+ bytes were read$/gm, "$1; … bytes were read"],
  [/--resume [\w+/=.-]{20,}/g, "--resume TOKEN"],
];

const CLEAR_LINE = "\r\u001b[K";

/** Progress takes its line away before anything else is written. */
function remaining(line: string): string {
  return line.slice(line.includes(CLEAR_LINE) ? line.lastIndexOf(CLEAR_LINE) + CLEAR_LINE.length : 0);
}

const TIME = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z/g;

/** What a terminal shows of an output, with placeholders for what is another one each time: real times, as that of a change, are `now`. */
export function shownOf(output: string, now: string): string[] {
  const written = output.replaceAll("\r\n", "\n").split("\n").map(remaining).join("\n");
  const text = stripVTControlCharacters(written)
    .replace(/\n$/, "")
    .replaceAll(TIME, (time) => (Date.parse(time) > Date.parse(now) ? now : time));
  const plain = VOLATILE.reduce((all, [pattern, placeholder]) => all.replaceAll(pattern, placeholder), text);
  return plain === "" ? [] : plain.split("\n").map((line) => line.trimEnd());
}
