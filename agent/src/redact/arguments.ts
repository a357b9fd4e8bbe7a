/** Secrets in an argument list, where a flag says what the next word is. */
import { isSecretFlag, PROGRAMS, type ProgramRules } from "./names.ts";
import { isSecretValue, type Mark, redactText } from "./text.ts";

/** Programs that run another one: what follows is a command of its own. */
const WRAPPERS = new Set([
  "sudo",
  "doas",
  "env",
  "nice",
  "nohup",
  "time",
  "timeout",
  "strace",
  "xargs",
  "setsid",
  "ionice",
  "chroot",
  "su",
  "runuser",
  "sh",
  "bash",
  "dash",
]);
const PROGRAM_DEPTH_MAX = 8;

/** The arguments with every secret replaced; the same list where there is none. */
export function redactArguments(args: readonly string[], mark: Mark): readonly string[] {
  const secrets = new Map<number, string>();
  flags(args, secrets, mark);
  const program = programOf(args);
  if (program !== undefined) byProgram(args, program.at, program.rules, secrets, mark);
  for (const [at, text] of args.entries()) {
    if (secrets.has(at)) continue;
    // A command line inside of an argument, as after `sh -c`.
    const redacted = /\s/.test(text) && at > 0 ? redactCommand(text, mark) : redactText(text, mark);
    if (redacted !== text) secrets.set(at, redacted);
  }
  return secrets.size === 0 ? args : args.map((text, at) => secrets.get(at) ?? text);
}

/** `--password SECRET`; `--password=SECRET` is found as an assignment. */
function flags(args: readonly string[], secrets: Map<number, string>, mark: Mark): void {
  for (let at = 0; at + 1 < args.length; at++) {
    const flag = args[at] ?? "";
    const value = args[at + 1] ?? "";
    if (!isSecretFlag(flag) || !isSecretValue(value) || value.startsWith("-")) continue;
    secrets.set(at + 1, mark(value));
  }
}

function programOf(args: readonly string[]): { at: number; rules: ProgramRules } | undefined {
  for (let at = 0, depth = 0; at < args.length && depth < PROGRAM_DEPTH_MAX; at++, depth++) {
    const name = baseName(args[at] ?? "");
    const rules = PROGRAMS.get(name);
    if (rules !== undefined) return { at, rules };
    // Flags and variables of a wrapper stand before its program.
    if (at === 0 && !WRAPPERS.has(name)) return undefined;
  }
  return undefined;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function byProgram(
  args: readonly string[],
  from: number,
  rules: ProgramRules,
  secrets: Map<number, string>,
  mark: Mark,
): void {
  const { glued = [], next = [], pair = [], divider = ":", fromEnd, only } = rules;
  if (only !== undefined && !args.includes(only, from)) return;
  for (let at = from + 1; at < args.length; at++) {
    const word = args[at] ?? "";
    const following = args[at + 1];
    if (next.includes(word) && following !== undefined) {
      secrets.set(at + 1, mark(following));
      at++;
      continue;
    }
    const flag = glued.find((each) => word.startsWith(each) && word.length > each.length);
    if (flag !== undefined && !word.startsWith("--")) {
      secrets.set(at, flag + mark(word.slice(flag.length)));
      continue;
    }
    if (pair.includes(word) && following !== undefined) {
      secrets.set(at + 1, redactPair(following, divider, mark));
      at++;
      continue;
    }
    const same = pair.find((each) => word.startsWith(each) && word.length > each.length);
    if (same !== undefined) secrets.set(at, same + redactPair(word.slice(same.length), divider, mark));
  }
  if (fromEnd !== undefined && args.length - fromEnd > from) {
    const at = args.length - fromEnd;
    secrets.set(at, mark(args[at] ?? ""));
  }
}

/** `user:secret`; a user alone is asked for the secret. */
function redactPair(text: string, divider: string, mark: Mark): string {
  const at = text.indexOf(divider);
  return at < 0 || at + 1 === text.length ? text : text.slice(0, at + 1) + mark(text.slice(at + 1));
}

/** A word of a command line: where it stands and what it means without its quotes. */
interface Word {
  start: number;
  end: number;
  text: string;
}

const COMMANDS_MAX = 256;

/** A command line as text: each simple command of it is looked at as an argument list. */
export function redactCommand(text: string, mark: Mark): string {
  let result = "";
  let at = 0;
  for (const words of commandsOf(text)) {
    const given = words.map((word) => word.text);
    const redacted = redactOuter(given, mark);
    for (const [index, word] of words.entries()) {
      const replaced = redacted[index] ?? "";
      if (replaced === word.text) continue;
      result += text.slice(at, word.start) + requote(text, word, replaced);
      at = word.end;
    }
  }
  // What spans several words, as a header does, is only seen in the whole.
  return redactText(result + text.slice(at), mark);
}

/** The rules of flags and programs alone: the text as a whole is looked at afterwards. */
function redactOuter(args: readonly string[], mark: Mark): readonly string[] {
  const secrets = new Map<number, string>();
  flags(args, secrets, mark);
  const program = programOf(args);
  if (program !== undefined) byProgram(args, program.at, program.rules, secrets, mark);
  return secrets.size === 0 ? args : args.map((text, at) => secrets.get(at) ?? text);
}

function requote(text: string, word: Word, replaced: string): string {
  const quote = text[word.start] ?? "";
  return quote === '"' || quote === "'" ? quote + replaced + quote : replaced;
}

/** Words between blanks, kept together by quotes; `;`, `|`, `&` and a line feed end a command. */
function commandsOf(text: string): Word[][] {
  const commands: Word[][] = [[]];
  const push = (start: number, end: number): void => {
    if (end > start) commands.at(-1)?.push({ start, end, text: text.slice(start, end).replaceAll(/["']/g, "") });
  };
  let start = 0;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if (/\s/.test(character) || ";|&()`".includes(character)) {
      push(start, at);
      start = at + 1;
      if (!/[ \t]/.test(character) && commands.length < COMMANDS_MAX) commands.push([]);
    }
  }
  push(start, text.length);
  return commands;
}
