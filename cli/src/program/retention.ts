/** `hosttrail retention` and `hold`. */
import { Option } from "commander";
import * as commands from "../commands/index.ts";
import type { CliCommand } from "./command.ts";
import { collect, limitOption, wholeNumber } from "./options.ts";
import { asks } from "./runtime.ts";

export function defineRetention(program: CliCommand): void {
  program.commandsGroup("What is kept:");
  definePolicies(program.command("retention").description("for how long things are kept, and what was dropped"));
  defineHolds(program.command("hold").description("keep days of hosts however old they are"));
}

function confirmOption(): Option {
  return new Option("--confirm <PERCENT>", "of what is stored, as the collector names it")
    .argParser(wholeNumber("--confirm", 100))
    .default(0);
}

function definePolicies(retention: CliCommand): void {
  asks(
    retention.command("list").description("policies: of those that apply, the longest wins"),
    ({ clients, output }) => commands.listPolicies(clients.retention, output),
  );
  const set = retention
    .command("set")
    .description("make a policy, or change the one with this name")
    .argument("<NAME>", `its name; ${commands.RETENTION_KIND_NAMES.join(", ")} are for all to which no other applies`)
    .requiredOption("--keep <DURATION>", "for so many days, as 90d")
    .addOption(
      new Option("--for <KIND>", "what it keeps (default: events)").choices(commands.RETENTION_KIND_NAMES).default(""),
    )
    .option(
      "--label <KEY=VALUE>",
      "of hosts with this label; again for more, of which a host must have all",
      collect,
      [],
    )
    .option("--severity <LEVEL>", "of alerts as bad, or worse", "")
    .addOption(confirmOption())
    .example("retention set prod --label env=prod --keep 90d", "a quarter for what matters")
    .example("retention set events --keep 14d", "two weeks for all others")
    .example("retention set incidents --for alerts --severity high --keep 1095d", "three years");
  asks(
    set,
    (
      { clients, output },
      [name = ""],
      options: { keep: string; for: string; label: string[]; severity: string; confirm: number },
    ) => commands.setPolicy(clients.retention, { ...options, name, labels: options.label }, output),
  );
  const remove = retention
    .command("remove")
    .description("take a policy away, or have one for all others be as at first")
    .argument("<NAME>", "its name")
    .addOption(confirmOption());
  asks(remove, ({ clients }, [name = ""], { confirm }: { confirm: number }) =>
    commands.removePolicy(clients.retention, name, confirm),
  );
  const plan = retention
    .command("plan")
    .description("what will be dropped when, what keeps what, and how much that will be")
    .option("--all", "also days that policies keep", false);
  asks(plan, ({ clients, output, signal }, _, { all }: { all: boolean }) =>
    commands.planRetention(clients, all, signal, output),
  );
  const drops = retention
    .command("drops")
    .description("what was dropped, by host and day")
    .option("--host <HOST>", "of this host, by name or id", "")
    .addOption(limitOption(1000));
  asks(drops, ({ clients, output }, _, { host, limit }: { host: string; limit: number }) =>
    commands.listDrops(clients, host, limit, output),
  );
}

function defineHolds(hold: CliCommand): void {
  const create = hold
    .command("create")
    .description("hold days of hosts from now on")
    .option("--host <HOST>", "of this host, by name or id; again for more", collect, [])
    .option(
      "--label <KEY=VALUE>",
      "of hosts with this label; again for more, of which a host must have all",
      collect,
      [],
    )
    .option("--from <DAY>", "from this UTC day on, as 2026-01-31", "")
    .option("--to <DAY>", "up to this UTC day, inclusive", "")
    .requiredOption("--reason <TEXT>", "why, for the record")
    .example("hold create --host web1 --from 2026-11-01 --to 2026-11-30 --reason 'case 7'", "a month of one host");
  asks(
    create,
    ({ clients, output }, _, options: { host: string[]; label: string[]; from: string; to: string; reason: string }) =>
      commands.createHold(clients, { ...options, hosts: options.host, labels: options.label }, output),
  );
  const list = hold.command("list").description("what is held").option("--released", "also what was", false);
  asks(list, ({ clients, output }, _, { released }: { released: boolean }) =>
    commands.listHolds(clients.retention, released, output),
  );
  const release = hold
    .command("release")
    .description("end a hold; it stays in the list")
    .argument("<ID>", "its id")
    .requiredOption("--reason <TEXT>", "why, for the record");
  asks(release, ({ clients, output }, [id = ""], { reason }: { reason: string }) =>
    commands.releaseHold(clients.retention, id, reason, output),
  );
}
