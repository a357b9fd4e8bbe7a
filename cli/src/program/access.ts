/** `hosttrail login`, `whoami`, `console`, `token`, `api-token`, `host` and `audit`. */
import { Option } from "commander";
import * as commands from "../commands/index.ts";
import { login, logout } from "../login.ts";
import type { CliCommand } from "./command.ts";
import { collect, limitOption } from "./options.ts";
import { asks, runs } from "./runtime.ts";

export function defineAccess(program: CliCommand): void {
  program.commandsGroup("Access:");
  runs(program.command("login").description("log in with the identity provider of the profile"), async (work) => {
    work.goesOn();
    await login(work.profile(), work.output.print, work.signal);
  });
  runs(program.command("logout").description("forget the login"), ({ profile }) => logout(profile()));
  asks(program.command("whoami").description("who you are to the collector"), ({ clients, output }) =>
    commands.whoami(clients.access, output),
  );
  const console = program
    .command("console")
    .description("a link that opens the console in a browser, as you; it is good once, for 5 minutes")
    .note("What it opens is a session of your own identity: it ends when that does, and with a logout.");
  asks(console, ({ clients, output }) => commands.consoleLink(clients.access, output));
  defineTokens(program.command("token").description("tokens with which hosts enrol"));
  defineApiTokens(program.command("api-token").description("bearer tokens for the API"));
  const audit = program.command("audit").description("who asked what, newest first").addOption(limitOption(100));
  asks(audit, ({ clients, output }, _, { limit }: { limit: number }) => commands.audit(clients.access, limit, output));
}

function defineTokens(token: CliCommand): void {
  const create = token
    .command("create")
    .description("make a token with which hosts enrol; it is shown once")
    .option("--hosts <N>", "for at most so many hosts", "1")
    .option("--ttl <DURATION>", "for so long", "1h")
    .option("--label <KEY=VALUE>", "a label of the hosts, by which scopes go; again for more", collect, [])
    .option("--output <FILE>", "into a file of mode 0600 instead of standard output", "")
    .example("token create --hosts 20 --ttl 1h --label env=prod --output token", "for twenty hosts, within an hour");
  asks(create, ({ clients, output }, _, options: { hosts: string; ttl: string; label: string[]; output: string }) =>
    commands.createToken(clients.access, { ...options, labels: options.label }, output),
  );
  asks(token.command("list").description("list them, without their secrets"), ({ clients, output }) =>
    commands.listTokens(clients.access, output),
  );
  asks(token.command("delete").description("end one").argument("<ID>", "its id"), ({ clients }, [id = ""]) =>
    commands.deleteToken(clients.access, id),
  );
}

function defineApiTokens(token: CliCommand): void {
  const create = token
    .command("create")
    .description("make a bearer token for this API; it is shown once")
    .argument("[NAME]", "what it is for", "")
    .addOption(
      new Option("--role <ROLE>", "what it may do").choices(["viewer", "responder", "admin"]).default("viewer"),
    )
    .option("--ttl <DURATION>", "for so long", "30d")
    .option("--scope <KEY=VALUE>", "only hosts with this label; again for more", collect, [])
    .option("--output <FILE>", "into a file of mode 0600 instead of standard output", "")
    .example("api-token create dashboard --role viewer --scope env=prod --output token", "for one part of the fleet");
  asks(
    create,
    ({ clients, output }, [name = ""], options: { role: string; ttl: string; scope: string[]; output: string }) =>
      commands.createApiToken(clients.access, { ...options, name }, output),
  );
  asks(token.command("list").description("list them, without their secrets"), ({ clients, output }) =>
    commands.listApiTokens(clients.access, output),
  );
  asks(token.command("delete").description("end one").argument("<ID>", "its id"), ({ clients }, [id = ""]) =>
    commands.deleteApiToken(clients.access, id),
  );
}

/** `hosttrail host`, of which other parts have more. */
export function defineHostIdentity(host: CliCommand): void {
  asks(host.command("list").description("enrolled hosts and their certificates"), ({ clients, output }) =>
    commands.listIdentities(clients.access, output),
  );
  const revoke = host
    .command("revoke")
    .description("end a host's identity: its streams end within seconds")
    .argument("<ID>", "the host's id")
    .option("--reason <TEXT>", "why, for the record", "");
  asks(revoke, ({ clients, output }, [id = ""], { reason }: { reason: string }) =>
    commands.revokeHost(clients.access, id, reason, output),
  );
}
