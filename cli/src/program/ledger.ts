/** `hosttrail ledger` and `hosttrail dlq`. */
import { Option } from "commander";
import * as commands from "../commands/index.ts";
import { oneHost, parseBudget, scopeOf } from "../question/index.ts";
import { parseDuration } from "../time.ts";
import { aboutOf, typed } from "./ask.ts";
import type { CliCommand } from "./command.ts";
import {
  addHosts,
  addRange,
  budgetOption,
  type BudgetOptions,
  type HostOptions,
  limitOption,
  type RangeOptions,
} from "./options.ts";
import { asks } from "./runtime.ts";

interface LedgerOptions extends RangeOptions, HostOptions, BudgetOptions {
  by?: string;
}

export function defineLedger(program: CliCommand): void {
  program.commandsGroup("Nothing lost:");
  defineLedgerItself(program);
  defineDeadBlocks(program.command("dlq").description("blocks that could not be stored: the dead letters"));
}

function defineLedgerItself(program: CliCommand): void {
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

interface ListOptions {
  host: string;
  reason: string;
  limit: number;
}

function defineDeadBlocks(dlq: CliCommand): void {
  const list = dlq
    .command("list")
    .description("all of them, the oldest first")
    .option("--host <HOST>", "of this host, by name or id", "")
    .option("--reason <CODE>", "only those that died for this reason, as PAYLOAD_MALFORMED", "")
    .addOption(limitOption(1000));
  asks(list, async ({ clients, output }, _, { host, reason, limit }: ListOptions) => {
    const hostId = host === "" ? "" : await oneHost(clients.query, host);
    await commands.listDeadBlocks(clients.deadBlocks, { hostId, reason, limit }, output);
  });
  asks(
    dlq.command("show").description("one of them: its header, and what is wrong with it").argument("<ID>", "its id"),
    ({ clients, output }, [id = ""]) => commands.showDeadBlock(clients.deadBlocks, id, output),
  );
  const replay = dlq
    .command("replay")
    .description("put the same bytes into the stream of blocks once more, and say what became of them")
    .argument("<ID...>", "which ones")
    .option("--wait <DURATION>", "how long to wait for that, for each", "10s")
    .example("dlq replay 17", "after the limit that refused it was raised")
    .note(
      "The stream takes no block that it had within the last two minutes: that is said as duplicate, and the dead letter stays. Exit status 1 says that one is not stored.",
    );
  asks(replay, ({ clients, output }, ids, { wait }: { wait: string }) => {
    const waitMs = typed(() => parseDuration("--wait", wait)) * 1000;
    return commands.replayDeadBlocks(clients.deadBlocks, { ids, waitMs }, output);
  });
  const drop = dlq
    .command("drop")
    .description("give up some for good; that and why is kept")
    .argument("<ID...>", "which ones")
    .requiredOption("--reason <TEXT>", "why, for the record");
  asks(drop, ({ clients }, ids, { reason }: { reason: string }) =>
    commands.dropDeadBlocks(clients.deadBlocks, { ids, reason }),
  );
}
