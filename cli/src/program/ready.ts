/** `hosttrail questions` and `hosttrail ask`: questions that are ready to ask. */
import * as commands from "../commands/index.ts";
import { filterOf, LibraryError, QUESTIONS, type ReadyQuestion, readyQuestion } from "../library/index.ts";
import {
  addQuestion,
  addShowing,
  orderBy,
  questionOf,
  type QuestionOptions,
  type ShowingOptions,
  showingOf,
} from "./ask.ts";
import { type CliCommand, UsageError } from "./command.ts";
import { limitOption } from "./options.ts";
import { type AskingWork, asks, runs } from "./runtime.ts";

const GROUPS = 20;

interface AskOptions extends QuestionOptions, ShowingOptions {
  limit?: number;
}

export function defineReady(program: CliCommand): void {
  const questions = program.command("questions").description("list the questions that are ready to ask");
  runs(questions, ({ output }) => {
    const rows = [["NAME", "VALUES", "LAST", "QUESTION"]];
    for (const { name, parameters = [], last, title } of QUESTIONS)
      rows.push([name, parameters.map((each) => each.name.toUpperCase()).join(" "), last, title]);
    if (output.json) for (const question of QUESTIONS) output.print(`${JSON.stringify(question)}\n`);
    else output.print(output.table(rows));
  });
  const ask = addShowing(
    addQuestion(
      program
        .command("ask")
        .description("ask one that is ready: what people ask of audit data again and again")
        .argument("<NAME>", "its name; hosttrail questions lists them")
        .argument("[VALUE...]", "what it asks for"),
      " (default: the question's own)",
    ),
  )
    .addOption(limitOption(undefined, "at most so many events or groups"))
    .example("ask changed-sudoers", "who changed who may use sudo")
    .example("ask talked-to 203.0.113.0/24 --last 7d", "which hosts talked to a network")
    .example("ask did-login alice --host web1", "what a login did on one host");
  asks(ask, async (work, [name = "", ...values], options: AskOptions) => {
    const { question, filter } = understood(name, values);
    const hasTimes = options.since !== undefined || options.until !== undefined || options.last !== undefined;
    const asked = await questionOf(work, hasTimes ? options : { ...options, last: question.last });
    await (question.kind === "count"
      ? countOf(work, question, { ...asked, filter }, options)
      : searchOf(work, question, { ...asked, filter }, options));
  });
}

function understood(name: string, values: readonly string[]): { question: ReadyQuestion; filter: string } {
  try {
    const question = readyQuestion(name);
    return { question, filter: filterOf(question, values) };
  } catch (error) {
    if (!(error instanceof LibraryError)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

type Asked = Awaited<ReturnType<typeof questionOf>> & { filter: string };

async function searchOf(
  { clients, signal, output }: AskingWork,
  { order, limit }: Extract<ReadyQuestion, { kind: "search" }>,
  asked: Asked,
  options: AskOptions,
): Promise<void> {
  const isEnough = limit === 1 && options.limit === undefined;
  const found = { ...asked, limit: options.limit ?? limit, orderBy: orderBy(order), resume: "", isEnough };
  await commands.search(clients.query, found, showingOf(options), signal, output);
}

async function countOf(
  { clients, signal, output }: AskingWork,
  { by }: Extract<ReadyQuestion, { kind: "count" }>,
  asked: Asked,
  options: AskOptions,
): Promise<void> {
  const counted = { ...asked, groupBy: [...by], intervalSeconds: 0, metrics: [], limit: options.limit ?? GROUPS };
  await commands.showAggregate(clients.analysis, counted, signal, output);
}
