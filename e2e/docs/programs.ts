/** Our programs as they define themselves: which commands and options there are. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildProgram, CliCommand } from "../../cli/src/program/index.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Programs of ours that documents name, and their source. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  hosttrail: "cli/src/main.ts",
  "hosttrail-agent": "agent/src/main.ts",
  "hosttrail-collector": "collector/src/main.ts",
  "hosttrail-witness": "collector/src/witnessmain.ts",
};

const usages = new Map<string, string>();

function usageOf(program: string): string {
  const known = usages.get(program);
  if (known !== undefined) return known;
  const source = PROGRAMS[program];
  const usage =
    source === undefined
      ? execFileSync(join(ROOT, program), ["help"], { encoding: "utf8", cwd: ROOT })
      : execFileSync(process.execPath, [join(ROOT, source), "--help"], { encoding: "utf8" });
  usages.set(program, usage);
  return usage;
}

/** How a problem ends where words only begin a command; prose may name those. */
export const PART_OF_A_COMMAND = "is no whole command";

/** A command's own words, as they must stand in a test that runs it: names of commands and options, no values. */
export interface OwnWords {
  words: readonly string[];
  /** What no program of ours has; empty where all is right. */
  problem: string;
}

/** Looks at a command of one of our programs; undefined where it is none of ours. */
export function ownWordsOf(typed: readonly string[]): OwnWords | undefined {
  const [program = "", ...rest] = typed;
  if (program === "hosttrail") return ofCli(rest);
  if (program === "./dev") return ofDev(rest);
  return program in PROGRAMS ? ofUsage(program, rest) : undefined;
}

function ofCli(typed: readonly string[]): OwnWords {
  let command = buildProgram();
  const words: string[] = [];
  for (let at = 0; at < typed.length; at++) {
    const word = typed[at] ?? "";
    if (word.startsWith("-") && word !== "-") {
      const option = optionOf(command, word);
      // A filter may begin with a minus sign.
      if (option === undefined && !word.startsWith("--")) continue;
      if (option === undefined) return { words, problem: `hosttrail ${command.words} has no option ${word}` };
      words.push(option.long);
      if (option.takesValue && !word.includes("=")) at += 1;
      continue;
    }
    const inner = command.commands.find((each) => each.name() === word);
    if (inner instanceof CliCommand) {
      command = inner;
      words.push(word);
    } else if (command.commands.length > 0)
      return { words, problem: `hosttrail ${words.join(" ")} has no command "${word}"` };
    else if (command.registeredArguments.length === 0)
      return { words, problem: `hosttrail ${command.words} takes no argument, and "${word}" is one` };
  }
  if (command.commands.length > 0) return { words, problem: `hosttrail ${words.join(" ")} ${PART_OF_A_COMMAND}` };
  return { words, problem: "" };
}

function optionOf(command: CliCommand, word: string): { long: string; takesValue: boolean } | undefined {
  const [name = ""] = word.split("=");
  if (name === "--help") return { long: name, takesValue: false };
  for (let at: CliCommand | null = command; at instanceof CliCommand; at = at.parent as CliCommand | null) {
    const found = at.options.find(({ long, short }) => long === name || short === name);
    if (found !== undefined) return { long: found.long ?? "", takesValue: found.required || found.optional };
  }
  return undefined;
}

/** By the program's own help: its first words must begin a line of it, and its options stand there. */
function ofUsage(program: string, typed: readonly string[]): OwnWords {
  const usage = usageOf(program);
  const commands = Array.from(usage.matchAll(/^ {2}([a-z][a-z-]*(?: [a-z|-]+)*)/gm), ([, text = ""]) => text);
  const options = typed.filter((word) => word.startsWith("--"));
  for (const option of options)
    if (!new RegExp(`${option}\\b`).test(usage))
      return { words: options, problem: `${program} has no option ${option}` };
  const [first, second] = typed;
  if (first === undefined || first.startsWith("-")) return { words: options, problem: "" };
  const known = commands.map((each) => each.split(" "));
  const fits = (word: string | undefined, allowed: string | undefined): boolean =>
    allowed === undefined || allowed.split("|").includes(word ?? "");
  const found = known.find((each) => fits(first, each[0]) && fits(second, each[1]));
  if (found === undefined && second === undefined && known.some(([name]) => name === first))
    return { words: options, problem: `${program} ${first} ${PART_OF_A_COMMAND}` };
  if (found === undefined) return { words: options, problem: `${program} has no command "${first} ${second ?? ""}"` };
  return { words: [...typed.slice(0, found.length), ...options], problem: "" };
}

function ofDev(typed: readonly string[]): OwnWords {
  const usage = usageOf("dev");
  const [first = "", second] = typed;
  if (!new RegExp(`^  ${first}\\b`, "m").test(usage)) return { words: [], problem: `./dev has no command "${first}"` };
  // A number is how many of something.
  const isListed =
    second === undefined ||
    /^\d+$/.test(second) ||
    new RegExp(`^  ${first}\\b.*(?<![\\w-])${second}(?![\\w-])`, "m").test(usage);
  const source = readFileSync(join(ROOT, "dev"), "utf8");
  const known = isListed || new RegExp(`\\| ${second}\\b`).test(source);
  return known
    ? { words: [second ?? first], problem: "" }
    : { words: [], problem: `./dev ${first} knows no "${second}"` };
}
