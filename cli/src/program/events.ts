/** `hosttrail search`, `tail`, `get` and `hosts`. */
import * as commands from "../commands/index.ts";
import { defineHostIdentity } from "./access.ts";
import type { CliCommand } from "./command.ts";
import { addRange, limitOption, type RangeOptions } from "./options.ts";
import { checkRange, sinceOf } from "./range.ts";
import { asks } from "./runtime.ts";

interface SearchOptions extends RangeOptions {
  host: string;
  limit: number;
}

export function defineEvents(program: CliCommand): void {
  program.commandsGroup("Events:");
  const search = program
    .command("search")
    .description("find events, newest first")
    .argument("[FILTER]", "which events; see FILTERS", "")
    .option("--host <ID>", "of this host", "")
    .addOption(limitOption(100));
  addRange(search);
  asks(search, ({ clients, output }, [filter = ""], options: SearchOptions) => {
    const range = sinceOf(options);
    checkRange(range);
    return commands.search(clients.query, { filter, hostId: options.host, ...range, limit: options.limit }, output);
  });
  const tail = program
    .command("tail")
    .description("show events as they arrive")
    .argument("[FILTER]", "which events", "")
    .option("--host <ID>", "of this host", "");
  asks(tail, ({ clients, output, signal, goesOn }, [filter = ""], { host: hostId }: { host: string }) => {
    goesOn();
    return commands.tail(clients.query, { filter, hostId }, signal, output);
  });
  const get = program.command("get").description("show one event").argument("<ID>", "the event's id");
  get.option("--raw", "as the kernel wrote it", false);
  asks(get, ({ clients, output }, [id = ""], { raw }: { raw: boolean }) =>
    commands.get(clients.query, id, raw, output),
  );
  asks(program.command("hosts").description("list the hosts that the collector knows"), ({ clients, output }) =>
    commands.hosts(clients.query, output),
  );
  defineHostIdentity(program.command("host").description("one host"));
}
