/** `hosttrail ledger` and `hosttrail dlq`. */
import { Option } from "commander";
import * as commands from "../commands/index.ts";
import { oneHost, parseBudget, scopeOf } from "../question/index.ts";
import { aboutOf, typed } from "./ask.ts";
import type { CliCommand } from "./command.ts";
import {
  addHosts,
  addRange,
  budgetOption,
  type BudgetOptions,
  type HostOptions,
  type RangeOptions,
} from "./options.ts";
import { asks } from "./runtime.ts";

interface LedgerOptions extends RangeOptions, HostOptions, BudgetOptions {
  by?: string;
}

export function defineLedger(program: CliCommand): void {
  program.commandsGroup("Nothing lost:");
  const ledger = program
    .command("ledger")
    .description(
      "what became of every event, from the kernel to the database: whether it adds up, and the first minute that does not",
    )
    .addOption(new Option("--by <INTERVAL>", "each stretch of time for itself").choices(commands.INTERVAL_NAMES))
    .example("ledger", "all hosts, the last day")
    .example("ledger --host web1 --by hour --last 7d", "one host by the hour")
    .note("Exit status 1 says that events are lost or missing.");
  addRange(ledger, " (default 1d)");
  addHosts(ledger);
  ledger.addOption(budgetOption());
  asks(ledger, async ({ clients, output, signal }, _, options: LedgerOptions) => {
    const { by = "", host, instance, label } = options;
    const budget = typed(() => parseBudget(options.budget));
    const scope = await scopeOf(clients.query, aboutOf(options), signal);
    const [only] = host;
    const isOne = only !== undefined && host.length + instance.length + label.length === 1;
    const hostId = isOne ? await oneHost(clients.query, only) : undefined;
    return await commands.ledger(clients.ledger, { ...scope, by, budget, hostId }, output);
  });
}
