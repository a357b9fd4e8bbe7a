/** Commands about alerts and rules, by their words. */
import type { Clients } from "./clients.ts";
import * as commands from "./commands/index.ts";

/** Options of these commands; hosttrail(1) says what each means. */
export const ALERTING_OPTIONS = {
  state: { type: "string", default: "open,acknowledged" },
  severity: { type: "string", default: "" },
  rule: { type: "string", multiple: true, default: [] as string[] },
  ruleset: { type: "string", default: "" },
  assignee: { type: "string", default: "" },
  watch: { type: "boolean", default: false },
  text: { type: "string", default: "" },
  all: { type: "boolean", default: false },
  kind: { type: "string", default: "exception" },
  filter: { type: "string", default: "" },
  expires: { type: "string", default: "" },
  days: { type: "string", default: "7" },
  expired: { type: "boolean", default: false },
  "allow-true-positives": { type: "boolean", default: false },
  "allow-rejected": { type: "boolean", default: false },
  disabled: { type: "boolean", default: false },
  description: { type: "string", default: "" },
} as const;

/** What was given, of these options and of those that others have, too. */
interface Values {
  state: string;
  severity: string;
  rule: readonly string[];
  ruleset: string;
  assignee: string;
  watch: boolean;
  text: string;
  all: boolean;
  kind: string;
  filter: string;
  expires: string;
  days: string;
  expired: boolean;
  "allow-true-positives": boolean;
  "allow-rejected": boolean;
  disabled: boolean;
  description: string;
  host: string;
  since?: string | undefined;
  until?: string | undefined;
  limit: string;
  reason: string;
  label: readonly string[];
  tag: readonly string[];
}

interface AlertingWork {
  clients: Clients;
  values: Values;
  output: commands.Output;
  signal: AbortSignal;
}

interface AlertingCommand {
  run: (work: AlertingWork, words: readonly string[]) => Promise<void>;
  /** Words that follow, at most. */
  wordsMax: number;
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${option} is "${text}"; it must be a whole number from 1`);
  return value;
}

/** One rule, where several cannot be asked for. */
function oneRule({ rule }: Values): string {
  if (rule.length > 1) throw new Error("--rule may be given once here");
  return rule[0] ?? "";
}

function suppressionOptions(values: Values): commands.SuppressionOptions {
  const { kind, rule: rules, host: hostId, label: labels, tag: tags, filter, reason, expires } = values;
  return { kind, rules, hostId, labels, tags, filter, reason, expires };
}

/** Ids that follow, of which none may be forgotten. */
const ANY_NUMBER = 1000;

const ALERTS: Readonly<Record<string, AlertingCommand>> = {
  alerts: {
    wordsMax: 0,
    run: async ({ clients, values, output, signal }) => {
      const { state, severity, host: hostId, ruleset, assignee, since, until, watch, limit } = values;
      if (watch) return await commands.watchAlerts(clients.alerts, { severity, hostId }, signal, output);
      const about = { state, severity, hostId, ruleset, assignee, since, until };
      const options = { ...about, ruleKey: oneRule(values), limit: wholeNumber("--limit", limit) };
      await commands.alerts(clients.alerts, options, output);
    },
  },
  "alert show": {
    wordsMax: 1,
    run: ({ clients, output }, [id = ""]) => commands.showAlert(clients.alerts, id, output),
  },
  "alert ack": {
    wordsMax: ANY_NUMBER,
    run: ({ clients, values: { text }, output }, ids) =>
      commands.workOnAlerts(clients.alerts, "ack", ids, { text }, output),
  },
  "alert close": {
    wordsMax: ANY_NUMBER,
    run: async ({ clients, values, output }, ids) => {
      const { all, host: hostId, since, until, reason, text } = values;
      if (!all) return await commands.workOnAlerts(clients.alerts, "close", ids, { reason, text }, output);
      if (ids.length > 0) throw new Error("alert close takes ids, or --all, not both");
      const about = { ruleKey: oneRule(values), hostId, since, until };
      await commands.closeAlerts(clients.alerts, { ...about, reason, text }, output);
    },
  },
  "alert reopen": {
    wordsMax: ANY_NUMBER,
    run: ({ clients, values: { text }, output }, ids) =>
      commands.workOnAlerts(clients.alerts, "reopen", ids, { text }, output),
  },
  "alert assign": {
    wordsMax: ANY_NUMBER,
    run: ({ clients, values: { assignee }, output }, ids) =>
      commands.workOnAlerts(clients.alerts, "assign", ids, { assignee }, output),
  },
  "alert comment": {
    wordsMax: ANY_NUMBER,
    run: ({ clients, values: { text }, output }, ids) =>
      commands.workOnAlerts(clients.alerts, "comment", ids, { text }, output),
  },
  "suppression list": {
    wordsMax: 0,
    run: ({ clients, values, output }) => commands.listSuppressions(clients.alerts, values.expired, output),
  },
  "suppression create": {
    wordsMax: 0,
    run: ({ clients, values, output }) =>
      commands.createSuppression(clients.alerts, suppressionOptions(values), values["allow-true-positives"], output),
  },
  "suppression expire": {
    wordsMax: 1,
    run: ({ clients, output }, [id = ""]) => commands.expireSuppression(clients.alerts, id, output),
  },
  "suppression preview": {
    wordsMax: 0,
    run: ({ clients, values, output }) =>
      commands.previewSuppression(
        clients.alerts,
        suppressionOptions(values),
        wholeNumber("--days", values.days),
        output,
      ),
  },
};

const RULES: Readonly<Record<string, AlertingCommand>> = {
  "rules list": {
    wordsMax: 0,
    run: ({ clients, values, output }) => commands.listRules(clients.rules, values.ruleset, output),
  },
  "rules show": {
    wordsMax: 1,
    run: ({ clients, output }, [key = ""]) => commands.showRule(clients.rules, key, output),
  },
  "rules enable": {
    wordsMax: 1,
    run: ({ clients, output }, [key = ""]) => commands.updateRule(clients.rules, key, { enabled: true }, output),
  },
  "rules disable": {
    wordsMax: 1,
    run: ({ clients, output }, [key = ""]) => commands.updateRule(clients.rules, key, { enabled: false }, output),
  },
  "rules severity": {
    wordsMax: 2,
    run: ({ clients, output }, [key = "", severity = ""]) =>
      commands.updateRule(clients.rules, key, { severity }, output),
  },
  "ruleset list": { wordsMax: 0, run: ({ clients, output }) => commands.listRulesets(clients.rules, output) },
  "ruleset show": {
    wordsMax: 1,
    run: ({ clients, output }, [name = ""]) => commands.showRuleset(clients.rules, name, output),
  },
  "ruleset put": {
    wordsMax: 2,
    run: ({ clients, values, output }, [name = "", path = ""]) => {
      const { description, label: labels, tag: tags, disabled, "allow-rejected": allowRejected } = values;
      const options = { path, description, labels, tags, disabled, allowRejected };
      return commands.putRuleset(clients.rules, name, options, output);
    },
  },
  "ruleset enable": {
    wordsMax: 1,
    run: ({ clients, output }, [name = ""]) => commands.enableRuleset(clients.rules, name, true, output),
  },
  "ruleset disable": {
    wordsMax: 1,
    run: ({ clients, output }, [name = ""]) => commands.enableRuleset(clients.rules, name, false, output),
  },
  "ruleset delete": {
    wordsMax: 1,
    run: ({ clients }, [name = ""]) => commands.deleteRuleset(clients.rules, name),
  },
};

export const ALERTING_COMMANDS: Readonly<Record<string, AlertingCommand>> = { ...ALERTS, ...RULES };

export const ALERTING_USAGE = `  alerts                        list alerts, newest first
    --state STATES                open,acknowledged (the default), closed, or all
    --severity LEVEL              as bad, or worse: informational, low, medium, high, critical
    --host ID --rule KEY --ruleset NAME --assignee NAME
    --since TIME --until TIME --limit N
    --watch                       show changes as they happen instead, by --severity and --host
  alert show ID                 one alert: its rule, its history, its events and who started their processes
  alert ack ID…                 somebody looks at it; --text NOTE for the history
  alert close ID… --reason REASON [--text TEXT]
                                true-positive, false-positive, benign, duplicate, or other with a text
  alert close --all --reason REASON
                                every one that is not closed, of --rule KEY, --host ID, --since, --until
  alert reopen ID…, alert comment ID… --text TEXT
  alert assign ID… --assignee NAME
  suppression create            hide what is known to be right, for a while
    --kind exception|silence      no alert (the default), or an alert of which nobody is told
    --rule KEY --host ID --label KEY=VALUE --tag KEY=VALUE --filter FILTER
    --reason TEXT --expires 7d    why, and until when
    --allow-true-positives        also where it would have hidden alerts that were right
  suppression preview           what one with these options would have hidden, in the last --days N (default 7)
  suppression list [--expired], suppression expire ID

  rules list [--ruleset NAME]   the collector's rules, their alerts of 30 days and how many of them were right
  rules show KEY                one of them, with its text
  rules enable KEY, rules disable KEY
  rules severity KEY LEVEL      how bad it is here; author for what the rule says
  ruleset list, ruleset show NAME
  ruleset put NAME DIR          make or replace a ruleset by the rule files of a folder
    --label KEY=VALUE --tag KEY=VALUE
                                  only for hosts with this label, or this tag of their cloud; again for more
    --description TEXT --disabled
    --allow-rejected              also where some rules cannot be used
  ruleset enable NAME, ruleset disable NAME, ruleset delete NAME
`;
