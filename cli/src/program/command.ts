/** A command of the program: commander's, with examples, and with errors that its caller tells. */
import { Command, CommanderError, Help, type Option } from "commander";
import { columnsOf } from "../output/index.ts";

/** An example: what to type, and what it is for. */
export type Example = readonly [command: string, purpose: string];

/** Something that was typed is wrong; the program ends with 2. */
export class UsageError extends Error {}

class CliHelp extends Help {
  /** Says a default where there is something to say. */
  override optionDescription({ description, argChoices, defaultValue }: Option): string {
    const facts = argChoices === undefined ? [] : [argChoices.join(", ")];
    if (typeof defaultValue === "number" || (typeof defaultValue === "string" && defaultValue !== ""))
      facts.push(`default ${defaultValue}`);
    return facts.length === 0 ? description : `${description} (${facts.join("; ")})`;
  }

  override displayWidth(text: string): number {
    return columnsOf(text);
  }
}

export class CliCommand extends Command {
  readonly examples: Example[] = [];
  /** What there is to say beyond the description, a paragraph each. */
  readonly notes: string[] = [];

  constructor(name?: string) {
    super(name);
    this.exitOverride();
    // Whoever catches the error tells it.
    this.configureOutput({ outputError: () => undefined });
    this.helpOption("-h, --help", "show this");
    this.helpCommand(false);
    this.addHelpText("after", () => afterHelp(this));
  }

  override createCommand(name?: string): CliCommand {
    return new CliCommand(name);
  }

  override createHelp(): Help {
    return Object.assign(new CliHelp(), this.configureHelp());
  }

  /** Adds an example; its command is written without the program's name. */
  example(command: string, purpose: string): this {
    this.examples.push([command, purpose]);
    return this;
  }

  /** Adds a paragraph to its help and its part of the manual. */
  note(text: string): this {
    this.notes.push(text);
    return this;
  }

  /** The command's words, as "token create". */
  get words(): string {
    const above = this.parent instanceof CliCommand && this.parent.parent !== null ? `${this.parent.words} ` : "";
    return `${above}${this.name()}`;
  }
}

function afterHelp({ examples, notes }: CliCommand): string {
  const width = process.stdout.columns ?? 80;
  const help = new Help();
  const parts = notes.map((note) => `\n${help.boxWrap(note, width)}`);
  if (examples.length > 0) {
    const lines = examples.map(([command, purpose]) => `  # ${purpose}\n  hosttrail ${command}`);
    parts.push(`\nExamples:\n${lines.join("\n")}`);
  }
  parts.push("\nSee hosttrail --help for the options of all commands, and hosttrail(1).");
  return parts.join("\n");
}

/** Its commands that do something: without those that only hold others. */
export function leavesOf(command: CliCommand): CliCommand[] {
  const inner = command.commands.filter((each) => each instanceof CliCommand);
  return inner.length === 0 ? [command] : inner.flatMap(leavesOf);
}

/** What commander found wrong, in the words of this program; undefined where it only showed help. */
export function usageProblem(
  error: CommanderError,
  program: CliCommand,
  words: readonly string[],
  takesValue: (option: string) => boolean,
): string | undefined {
  if (["commander.helpDisplayed", "commander.version"].includes(error.code)) return undefined;
  if (error.code === "commander.unknownCommand") {
    const typed = words.filter((word, at) => !word.startsWith("-") && !takesValue(words[at - 1] ?? "")).join(" ");
    const guess = /\(Did you mean .*\)/.exec(error.message)?.[0] ?? "";
    const known = leavesOf(program).map((each) => each.words);
    return `"${typed}" is no command${guess === "" ? "" : ` ${guess}`}; known are ${known.join(", ")}`;
  }
  // What a value must be is said by what reads it; commander says before it which option it was, once more.
  return error.message
    .replace(/^error: /, "")
    .replace(/^option '(--[a-z-]+)[^']*' argument '[^]*?' is invalid\. (--)?/, (_, option: string, own = "") =>
      own === "" ? `${option}: ` : "--",
    );
}

export { CommanderError };
