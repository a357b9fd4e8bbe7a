/** `hosttrail search`, `tail`, `get`, `explain`, `export`, `hosts`, `host` and `diff`. */
import { Option } from "commander";
import * as commands from "../commands/index.ts";
import { askedHosts, oneHost, parseBudget, timeAt } from "../question/index.ts";
import { defineHostIdentity } from "./access.ts";
import {
  aboutOf,
  addQuestion,
  addShowing,
  type Order,
  orderBy,
  orderOption,
  type QuestionOptions,
  questionOf,
  type ShowingOptions,
  showingOf,
  typed,
} from "./ask.ts";
import { type CliCommand, UsageError } from "./command.ts";
import { addHosts, budgetOption, type HostOptions, limitOption, timeOption, wholeNumber } from "./options.ts";
import { asks } from "./runtime.ts";

export function defineEvents(program: CliCommand): void {
  program.commandsGroup("Events:");
  defineSearch(program);
  defineTail(program);
  const get = program
    .command("get")
    .description("show one event")
    .argument("<ID>", "the event's id")
    .option("--raw", "as the kernel wrote it", false);
  asks(get, ({ clients, output }, [id = ""], { raw }: { raw: boolean }) =>
    commands.get(clients.query, id, raw, output),
  );
  defineExplain(program);
  defineExport(program);
}

interface SearchOptions extends QuestionOptions, ShowingOptions {
  limit: number;
  order: Order;
  resume: string;
}

function defineSearch(program: CliCommand): void {
  const search = addQuestion(
    program.command("search").description("find events").argument("[FILTER]", "which events", ""),
  )
    .addOption(limitOption(100, "at most so many events"))
    .addOption(orderOption("newest"))
    .option("--resume <TOKEN>", "go on where an answer ended, with the same other options", "")
    .example("search 'process.name = curl AND destination.port = 443' --since 1h", "who spoke to a web server")
    .example("search 'file.path = \"/etc/*\" AND event.outcome = success' --host web1 --last 2d", "on one host")
    .example(
      "search 'process.name = sudo -user.name = root' --order oldest --columns +process.parent.name",
      "not by root",
    );
  addShowing(search);
  asks(search, async (work, [filter = ""], options: SearchOptions) => {
    const { limit, order, resume } = options;
    const showing = showingOf(options);
    const asked = { ...(await questionOf(work, options)), filter, limit, orderBy: orderBy(order), resume };
    await commands.search(work.clients.query, asked, showing, work.signal, work.output);
  });
}

function defineTail(program: CliCommand): void {
  const tail = program
    .command("tail")
    .description("show events as they arrive")
    .argument("[FILTER]", "which events", "")
    .example("tail 'event.action = connected-to'", "connections as they are made");
  addHosts(tail);
  addShowing(tail);
  asks(tail, async (work, [filter = ""], options: HostOptions & ShowingOptions) => {
    const { clients, output, signal, goesOn } = work;
    goesOn();
    const showing = showingOf(options);
    const hosts = await askedHosts(clients.query, aboutOf(options));
    await commands.tail(clients.query, { filter, hosts }, showing, signal, output);
  });
}

function defineExplain(program: CliCommand): void {
  const explain = addQuestion(
    program
      .command("explain")
      .description("how a filter is understood, and what answering it takes")
      .argument("[FILTER]", "which events", ""),
  )
    .option("--analyze", "also search, and say what was found and how long each step took", false)
    .note("OR binds tighter than AND: a AND b OR c is a AND (b OR c). The filter is shown with all its parentheses.")
    .example("explain 'user.name = root AND process.name = sh OR process.name = bash' --last 7d", "what is asked");
  asks(explain, async (work, [filter = ""], options: QuestionOptions & { analyze: boolean }) => {
    const asked = { ...(await questionOf(work, options)), filter, analyze: options.analyze };
    await commands.explain(work.clients.query, asked, work.output);
  });
}

interface ExportOptions extends QuestionOptions {
  format: string;
  output: string;
  fields: string;
  limit?: number;
  order: Order;
}

function defineExport(program: CliCommand): void {
  const command = addQuestion(
    program.command("export").description("events as a file").argument("[FILTER]", "which events", ""),
  )
    .addOption(new Option("--format <FORMAT>", "of what kind").choices(commands.FORMAT_NAMES).default("jsonl"))
    .option("--output <FILE>", "the file, which is there when it is whole (default: standard output)", "")
    .option("--fields <FIELDS>", "of csv and parquet: the columns, as host.name,process.name", "")
    .addOption(new Option("--limit <N>", "at most so many events").argParser(wholeNumber("--limit")))
    .addOption(orderOption("oldest"))
    .example("export 'event.category = authentication' --last 30d --format csv --output logins.csv", "for a table")
    .example("export --host web1 --since 2026-01-31 --until 2026-02-01 --format parquet --output day.parquet", "a day");
  asks(command, async (work, [filter = ""], options: ExportOptions) => {
    const { format, output: path, limit = 0, order } = options;
    const fields = options.fields === "" ? [] : options.fields.split(",").map((name) => name.trim());
    if (fields.length > 0 && format !== "csv" && format !== "parquet")
      throw new UsageError(`--fields goes with --format csv and parquet, not with ${format}`);
    const asked = { ...(await questionOf(work, options)), filter, fields, limit, orderBy: orderBy(order) };
    await commands.exportEvents(work.clients.query, { ...asked, format, path }, work.signal, work.output);
  });
}

export function defineHosts(program: CliCommand): void {
  program.commandsGroup("Hosts:");
  const hosts = program
    .command("hosts")
    .description("list the hosts that the collector knows, also those that are gone");
  addHosts(hosts);
  asks(hosts, ({ clients, output }, _, options: HostOptions) => commands.hosts(clients.query, options, output));
  const host = program.command("host").description("one host");
  const show = host
    .command("show")
    .description("what is known of a host, now or at a moment")
    .argument("<HOST>", "its name or id")
    .addOption(timeOption("--at <TIME>", "as its events say that it was then"))
    .example("host show web1 --at 'yesterday'", "what it was");
  asks(show, async ({ clients, output, signal }, [name = ""], { at }: { at?: string }) => {
    const hostId = await oneHost(clients.query, name);
    if (at === undefined) return await commands.showHost(clients.query, hostId, output);
    const time = await timeAt(clients.query, hostId, at, signal);
    await commands.showHostAt(clients.analysis, hostId, time, output);
  });
  defineHostIdentity(host);
  const diff = program
    .command("diff")
    .description("what changed on a host between two moments")
    .argument("<HOST>", "its name or id")
    .argument("<FROM>", "a time, as with --since")
    .argument("[TO]", "a time", "now")
    .addOption(budgetOption())
    .example("diff web1 yesterday today", "what happened in the last whole day")
    .example("diff web1 boot now", "since it was started");
  asks(
    diff,
    async ({ clients, output, signal }, [name = "", from = "", to = "now"], { budget }: { budget?: string }) => {
      const parsed = typed(() => parseBudget(budget));
      const hostId = await oneHost(clients.query, name);
      const at = async (text: string) => await timeAt(clients.query, hostId, text, signal);
      const [fromTime, toTime] = [await at(from), await at(to)];
      await commands.diffHost(clients.analysis, { hostId, fromTime, toTime, budget: parsed }, output);
    },
  );
}
