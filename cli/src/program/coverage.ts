/** `hosttrail coverage`. */
import { InvalidArgumentError, Option } from "commander";
import * as commands from "../commands/index.ts";
import { typed } from "./ask.ts";
import type { CliCommand } from "./command.ts";
import { collect, limitOption, timeOption } from "./options.ts";
import { asks } from "./runtime.ts";

type Selection = Parameters<typeof commands.coverage>[1];

export function defineCoverage(program: CliCommand): void {
  const coverage = program
    .command("coverage")
    .description("which machines of a cloud have an agent, and which have none");
  const aws = coverage
    .command("aws")
    .description("how many machines of AWS are in which state, as of the last look")
    .option("--by <WHAT>", "for each account, region, group, reason or tag:KEY", "")
    .example("coverage aws --by account", "the share that is covered in each account")
    .example("coverage aws --by tag:team --region eu-west-1", "by the value of a tag, in one region")
    .note(
      "Exit status 1 says that machines are not covered that should be; 3 that those which could be looked at are, and not all could.",
    );
  addSelection(aws);
  asks(aws, async ({ clients, output }, _, { by, ...selection }: Selection & { by: string }) => {
    const grouping = typed(() => commands.parseGrouping(by));
    return await commands.coverage(clients.coverage, selection, grouping, output);
  });
  const instances = coverage
    .command("instances")
    .description("machines, each with its state, the reason, and what to do")
    .example("coverage instances --state never-enrolled --account 123456789012", "those without an agent")
    .example("coverage instances --state excluded", "who decided it, and until when");
  addSelection(instances);
  instances.addOption(limitOption(1000));
  asks(instances, ({ clients, output }, _, { limit, ...selection }: Selection & { limit: number }) =>
    commands.coverageInstances(clients.coverage, selection, limit, output),
  );
  const changes = coverage
    .command("changes")
    .description("machines that came into another state, the newest first")
    .addOption(stateOption())
    .option("--account <ID>", "of this account; again for more", collect, [])
    .addOption(timeOption("--since <TIME>", "from this time on").default(""))
    .addOption(limitOption(100))
    .example("coverage changes --state died-unseen --since 7d", "what lived and died and never reported");
  asks(changes, ({ clients, output }, _, options: Parameters<typeof commands.coverageChanges>[1]) =>
    commands.coverageChanges(clients.coverage, options, output),
  );
}

function stateOption(): Option {
  const names = commands.COVERAGE_STATE_NAMES;
  return new Option("--state <STATE>", `in this state; again for more: ${names.join(", ")}`)
    .argParser((text: string, before: string[] | undefined) => {
      if (!names.includes(text)) throw new InvalidArgumentError(`--state is "${text}"; it must be ${names.join(", ")}`);
      return collect(text, before);
    })
    .default([]);
}

function addSelection(command: CliCommand): void {
  command
    .addOption(stateOption())
    .option("--account <ID>", "of this account; again for more", collect, [])
    .option("--region <REGION>", "of this region; again for more", collect, [])
    .option("--group <NAME>", "of this group; again for more", collect, [])
    .option(
      "--tag <KEY=VALUE>",
      "with this tag, or KEY alone for any value; again for more, of which all must be there",
      collect,
      [],
    )
    .option("--instance <ID>", "this one; again for more", collect, []);
}
