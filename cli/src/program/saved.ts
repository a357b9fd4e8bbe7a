/** `hosttrail query`: questions under a name. */
import { AggregateEventsRequest, GetTimelineRequest } from "@hosttrail/proto/analysis";
import { SavedQuery, StreamSearchRequest } from "@hosttrail/proto/query";
import * as commands from "../commands/index.ts";
import { askedHosts, oneHost, parseBudget, scopeOf } from "../question/index.ts";
import { parseDuration } from "../time.ts";
import { addMetric, secondsOf } from "./analysis.ts";
import {
  aboutOf,
  addQuestion,
  addShowing,
  type Order,
  orderBy,
  orderOption,
  type QuestionOptions,
  type ShowingOptions,
  showingOf,
  typed,
} from "./ask.ts";
import { type CliCommand, UsageError } from "./command.ts";
import { collect, limitOption } from "./options.ts";
import { sinceOf } from "./range.ts";
import { type AskingWork, asks } from "./runtime.ts";

interface SaveOptions extends QuestionOptions {
  description: string;
  by: string[];
  every?: string;
  metric: string[];
  order?: Order;
  timeline: boolean;
  limit: number;
}

export function defineSaved(program: CliCommand): void {
  const query = program.command("query").description("questions that are kept under a name, for all who may search");
  const save = addMetric(
    addQuestion(
      query
        .command("save")
        .description("keep a question: a search, or a count with --by, --every or --metric, or a --timeline")
        .argument("<NAME>", "a-z, 0-9 and -")
        .argument("[FILTER]", "which events", ""),
    ),
  )
    .option("--description <TEXT>", "what it is for", "")
    .option("--by <FIELD>", "count by this field; again for more", collect, [])
    .option("--every <DURATION>", "count over time, as bars of so long")
    .option("--timeline", "the timeline of one --host", false)
    .addOption(orderOption())
    .addOption(limitOption(100, "at most so many events or groups"))
    .note(
      "--last is kept as such: the question is always of the last days. Other times are kept as the moments that they are now.",
    )
    .example("query save failed-logins 'event.category = authentication AND event.outcome = failure' --last 1d", "one");
  asks(save, async (work, [name = "", filter = ""], options: SaveOptions) => {
    await commands.saveQuery(work.clients.query, await queryOf(work, name, filter, options), work.output);
  });
  asks(query.command("list").description("list them"), ({ clients, output }) =>
    commands.listQueries(clients.query, output),
  );
  const run = addShowing(addQuestion(query.command("run").description("ask one").argument("<NAME>", "its name"))).note(
    "Times and hosts that are given take the place of those that are kept.",
  );
  asks(run, runSaved);
  asks(query.command("delete").description("forget one").argument("<NAME>", "its name"), ({ clients }, [name = ""]) =>
    commands.deleteQuery(clients.query, name),
  );
}

async function queryOf(work: AskingWork, name: string, filter: string, options: SaveOptions): Promise<SavedQuery> {
  const { clients, signal } = work;
  const { last, description, limit, by: groupBy, metric, order } = options;
  const about = { ...aboutOf(options), ...(last === undefined ? {} : { since: undefined }) };
  const { hosts, startTime, endTime } = await scopeOf(clients.query, about, signal);
  const budget = typed(() => parseBudget(options.budget));
  const sinceSeconds = last === undefined ? 0n : BigInt(typed(() => parseDuration("--last", last)));
  const asked = { filter, startTime, endTime, budget };
  const interval = secondsOf(options.every);
  const base = { name, description, sinceSeconds };
  const metrics = metric.map((text) => typed(() => commands.parseMetric(text)));
  const isCount = groupBy.length > 0 || interval > 0 || metrics.length > 0;
  if (order !== undefined && (isCount || options.timeline))
    throw new UsageError("--order is of a search: it does not go with --by, --every, --metric and --timeline");
  if (options.timeline) {
    if (isCount) throw new UsageError("--timeline does not go with --by, --every and --metric");
    if (options.host.length !== 1) throw new UsageError("--timeline is of one --host");
    const hostId = await oneHost(clients.query, options.host[0] ?? "");
    const value = GetTimelineRequest.fromPartial({ ...asked, hostId, limit });
    return SavedQuery.fromPartial({ ...base, question: { $case: "timeline", value } });
  }
  if (isCount) {
    const counted = { ...asked, hosts, groupBy, metrics, intervalSeconds: BigInt(interval), limit };
    const value = AggregateEventsRequest.fromPartial(counted);
    return SavedQuery.fromPartial({ ...base, question: { $case: "aggregate", value } });
  }
  const inOrder = order === undefined ? {} : { orderBy: orderBy(order) };
  const value = StreamSearchRequest.fromPartial({ ...asked, hosts, ...inOrder, limit: BigInt(limit) });
  return SavedQuery.fromPartial({ ...base, question: { $case: "search", value } });
}

/** Asks a kept question; what is given now goes before what is kept. */
async function runSaved(
  work: AskingWork,
  [name = ""]: readonly string[],
  options: QuestionOptions & ShowingOptions,
): Promise<void> {
  const { clients, signal, output } = work;
  const showing = showingOf(options);
  const { question, sinceSeconds } = await commands.savedQuery(clients.query, name);
  if (question === undefined) throw new Error(`"${name}" is a question that this version does not know`);
  const asked = { filter: question.value.filter, ...(await givenOr(work, options, question.value, sinceSeconds)) };
  if (question.$case === "timeline") {
    const { hostId: keptHost, kinds, limit } = question.value;
    const hostId = options.host[0] === undefined ? keptHost : await oneHost(clients.query, options.host[0]);
    return await commands.timeline(clients.analysis, { ...asked, hostId, kinds, limit }, options.fold, output);
  }
  const hosts = (await askedHosts(clients.query, options)) ?? question.value.hosts;
  if (question.$case === "aggregate") {
    const { groupBy, intervalSeconds, limit } = question.value;
    const metrics = question.value.metrics.map(commands.metricName);
    const counted = { ...asked, hosts, groupBy, intervalSeconds: Number(intervalSeconds), metrics, limit };
    return await commands.showAggregate(clients.analysis, counted, signal, output);
  }
  const { limit, orderBy } = question.value;
  const found = { ...asked, hosts, limit: Number(limit), orderBy, resume: "" };
  await commands.search(clients.query, found, showing, signal, output);
}

/** Times and budget: those that are given, else those that are kept. */
async function givenOr(
  { clients, signal }: AskingWork,
  options: QuestionOptions,
  kept: Pick<StreamSearchRequest, "startTime" | "endTime" | "budget">,
  sinceSeconds: bigint,
): Promise<Pick<StreamSearchRequest, "startTime" | "endTime" | "budget">> {
  const given = sinceOf(options);
  const hasTimes = given.since !== undefined || given.until !== undefined;
  const since = sinceSeconds > 0n ? `${sinceSeconds}s` : undefined;
  const about = { ...aboutOf(options), ...(hasTimes ? given : { since, until: undefined }) };
  const { startTime, endTime } = await scopeOf(clients.query, about, signal);
  const budget = options.budget === undefined ? kept.budget : typed(() => parseBudget(options.budget));
  if (hasTimes) return { startTime, endTime, budget };
  return { startTime: startTime ?? kept.startTime, endTime: endTime ?? kept.endTime, budget };
}
