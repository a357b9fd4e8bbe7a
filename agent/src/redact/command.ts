/** Secrets in a command, given as its arguments or as a line of a shell. */
import { baseName, invocationsOf, isNameOnly, isScript, spansOfArguments } from "./arguments.ts";
import { isSecretValue } from "./names.ts";
import { type ProgramRule, PROGRAMS } from "./programs.ts";
import { type Command, commandsOf, type Word } from "./shell.ts";
import { type Mark, replaceSpans, type Span } from "./spans.ts";
import { spansInText } from "./text.ts";

/** A line in an argument of a line in an argument: deeper ones are looked at as text. */
const NESTING_MAX = 4;

/** The arguments with every secret replaced; the same list where there is none. */
export function redactArguments(args: readonly string[], mark: Mark): readonly string[] {
  const spans = spansOfWords(args, 0);
  if (spans.every((found) => found.length === 0)) return args;
  return args.map((text, at) => replaceSpans(text, spans[at] ?? [], mark));
}

/** A line of a shell with every secret replaced. */
export function redactCommand(line: string, mark: Mark): string {
  let result = "";
  let at = 0;
  for (const { start, end, text } of secretsInLine(line)) {
    if (start < at) continue;
    result += line.slice(at, start) + mark(text);
    at = end;
  }
  return at === 0 ? line : result + line.slice(at);
}

/** A secret in a line; its text has no quotes of the shell. */
interface Secret extends Span {
  text: string;
}

/** In their order; of two that meet, the longer one alone. */
function secretsInLine(line: string): Secret[] {
  const secrets = spansInLine(line, 0).toSorted((a, b) => a.start - b.start || b.end - a.end);
  const result: Secret[] = [];
  for (const secret of secrets) {
    const last = result.at(-1);
    if (last === undefined || secret.start >= last.end) result.push({ ...secret });
    else if (secret.end > last.end) {
      last.text = line.slice(last.start, secret.end);
      last.end = secret.end;
    }
  }
  return result;
}

function spansOfWords(args: readonly string[], depth: number): Span[][] {
  const spans: Span[][] = args.map(() => []);
  spansOfArguments(args, spans);
  for (const [at, text] of args.entries()) {
    const found = spans[at];
    if (found === undefined) continue;
    const hasBlank = /\s/.test(text);
    const script = hasBlank && isScript(args, at);
    if (!isNameOnly(args, at)) found.push(...spansInText(text, script ? "words" : "word"));
    // A command line inside of an argument, as after `sh -c`; a program's own name is none.
    if (hasBlank && (at > 0 || text.includes("=")) && depth < NESTING_MAX)
      found.push(...spansInLine(text, depth + 1, script));
  }
  return spans;
}

/** `full`: also looks at what reaches over several words. A value with blanks in it has no assignments before a command. */
function spansInLine(line: string, depth: number, full = true): Secret[] {
  const secrets: Secret[] = spansInText(line, "line").map(({ start, end }) => ({
    start,
    end,
    text: line.slice(start, end),
  }));
  for (const command of commandsOf(line)) {
    const { words, given } = command;
    const spans = spansOfWords(
      words.map(({ text }) => text),
      depth,
    );
    for (const [at, word] of words.entries()) addPlaced(word, spans[at] ?? [], line, secrets);
    for (const word of given) addPlaced(word, spansInText(word.text, "words"), line, secrets);
    if (full) fromInput(command, line, secrets);
  }
  return secrets;
}

function addPlaced(word: Word, spans: readonly Span[], line: string, secrets: Secret[]): void {
  for (const { start, end } of spans) {
    const from = word.places[start];
    const last = word.places[end - 1];
    if (from === undefined || last === undefined || end <= start) continue;
    // A sign behind a backslash begins with the backslash.
    const first = start > 0 && line[from - 1] === "\\" && word.places[start - 1] !== from - 1 ? from - 1 : from;
    secrets.push({ start: first, end: last + 1, text: word.text.slice(start, end) });
  }
}

/** Of a line: all of it, what stands behind the first colon, or behind the last one. */
type Shape = "secret" | "pairs" | "pgpass";

/** Secrets that a command reads from its standard input: a here-string, or what `echo` writes into its pipe. */
function fromInput(command: Command, line: string, secrets: Secret[]): void {
  const reads = inputOf(command.words.map(({ text }) => text));
  if (reads !== undefined) {
    for (const word of command.given) addPlaced(word, linesOf(word.text, reads), line, secrets);
    for (const writer of command.readsFrom) written(writer, reads, line, secrets);
  }
  if (command.outputs.some((file) => file.endsWith(".pgpass"))) written(command, "pgpass", line, secrets);
}

function inputOf(args: readonly string[]): "secret" | "pairs" | undefined {
  for (const { name, at, end } of invocationsOf(args)) {
    for (const rule of PROGRAMS.get(name) ?? []) {
      if (rule.input !== undefined && readsInput(rule, args.slice(at + 1, end))) return rule.input;
    }
  }
  return undefined;
}

function readsInput({ when = [], inputWith }: ProgramRule, args: readonly string[]): boolean {
  if (!when.every((word) => args.includes(word))) return false;
  if (inputWith === undefined) return !args.some((word) => word.startsWith("--key-file"));
  return inputWith.some((flag) =>
    args.some((word) => word === flag || (/^-\w$/.test(flag) && /^-\w+$/.test(word) && word.includes(flag[1] ?? " "))),
  );
}

/** What `echo` and `printf` write. */
function written({ words }: Command, shape: Shape, line: string, secrets: Secret[]): void {
  const name = baseName(words[0]?.text ?? "");
  if (name !== "echo" && name !== "printf") return;
  let given = words.slice(1);
  while (/^-[neE]+$/.test(given[0]?.text ?? "")) given = given.slice(1);
  // The first word of printf is the form of the others.
  if (name === "printf" && given.length > 1) given = given.slice(1);
  for (const word of given) addPlaced(word, linesOf(word.text, shape), line, secrets);
}

/** The secrets of a text's lines. */
function linesOf(text: string, shape: Shape): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const content of text.split(/(\\n|\n)/)) {
    const colon = shape === "secret" ? -1 : shape === "pgpass" ? content.lastIndexOf(":") : content.indexOf(":");
    const isLine = content !== "\\n" && content !== "\n" && (shape === "secret" || colon >= 0);
    if (isLine && isSecretValue(content.slice(colon + 1))) {
      spans.push({ start: from + colon + 1, end: from + content.length });
    }
    from += content.length;
  }
  return spans;
}
