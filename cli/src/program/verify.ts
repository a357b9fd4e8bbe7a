/** `hosttrail verify` and `hosttrail evidence`. */
import * as commands from "../commands/index.ts";
import { explainFailure } from "../clients.ts";
import { LogCheck } from "../logcheck/index.ts";
import { oneHost, parseBudget, scopeOf } from "../question/index.ts";
import { typed } from "./ask.ts";
import type { CliCommand } from "./command.ts";
import {
  addHosts,
  addRange,
  type BudgetOptions,
  budgetOption,
  type HostOptions,
  type RangeOptions,
} from "./options.ts";
import { checkRange, sinceOf } from "./range.ts";
import { asks } from "./runtime.ts";

/** Exit status where nothing can be said. */
const FAILED = 2;

type VerifyOptions = RangeOptions & HostOptions & BudgetOptions;

export function defineVerify(program: CliCommand): void {
  program.commandsGroup("Proof:");
  const verify = program
    .command("verify")
    .description("whether what is stored of hosts is what they sealed, and all of it");
  addHosts(verify);
  addRange(verify, " (default: all that is kept)");
  verify
    .addOption(budgetOption())
    .note(
      "Says one word of each host: verified; incomplete (something is missing: which numbers, of which time); altered (which block); not checked (why). " +
        "Exit status: 0 all verified, 1 something is incomplete and nothing worse, 2 something was altered or could not be checked, or asking failed.",
    )
    .example("verify", "all hosts that you may see, all that is kept")
    .example("verify --host web1 --since 2026-01-01 --until 2026-02-01", "one host, one month");
  asks(verify, async (work, _, options: VerifyOptions) => {
    const { clients, output, signal } = work;
    const profile = work.profile();
    const budget = typed(() => parseBudget(options.budget));
    const { host, instance, label } = options;
    const { since, until } = sinceOf(options);
    checkRange({ since, until });
    try {
      const scope = await scopeOf(clients.query, { since, until, host, instance, label }, signal);
      const log = new LogCheck(profile);
      return await commands.verify(clients.verify, { ...scope, budget }, log, signal, output);
    } catch (error) {
      if (signal.aborted) throw error;
      // A failure must never look like a trail that only lacks something.
      const failure = explainFailure(error, profile);
      output.note(failure instanceof Error ? failure.message : String(failure));
      return FAILED;
    }
  });

  const evidence = program.command("evidence").description("a host's trail for those who check it themselves");
  const exported = evidence
    .command("export")
    .description("write blocks, certificates, the log's proofs and how to check them")
    .requiredOption("--host <HOST>", "which host, by name or id")
    .requiredOption("--output <PATH>", "a new folder, or a file that ends with .tar");
  addRange(exported, " (default: all that is kept)");
  exported
    .addOption(budgetOption())
    .note("evidence/check.py checks it with python3 and openssl alone, without a collector.")
    .example("evidence export --host web1 --since 2026-01-01 --until 2026-02-01 --output web1.tar", "for an auditor");
  asks(exported, async (work, _, options: RangeOptions & BudgetOptions & { host: string; output: string }) => {
    const { clients, output, signal } = work;
    const budget = typed(() => parseBudget(options.budget));
    const hostId = await oneHost(clients.query, options.host);
    const { since, until } = sinceOf(options);
    checkRange({ since, until });
    const about = { since, until, host: [hostId], instance: [], label: [] };
    const { startTime, endTime } = await scopeOf(clients.query, about, signal);
    const asked = { hostId, startTime, endTime, budget, path: options.output };
    await commands.exportEvidence(clients.verify, asked, signal, output);
  });
}
