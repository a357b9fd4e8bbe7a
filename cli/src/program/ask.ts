/** What the commands about events have in common: which events, of which hosts, in which time, for what price. */
import { Option } from "commander";
import { type EventColumn, parseColumns } from "../columns.ts";
import * as commands from "../commands/index.ts";
import { type About, parseBudget, type Scope, scopeOf } from "../question/index.ts";
import { type CliCommand, UsageError } from "./command.ts";
import {
  addHosts,
  addRange,
  type BudgetOptions,
  budgetOption,
  type HostOptions,
  type RangeOptions,
} from "./options.ts";
import { checkRange, sinceOf } from "./range.ts";
import type { AskingWork } from "./runtime.ts";

export interface QuestionOptions extends RangeOptions, HostOptions, BudgetOptions {}

/** Adds options for hosts, times and the budget. */
export function addQuestion(command: CliCommand, preset = ""): CliCommand {
  addRange(command, preset);
  addHosts(command);
  command.addOption(budgetOption());
  return command;
}

export interface ShowingOptions {
  columns?: string;
  fold: boolean;
}

export function addShowing(command: CliCommand): CliCommand {
  return command
    .option("--columns <COLUMNS>", "which columns, as time,user,process.parent.name; +FIELD for one beside the usual")
    .option("--no-fold", "each look for a program along PATH on a line of its own");
}

/** Has what was typed wrong end with the status for that. */
export function typed<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

export function showingOf({ columns, fold }: ShowingOptions): commands.Showing {
  return { columns: typed((): readonly EventColumn[] => parseColumns(columns)), fold };
}

export function aboutOf(options: RangeOptions & HostOptions): About {
  const range = sinceOf(options);
  checkRange(range);
  return { ...range, host: options.host, instance: options.instance, label: options.label };
}

/** Hosts, times and budget, as requests have them. */
export async function questionOf(
  { clients, signal }: AskingWork,
  options: QuestionOptions,
): Promise<Scope & { budget: ReturnType<typeof parseBudget> }> {
  const budget = typed(() => parseBudget(options.budget));
  return { ...(await scopeOf(clients.query, aboutOf(options), signal)), budget };
}

const ORDERS = ["newest", "oldest"] as const;
export type Order = (typeof ORDERS)[number];

/** Without a preset it is undefined where it is not given. */
export function orderOption(preset?: Order): Option {
  const option = new Option("--order <ORDER>", "which events first").choices(ORDERS);
  return preset === undefined ? option : option.default(preset);
}

/** As AIP-132 has it. */
export function orderBy(order: Order): string {
  return order === "oldest" ? "time" : "time desc";
}
