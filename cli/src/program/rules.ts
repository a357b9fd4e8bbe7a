/** `hosttrail rules`, `ruleset` and `notify`. */
import { openClients, type Clients, explainFailure } from "../clients.ts";
import * as commands from "../commands/index.ts";
import type { Profile } from "../profile.ts";
import { oneHost } from "../question/index.ts";
import type { CliCommand } from "./command.ts";
import { addRange, collect, limitOption, type RangeOptions, timeOption } from "./options.ts";
import { sinceOf } from "./range.ts";
import { type AskingWork, asks, runs, type Work } from "./runtime.ts";

export function defineRules(program: CliCommand): void {
  const rules = program.command("rules").description("detection rules: of the collector, and in files");
  defineRuleFiles(rules);
  const list = rules
    .command("list")
    .description("the collector's rules, their alerts of 30 days and how right they were");
  list.option("--ruleset <NAME>", "of this ruleset", "");
  asks(list, ({ clients, output }, _, { ruleset }: { ruleset: string }) =>
    commands.listRules(clients.rules, ruleset, output),
  );
  const key = (name: string, about: string): CliCommand =>
    rules.command(name).description(about).argument("<KEY>", "the rule's key");
  asks(key("show", "one of them, with its text"), ({ clients, output }, [name = ""]) =>
    commands.showRule(clients.rules, name, output),
  );
  for (const enabled of [true, false]) {
    const command = key(enabled ? "enable" : "disable", enabled ? "let it run" : "do not let it run");
    asks(command, ({ clients, output }, [name = ""]) => commands.updateRule(clients.rules, name, { enabled }, output));
  }
  const severity = key("severity", "how bad it is here").argument(
    "<LEVEL>",
    "a severity; author for what the rule says",
  );
  asks(severity, ({ clients, output }, [name = "", level = ""]) =>
    commands.updateRule(clients.rules, name, { severity: level }, output),
  );
  defineRulesets(program.command("ruleset").description("rules of one's own, for some hosts or for all"));
  defineNotify(program.command("notify").description("who is told of alerts"));
}

interface FileOptions {
  auditRules: string[];
  spec: string;
  placeholders: string;
}

function addFiles(command: CliCommand): CliCommand {
  return command
    .option(
      "--audit-rules <FILE>",
      "audit rules that hosts have; a folder for all of its .rules; again for more",
      collect,
      [],
    )
    .option("--spec <FILE>", "those of a fleet; without either, all sets that come with the agent", "")
    .option("--placeholders <FILE>", "what stands for %names% in rules (YAML: a name and its values)", "");
}

interface CheckOptions extends FileOptions {
  host?: string;
  key?: string;
}

/** Files are looked at without a collector; without a path the collector's own rules are asked for. */
async function checkRules(work: Work, [path = ""]: readonly string[], options: CheckOptions): Promise<number> {
  const { host, key = "", ...files } = options;
  if (path !== "") {
    if (host !== undefined || key !== "")
      throw new Error("--host and --key are for the collector's rules: leave the path out");
    return commands.checkRuleFiles({ path, ...files }, work.output);
  }
  if (files.auditRules.length > 0 || files.spec !== "" || files.placeholders !== "")
    throw new Error("--audit-rules, --spec and --placeholders are for rule files: name one, or a folder with some");
  const who = work.profile();
  const clients = openClients(who);
  try {
    const hostId = host === undefined ? "" : await oneHost(clients.query, host);
    return await commands.checkStoredRules(clients.rules, { hostId, key }, work.output);
  } catch (error) {
    throw explainFailure(error, who);
  } finally {
    clients.close();
  }
}

interface TrialOptions extends RangeOptions {
  host: string;
  placeholders: string;
  expect: string;
  junit: string;
}

function defineRuleFiles(rules: CliCommand): void {
  const check = addFiles(
    rules
      .command("check")
      .description("of each Sigma rule: fires here, cannot fire here and why, not compiled and why")
      .argument(
        "[PATH]",
        "a rule file, or a folder with some; without it the collector's rules, by what its hosts have loaded",
        "",
      ),
  )
    .option("--host <NAME>", "the collector's rules on this host (a name or an id)")
    .option("--key <KEY>", "only this one of the collector's rules");
  check.note("Ends with 1 where a rule is not compiled, and with 3 where one cannot fire.");
  check.example("rules check rules/ --audit-rules /etc/audit/rules.d", "whether they can fire on this host");
  check.example(
    "rules check --host web1",
    "which of the collector's rules cannot fire there, and the audit rules that are missing",
  );
  runs(check, checkRules);
  const audit = addFiles(
    rules
      .command("audit")
      .description("the fewest audit rules that feed detections, ready to paste, each with what it is for")
      .argument("<PATH...>", "rule files, or folders with some"),
  ).addOption(timeOption("--since <TIME>", "with what they cost, counted in the stored history from then on"));
  audit.note("Ends with 1 where a rule cannot be read, and with 3 where nothing can feed one.");
  audit.example("rules audit rules/ --spec fleet.yaml --since 7d", "with their costs");
  runs(audit, auditRules);
  const test = rules
    .command("test")
    .description("what rules would have found in the stored history, by rule, host and day")
    .argument("<PATH>", "a rule file, or a folder with some")
    .option("--host <ID>", "on one host", "")
    .option("--placeholders <FILE>", "as in rules check", "")
    .option("--expect <FILE>", "hold it against what is expected (YAML); ends with 1 where it is not so", "")
    .option("--junit <FILE>", "write that as JUnit XML, for CI", "")
    .example("rules test rules/ --since 7d --expect expect.yml --junit junit.xml", "in a pipeline");
  test.note(
    "--expect: under rules a list, each with rule (a name or an id, or * for all others), min and max matches, alerts_max, and hosts on which it must match.",
  );
  addRange(test, " (default 1d)");
  asks(test, ({ clients, output }, [path = ""], options: TrialOptions) => {
    const { host: hostId, ...rest } = options;
    return commands.testRules(
      clients.rules,
      { path, ...rest, ...sinceOf(options), hostId },
      output,
      progressOf(output),
    );
  });
}

function progressOf(output: AskingWork["output"]): commands.Progress {
  const progress = output.progress();
  return (scanned, toScan, matches) => progress.tell(scanned, toScan, matches);
}

/** Asks a collector only where costs are to be counted. */
async function auditRules(
  { output, profile }: Work,
  paths: readonly string[],
  options: FileOptions & { since?: string },
): Promise<number> {
  const opened: { who: Profile; clients: Clients }[] = [];
  const client = (): Clients["rules"] => {
    const who = profile();
    const clients = openClients(who);
    opened.push({ who, clients });
    return clients.rules;
  };
  try {
    return await commands.auditRuleFiles({ ...options, paths, since: options.since }, output, client);
  } catch (error) {
    throw opened[0] === undefined ? error : explainFailure(error, opened[0].who);
  } finally {
    for (const { clients } of opened) clients.close();
  }
}

interface RulesetOptions {
  description: string;
  label: string[];
  tag: string[];
  disabled: boolean;
  allowRejected: boolean;
}

function defineRulesets(ruleset: CliCommand): void {
  asks(ruleset.command("list").description("list them"), ({ clients, output }) =>
    commands.listRulesets(clients.rules, output),
  );
  const named = (name: string, about: string): CliCommand =>
    ruleset.command(name).description(about).argument("<NAME>", "the ruleset's name");
  asks(named("show", "one with its files"), ({ clients, output }, [name = ""]) =>
    commands.showRuleset(clients.rules, name, output),
  );
  const put = ruleset
    .command("put")
    .description("make or replace one by the rule files of a folder")
    .argument("[NAME]", "the ruleset's name", "")
    .argument("[DIR]", "the folder", "")
    .option("--description <TEXT>", "what it is for", "")
    .option("--label <KEY=VALUE>", "only for hosts with this label; again for more", collect, [])
    .option("--tag <KEY=VALUE>", "only for hosts with this tag of their cloud; again for more", collect, [])
    .option("--disabled", "its rules do not run", false)
    .option("--allow-rejected", "also where some rules cannot be used", false)
    .example("ruleset put mine rules/ --label env=prod", "rules of one's own");
  asks(put, ({ clients, output }, [name = "", path = ""], options: RulesetOptions) => {
    const { label: labels, tag: tags, ...rest } = options;
    return commands.putRuleset(clients.rules, name, { path, labels, tags, ...rest }, output);
  });
  for (const enabled of [true, false]) {
    const command = named(enabled ? "enable" : "disable", enabled ? "let its rules run" : "do not let its rules run");
    asks(command, ({ clients, output }, [name = ""]) => commands.enableRuleset(clients.rules, name, enabled, output));
  }
  asks(named("delete", "remove it"), ({ clients }, [name = ""]) => commands.deleteRuleset(clients.rules, name));
}

function defineNotify(notify: CliCommand): void {
  asks(notify.command("routes").description("who is told of alerts, and how that goes"), ({ clients, output }) =>
    commands.listRoutes(clients.notify, output),
  );
  const route = (name: string, about: string): CliCommand =>
    notify.command(name).description(about).argument("[ROUTE]", "only this one", "");
  asks(
    route("test", "send a test, by one route or by all; ends with 1 where one does not arrive"),
    ({ clients, output }, [name = ""]) => commands.testNotification(clients.notify, name, output),
  );
  const letters = route("dead-letters", "notifications that were given up").addOption(limitOption(100));
  asks(letters, ({ clients, output }, [name = ""], { limit }: { limit: number }) =>
    commands.listDeadLetters(clients.notify, { route: name, limit }, output),
  );
  const redeliver = notify.command("redeliver").description("send one of them again, under the id that it had");
  asks(redeliver.argument("<ID>", "its id"), ({ clients }, [id = ""]) => commands.redeliver(clients.notify, id));
}
