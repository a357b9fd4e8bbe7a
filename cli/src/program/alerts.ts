/** `hosttrail alerts`, `alert` and `suppression`. */
import { Option } from "commander";
import * as commands from "../commands/index.ts";
import type { CliCommand } from "./command.ts";
import { addRange, collect, limitOption, type RangeOptions, wholeNumber } from "./options.ts";
import { sinceOf } from "./range.ts";
import { asks } from "./runtime.ts";

/** One rule, where several cannot be asked for. */
function oneRule(rules: readonly string[]): string {
  if (rules.length > 1) throw new Error("--rule may be given once here");
  return rules[0] ?? "";
}

function addRule(command: CliCommand): CliCommand {
  return command.option("--rule <KEY>", "of this rule", collect, []);
}

interface AlertsOptions extends RangeOptions {
  state: string;
  severity: string;
  host: string;
  rule: string[];
  ruleset: string;
  assignee: string;
  limit: number;
  watch: boolean;
}

export function defineAlerts(program: CliCommand): void {
  program.commandsGroup("Alerts and rules:");
  const alerts = addRule(program.command("alerts").description("list alerts, newest first"))
    .option("--state <STATES>", "open,acknowledged, closed, or all", "open,acknowledged")
    .option("--severity <LEVEL>", "as bad, or worse", "")
    .option("--host <ID>", "of this host", "")
    .option("--ruleset <NAME>", "of this ruleset", "")
    .option("--assignee <NAME>", "of whom somebody works on it", "")
    .addOption(limitOption(100))
    .option("--watch", "show changes as they happen instead, by --severity and --host", false)
    .example("alerts --severity high --since 24h", "what matters today")
    .example("alerts --watch", "as they come");
  addRange(alerts);
  asks(alerts, async ({ clients, output, signal, goesOn }, _, options: AlertsOptions) => {
    const { host: hostId, rule, watch, severity } = options;
    if (watch) {
      goesOn();
      return await commands.watchAlerts(clients.alerts, { severity, hostId }, signal, output);
    }
    const ruleKey = oneRule(rule);
    await commands.alerts(clients.alerts, { ...options, ...sinceOf(options), hostId, ruleKey }, output);
  });
  defineWork(program.command("alert").description("work on alerts"));
  defineSuppressions(program.command("suppression").description("hide what is known to be right, for a while"));
}

function defineWork(alert: CliCommand): void {
  const show = alert
    .command("show")
    .description("one alert: its rule, its history, its events and who started their processes")
    .argument("<ID>", "its id");
  asks(show, ({ clients, output }, [id = ""]) => commands.showAlert(clients.alerts, id, output));
  const text = (command: CliCommand): CliCommand =>
    command.argument("[ID...]", "their ids").option("--text <TEXT>", "a note for the history", "");
  const simple = [
    ["ack", "somebody looks at them"],
    ["reopen", "they are not done"],
    ["comment", "say something of them"],
  ] as const;
  for (const [name, about] of simple) {
    asks(text(alert.command(name).description(about)), ({ clients, output }, ids, options: { text: string }) =>
      commands.workOnAlerts(clients.alerts, name, ids, options, output),
    );
  }
  const assign = alert.command("assign").description("somebody works on them").argument("[ID...]", "their ids");
  assign.option("--assignee <NAME>", "who", "");
  asks(assign, ({ clients, output }, ids, options: { assignee: string }) =>
    commands.workOnAlerts(clients.alerts, "assign", ids, options, output),
  );
  defineClose(text(alert.command("close").description("they are done")));
}

interface CloseOptions extends RangeOptions {
  all: boolean;
  rule: string[];
  host: string;
  reason: string;
  text: string;
}

function defineClose(close: CliCommand): void {
  addRule(close)
    .option("--reason <REASON>", "true-positive, false-positive, benign, duplicate, or other with a text", "")
    .option("--all", "every one that is not closed, of --rule, --host, --since, --until", false)
    .option("--host <ID>", "with --all: of this host", "")
    .example("alert close ID --reason false-positive --text 'nightly backup'", "what it was")
    .example("alert close --all --rule KEY --reason benign", "all of one rule");
  addRange(close);
  asks(close, async ({ clients, output }, ids, options: CloseOptions) => {
    const { all, rule, host: hostId, reason, text } = options;
    if (!all) return await commands.workOnAlerts(clients.alerts, "close", ids, { reason, text }, output);
    if (ids.length > 0) throw new Error("alert close takes ids, or --all, not both");
    const about = { ruleKey: oneRule(rule), hostId, ...sinceOf(options) };
    await commands.closeAlerts(clients.alerts, { ...about, reason, text }, output);
  });
}

interface SuppressionOptions {
  kind: string;
  rule: string[];
  host: string;
  label: string[];
  tag: string[];
  filter: string;
  reason: string;
  expires: string;
}

function addSuppression(command: CliCommand): CliCommand {
  return addRule(command)
    .option("--kind <KIND>", "exception: no alert; silence: an alert of which nobody is told", "exception")
    .option("--host <ID>", "on this host", "")
    .option("--label <KEY=VALUE>", "on hosts with this label; again for more", collect, [])
    .option("--tag <KEY=VALUE>", "on hosts with this tag of their cloud; again for more", collect, [])
    .option("--filter <FILTER>", "events that match it", "")
    .option("--reason <TEXT>", "why", "")
    .option("--expires <DURATION>", "how long it holds, as 7d", "");
}

function suppressionOf({ rule: rules, host: hostId, label: labels, tag: tags, ...rest }: SuppressionOptions) {
  return { ...rest, rules, hostId, labels, tags };
}

function defineSuppressions(suppression: CliCommand): void {
  const create = addSuppression(suppression.command("create").description("make one"))
    .option("--allow-true-positives", "also where it would have hidden alerts that were right", false)
    .example(
      "suppression create --rule KEY --filter 'process.executable = /opt/backup/run' --reason backup --expires 90d",
      "a nightly job",
    );
  asks(create, ({ clients, output }, _, options: SuppressionOptions & { allowTruePositives: boolean }) => {
    const { allowTruePositives, ...rest } = options;
    return commands.createSuppression(clients.alerts, suppressionOf(rest), allowTruePositives, output);
  });
  const preview = addSuppression(
    suppression.command("preview").description("what one with these options would have hidden"),
  );
  preview.addOption(new Option("--days <N>", "of the last days").argParser(wholeNumber("--days")).default(7));
  asks(preview, ({ clients, output }, _, { days, ...rest }: SuppressionOptions & { days: number }) =>
    commands.previewSuppression(clients.alerts, suppressionOf(rest), days, output),
  );
  const list = suppression.command("list").description("those in force, and what they hid");
  list.option("--expired", "also those that have ended", false);
  asks(list, ({ clients, output }, _, { expired }: { expired: boolean }) =>
    commands.listSuppressions(clients.alerts, expired, output),
  );
  const expire = suppression.command("expire").description("end one").argument("<ID>", "its id");
  asks(expire, ({ clients, output }, [id = ""]) => commands.expireSuppression(clients.alerts, id, output));
}
