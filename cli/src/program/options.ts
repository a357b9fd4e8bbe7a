/** Options that several commands have. What stands in <…> says what kind of value it is; completion goes by it. */
import { InvalidArgumentError, Option } from "commander";
import { readTime } from "../time.ts";
import type { CliCommand } from "./command.ts";

function problem(error: unknown): InvalidArgumentError {
  return new InvalidArgumentError(error instanceof Error ? error.message : String(error));
}

/** Collects the values of an option that may be given again. */
export function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** A whole number within bounds, as an option's value. */
export function wholeNumber(name: string, most: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < 1 || value > most) {
      const bounds = most === Number.MAX_SAFE_INTEGER ? "from 1" : `from 1 to ${most}`;
      throw new InvalidArgumentError(`${name} is "${text}"; it must be a whole number ${bounds}`);
    }
    return value;
  };
}

/** A time, looked at before anything is asked; what it is relative to is decided later. */
function timeText(text: string): string {
  try {
    readTime(text, Date.now());
  } catch (error) {
    throw problem(error);
  }
  return text;
}

export function timeOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser(timeText);
}

export function limitOption(preset: number | undefined, what = "at most so many"): Option {
  return new Option("--limit <N>", what).argParser(wholeNumber("--limit")).default(preset);
}

/** What --since, --until and --last say. */
export interface RangeOptions {
  since?: string;
  until?: string;
  last?: string;
}

/** Adds --since, --until and --last. */
export function addRange(command: CliCommand, preset = ""): void {
  command
    .addOption(timeOption("--since <TIME>", `from when on${preset}`))
    .addOption(timeOption("--until <TIME>", "up to when, exclusive"))
    .addOption(new Option("--last <DURATION>", "the last 15m, 2h, 7d …").conflicts(["since", "until"]));
}

/** Whose events. */
export interface HostOptions {
  host: string[];
  instance: string[];
  label: string[];
}

/** Adds --host, --instance and --label. */
export function addHosts(command: CliCommand): void {
  command
    .option("--host <HOST>", "of this host, by name or id, also one that is gone; again for more", collect, [])
    .option("--instance <ID>", "of this instance of a cloud; again for more", collect, [])
    .option(
      "--label <KEY=VALUE>",
      "of hosts that enrolled with this label, or a KEY alone; again for more",
      collect,
      [],
    );
}

/** What answering may take. */
export interface BudgetOptions {
  budget?: string;
}

export function budgetOption(): Option {
  return new Option("--budget <BUDGET>", "what answering may take at most, as time=10s,bytes=2G,events=5M");
}
