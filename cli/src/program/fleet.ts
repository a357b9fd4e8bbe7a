/** `hosttrail fleet`, `generate` and `plan`: what asks no collector. */
import { Argument } from "commander";
import * as commands from "../commands/index.ts";
import type { CliCommand } from "./command.ts";
import { collect } from "./options.ts";
import { runs } from "./runtime.ts";

const TOOLS = ["ansible", "chef", "terraform", "cloud-init", "packer", "kubernetes"] as const;

interface SpecOptions {
  spec: string;
}

interface WordOptions {
  tag: string[];
  label: string[];
}

function addSpec(command: CliCommand): CliCommand {
  return command.option("--spec <FILE>", "the fleet specification", "fleet.yaml");
}

function addWords(command: CliCommand): CliCommand {
  return command
    .option("--tag <TAG>", "what the host has beside what the spec says of it; again for more", collect, [])
    .option("--label <KEY=VALUE>", "the same; again for more", collect, []);
}

const NO_HOST = { name: "", tags: [], labels: [] };

export function defineFleet(program: CliCommand): void {
  program.commandsGroup("Rollout:");
  const fleet = program.command("fleet").description("the fleet specification");
  const validate = addSpec(fleet.command("validate").description("whether a fleet specification is right"));
  runs(validate, ({ output }, _, { spec }: SpecOptions) => commands.fleet("validate", spec, NO_HOST, output));
  const show = addWords(
    addSpec(fleet.command("show").description("what it says, with all defaults, and what a host would have")),
  ).option("--host <NAME>", "what this host has by its groups, each setting with where it comes from", "");
  runs(show, ({ output }, _, { spec, host, tag: tags, label: labels }: SpecOptions & WordOptions & { host: string }) =>
    commands.fleet("show", spec, { name: host, tags, labels }, output),
  );
  runs(fleet.command("schema").description("its JSON Schema, for editors"), ({ output }) =>
    commands.fleet("schema", "", NO_HOST, output),
  );
  const generate = addSpec(
    program
      .command("generate")
      .description("the rollout module for a tool, user data, the build of an image, or values of the agent's chart"),
  )
    .addArgument(new Argument("<TOOL>", "which").choices(TOOLS))
    .option("--out <DIR>", "where it is written", "");
  runs(generate, ({ output }, [tool = ""], { spec, out }: SpecOptions & { out: string }) =>
    commands.generate(tool, spec, out, output),
  );
  const plan = addWords(
    addSpec(program.command("plan").description("what a rollout would change on a host; asks it over SSH")),
  )
    .option("--host <HOST>", "which host", "")
    .option("--ssh <COMMAND>", "how to reach it", "ssh")
    .option("--as <NAME>", "what the spec's groups know it by, where that is not HOST", "")
    .example("plan --spec fleet.yaml --host web1", "nothing is changed");
  runs(
    plan,
    (
      { output },
      _,
      {
        spec,
        host,
        ssh,
        as: name,
        tag: tags,
        label: labels,
      }: SpecOptions & WordOptions & { host: string; ssh: string; as: string },
    ) => commands.plan(spec, host, { name, tags, labels }, ssh, output),
  );
}
