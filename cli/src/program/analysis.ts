/** `hosttrail tree`, `timeline`, `top`, `count` and `report`. */
import { Argument, Option } from "commander";
import { parseColumns } from "../columns.ts";
import * as commands from "../commands/index.ts";
import { oneHost, parseBudget, scopeOf, timeAt } from "../question/index.ts";
import { parseDuration } from "../time.ts";
import {
  addQuestion,
  addShowing,
  type Order,
  orderBy,
  orderOption,
  type QuestionOptions,
  questionOf,
  type ShowingOptions,
  typed,
} from "./ask.ts";
import { type CliCommand, UsageError } from "./command.ts";
import { addRange, budgetOption, collect, limitOption, type RangeOptions, timeOption, wholeNumber } from "./options.ts";
import { sinceOf } from "./range.ts";
import { type AskingWork, asks } from "./runtime.ts";

export function defineAnalysis(program: CliCommand): void {
  program.commandsGroup("What events say together:");
  defineTree(program);
  defineTimeline(program);
  defineTop(program);
  defineCount(program);
  defineReport(program);
}

interface TreeOptions {
  event?: string;
  alert?: string;
  entity?: string;
  pid?: number;
  host?: string;
  at?: string;
  before?: string;
  after?: string;
  limit: number;
  budget?: string;
}

function defineTree(program: CliCommand): void {
  const kinds = ["event", "alert", "entity", "pid"] as const;
  const others = (own: string): string[] => kinds.filter((kind) => kind !== own);
  const tree = program
    .command("tree")
    .description("a process with all above it up to its session's first, and all below it")
    .addOption(new Option("--event <ID>", "the process of this event").conflicts(others("event")))
    .addOption(new Option("--alert <ID>", "that of this alert's first event").conflicts(others("alert")))
    .addOption(new Option("--entity <ID>", "the one with this process.entity_id").conflicts(others("entity")))
    .addOption(
      new Option("--pid <PID>", "the one with this number, on --host, --at a time")
        .argParser(wholeNumber("--pid", 0xffff_ffff))
        .conflicts(others("pid")),
    )
    .option("--host <HOST>", "its host, by name or id")
    .addOption(
      timeOption("--at <TIME>", "the moment that is looked at (default: that of the event or alert, else now)"),
    )
    .option("--before <DURATION>", "how far before that events are looked for (default 1d)")
    .option("--after <DURATION>", "how far after it (default 1h)")
    .addOption(new Option("--limit <N>", "processes").argParser(wholeNumber("--limit", 5000)).default(500))
    .addOption(budgetOption())
    .example("tree --alert ID", "the story of an alert, from login to socket")
    .example("tree --pid 4711 --host web1 --at '2026-01-31 12:00'", "a process that has long ended");
  asks(tree, async (work, _, options: TreeOptions) => {
    const { limit } = options;
    const budget = typed(() => parseBudget(options.budget));
    const asked = { ...(await processOf(work, options)), ...around(options), limit, budget };
    await commands.tree(work.clients.analysis, asked, work.output);
  });
}

async function processOf({ clients, signal }: AskingWork, options: TreeOptions) {
  const { event, alert, entity, pid, host, at } = options;
  if (event === undefined && alert === undefined && entity === undefined && pid === undefined)
    throw new UsageError("which process? give --event, --alert, --entity or --pid");
  if (pid !== undefined && host === undefined) throw new UsageError("--pid is of one host: give --host");
  if (at !== undefined && at.trim() === "boot" && host === undefined) throw new UsageError("boot is of one --host");
  const hostId = host === undefined ? "" : await oneHost(clients.query, host);
  const time = at === undefined ? undefined : await timeAt(clients.query, hostId, at, signal);
  return { process: whichOf(options), hostId, time };
}

function whichOf({ event, alert, entity, pid }: Pick<TreeOptions, "event" | "alert" | "entity" | "pid">) {
  if (event !== undefined) return { $case: "eventId", value: event } as const;
  if (alert !== undefined) return { $case: "alertId", value: alert } as const;
  if (entity !== undefined) return { $case: "entityId", value: entity } as const;
  return { $case: "pid", value: pid ?? 0 } as const;
}

function around({ before, after }: TreeOptions) {
  const seconds = (option: string, text: string | undefined): bigint =>
    text === undefined ? 0n : BigInt(typed(() => parseDuration(option, text)));
  return { beforeSeconds: seconds("--before", before), afterSeconds: seconds("--after", after) };
}

interface TimelineOptions extends RangeOptions {
  host: string;
  kinds: string;
  limit: number;
  fold: boolean;
  budget?: string;
}

function defineTimeline(program: CliCommand): void {
  const timeline = program
    .command("timeline")
    .description("what a host's events tell as a story: logins, programs, files, connections, alerts")
    .argument("[FILTER]", "only what these events tell", "")
    .requiredOption("--host <HOST>", "which host, by name or id")
    .option("--kinds <KINDS>", `only some of ${commands.KIND_NAMES.join(",")}`, "")
    .addOption(new Option("--limit <N>", "lines").argParser(wholeNumber("--limit", 10_000)).default(1000))
    .option("--no-fold", "each look for a program along PATH on a line of its own")
    .addOption(budgetOption())
    .example("timeline --host web1 --since '2026-01-31 11:55' --until '2026-01-31 12:10'", "around an incident");
  addRange(timeline, " (default 1h)");
  asks(timeline, async ({ clients, output, signal }, [filter = ""], options: TimelineOptions) => {
    const { host, limit, fold } = options;
    const kinds = typed(() => commands.parseKinds(options.kinds));
    const budget = typed(() => parseBudget(options.budget));
    const hostId = await oneHost(clients.query, host);
    const about = { ...sinceOf(options), host: [hostId], instance: [], label: [] };
    const { startTime, endTime } = await scopeOf(clients.query, about, signal);
    const asked = { hostId, startTime, endTime, filter, kinds, limit, budget };
    await commands.timeline(clients.analysis, asked, fold, output);
  });
}

interface GroupOptions extends QuestionOptions {
  limit: number;
  metric: string[];
}

export function addMetric(command: CliCommand): CliCommand {
  return command.option(
    "--metric <METRIC>",
    "what else is worked out, as distinct:user.name, min:, max:, sum:, average:; again for more",
    collect,
    [],
  );
}

/** Fields come first; what is none of their form is the filter. */
const FIELD = /^[A-Za-z_]+(?:\.[A-Za-z0-9_]+)+$/;
const GROUP_FIELDS_MAX = 4;

function defineTop(program: CliCommand): void {
  const top = addMetric(
    addQuestion(
      program
        .command("top")
        .description("the most frequent values of fields")
        .argument("<FIELD...>", "one to four fields, and behind them a FILTER"),
    ),
  )
    .addOption(limitOption(10, "so many groups"))
    .example("top process.executable 'event.action = executed' --last 1d", "what ran most")
    .example("top user.name source.ip 'event.category = authentication AND event.outcome = failure'", "who fails");
  asks(top, async (work, words, options: GroupOptions) => {
    const isFilter = words.length > 1 && !FIELD.test(words.at(-1) ?? "");
    const groupBy = isFilter ? words.slice(0, -1) : words;
    const wrong = groupBy.find((word) => !FIELD.test(word));
    if (wrong !== undefined) throw new UsageError(`"${wrong}" is no field; the filter comes last, in quotes`);
    await showGroups(work, isFilter ? (words.at(-1) ?? "") : "", { groupBy, intervalSeconds: 0 }, options);
  });
}

interface Grouping {
  groupBy: readonly string[];
  intervalSeconds: number;
}

async function showGroups(
  work: AskingWork,
  filter: string,
  { groupBy, intervalSeconds }: Grouping,
  options: GroupOptions,
): Promise<void> {
  if (groupBy.length > GROUP_FIELDS_MAX)
    throw new UsageError(`${groupBy.length} fields; at most ${GROUP_FIELDS_MAX} can be counted together`);
  for (const metric of options.metric) typed(() => commands.parseMetric(metric));
  const { limit, metric: metrics } = options;
  const asked = { ...(await questionOf(work, options)), filter, groupBy, intervalSeconds, metrics, limit };
  await commands.showAggregate(work.clients.analysis, asked, work.signal, work.output);
}

interface CountOptions extends GroupOptions {
  by: string[];
  every?: string;
}

export function secondsOf(every: string | undefined): number {
  if (every === undefined) return 0;
  const seconds = typed(() => parseDuration("--every", every));
  if (seconds === 0) throw new UsageError("--every must be at least 1s");
  return seconds;
}

function defineCount(program: CliCommand): void {
  const count = addMetric(
    addQuestion(
      program.command("count").description("how many events there are").argument("[FILTER]", "which events", ""),
    ),
  )
    .option("--by <FIELD>", "for each value of this field; again for more", collect, [])
    .option("--every <DURATION>", "as bars over time, one for so long")
    .addOption(limitOption(10, "so many groups"))
    .example("count 'event.outcome = failure' --last 1d --every 1h", "when it failed")
    .example("count --by event.category --last 1h", "what there is");
  asks(count, async (work, [filter = ""], options: CountOptions) => {
    const grouping = { groupBy: options.by, intervalSeconds: secondsOf(options.every) };
    if (grouping.intervalSeconds > 0 && options.since === undefined && options.last === undefined)
      throw new UsageError("--every needs to know from when on: give --since or --last");
    await showGroups(work, filter, grouping, options);
  });
}

interface ReportOptions extends QuestionOptions, ShowingOptions {
  summary: boolean;
  filter: string;
  limit: number;
  order: Order;
}

function defineReport(program: CliCommand): void {
  const report = addShowing(
    addQuestion(program.command("report").description("the reports that users of aureport know"))
      .addArgument(
        new Argument("[NAME]", "which one")
          .choices(["summary", ...commands.REPORTS.map(({ name }) => name)])
          .default("summary"),
      )
      .option("--summary", "how often each value occurs, instead of the events", false)
      .option("--filter <FILTER>", "only of these events", "")
      .addOption(limitOption(100, "at most so many events or groups"))
      .addOption(orderOption("oldest")),
  )
    .note(
      `Each is a search, or with --summary a count by fields:\n${commands.REPORTS.map(({ name, about, filter, groupBy }) => `  ${name}: ${about}: ${filter || "all events"}, by ${groupBy.join(", ")}`).join("\n")}`,
    )
    .example("report --last 1d", "how many of what there were")
    .example("report login --summary --since this-month", "who logged in, and from where");
  asks(report, runReport);
}

async function runReport(
  work: AskingWork,
  [name = "summary"]: readonly string[],
  options: ReportOptions,
): Promise<void> {
  const { clients, signal, output } = work;
  const asked = await questionOf(work, options);
  if (name === "summary")
    return await commands.reportSummary(clients.analysis, { ...asked, filter: options.filter }, signal, output);
  const { filter, groupBy, columns } = commands.reportNamed(name);
  const about = { ...asked, filter: commands.bothFilters(filter, options.filter), limit: options.limit };
  if (options.summary) {
    const counted = { ...about, groupBy, intervalSeconds: 0, metrics: [] };
    return await commands.showAggregate(clients.analysis, counted, signal, output);
  }
  const shown = { columns: typed(() => parseColumns(options.columns ?? columns)), fold: options.fold };
  const search = { ...about, orderBy: orderBy(options.order), resume: "" };
  await commands.search(clients.query, search, shown, signal, output);
}
