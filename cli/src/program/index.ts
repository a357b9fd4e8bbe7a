/** The program: all commands, and how what was typed is read. */
import { CommanderError, Option } from "commander";
import { COLOR_WHEN } from "../output/index.ts";
import { defineAccess } from "./access.ts";
import { defineAlerts } from "./alerts.ts";
import { CliCommand, UsageError, usageProblem } from "./command.ts";
import { defineAnalysis } from "./analysis.ts";
import { defineCost } from "./cost.ts";
import { defineCoverage } from "./coverage.ts";
import { defineEvents, defineHosts } from "./events.ts";
import { defineFleet } from "./fleet.ts";
import { defineLedger } from "./ledger.ts";
import { plainNegations } from "./negation.ts";
import { defineReady } from "./ready.ts";
import { defineRetention } from "./retention.ts";
import { defineRules } from "./rules.ts";
import { defineSaved } from "./saved.ts";
import { defineShells } from "./shells.ts";
import { defineVerify } from "./verify.ts";

export { CliCommand, leavesOf } from "./command.ts";

/** Exit status where what was typed is wrong. */
const USAGE = 2;

export function buildProgram(): CliCommand {
  const program = new CliCommand("hosttrail")
    .description("asks a collector about hosts and their audit events")
    .usage("[--profile FILE] COMMAND");
  program
    .option(
      "--profile <FILE>",
      "how to reach the collector and who you are (YAML); else $HOSTTRAIL_PROFILE, else ~/.config/hosttrail/profile.yaml",
    )
    .option("--json", "one JSON object a line", false)
    .option("--ndjson", "the same as --json", false)
    .option("--utc", "read and show times in UTC", false)
    .option(
      "--zone <ZONE>",
      "read and show times in this zone, as Europe/Berlin (default: $TZ, else that of the machine)",
    )
    .addOption(new Option("--color <WHEN>", "colours; NO_COLOR is heeded").choices(COLOR_WHEN).default("auto"))
    .option("--no-pager", "no pager ($PAGER, else less -FRX) on a terminal")
    .option("--wide", "nothing is cut or left out to fit the terminal", false);
  defineEvents(program);
  defineReady(program);
  defineSaved(program);
  defineAnalysis(program);
  defineHosts(program);
  defineLedger(program);
  defineCoverage(program);
  defineAlerts(program);
  defineRules(program);
  defineVerify(program);
  defineRetention(program);
  defineAccess(program);
  defineFleet(program);
  defineCost(program);
  defineShells(program);
  program.note(
    "Exit status: 0 done, 1 failed, 2 what was typed is wrong, 3 the answer lacks something, 130 broken off.",
  );
  return program;
}

/** Options of all commands whose value is the word behind them. */
function valueOptions(command: CliCommand): string[] {
  const own = command.options.filter(({ required, optional }) => required || optional).map(({ long }) => long ?? "");
  return [...own, ...command.commands.flatMap((each) => (each instanceof CliCommand ? valueOptions(each) : []))];
}

/** Runs what was typed; resolves when it is done, with the exit status in process.exitCode. */
export async function runProgram(words: readonly string[]): Promise<void> {
  const program = buildProgram();
  const withValue = new Set(valueOptions(program));
  const takesValue = (option: string): boolean => withValue.has(option);
  const plain = plainNegations(words, takesValue);
  if (plain.length === 0) {
    process.stderr.write(program.helpInformation({ error: true }));
    process.exitCode = USAGE;
    return;
  }
  try {
    await program.parseAsync(plain, { from: "user" });
  } catch (error) {
    const problem = error instanceof CommanderError ? usageProblem(error, program, plain, takesValue) : undefined;
    tell(error, problem);
  }
}

function tell(error: unknown, problem: string | undefined): void {
  if (error instanceof CommanderError) {
    // A command that only holds others shows its help.
    if (error.code === "commander.help") process.exitCode = USAGE;
    if (problem === undefined || error.code === "commander.help") return;
    process.stderr.write(`hosttrail: ${problem}\nSee hosttrail --help.\n`);
    process.exitCode = USAGE;
    return;
  }
  process.stderr.write(`hosttrail: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? USAGE : 1;
}
