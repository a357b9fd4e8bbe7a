/** What commands get to work with, made of the options that all of them have. */
import { type Clients, explainFailure, openClients } from "../clients.ts";
import { type ColorWhen, type OpenOutput, openOutput } from "../output/index.ts";
import { loadProfile, type Profile, profilePath } from "../profile.ts";
import { checkZone } from "../zone.ts";
import { type CliCommand, UsageError } from "./command.ts";

/** Options of the program, which every command has. */
interface GlobalOptions {
  profile?: string;
  json: boolean;
  ndjson: boolean;
  utc: boolean;
  zone?: string;
  color: ColorWhen;
  pager: boolean;
  wide: boolean;
}

/** What a command gets that asks no collector. */
export interface Work {
  output: OpenOutput;
  profile: () => Profile;
  /** Aborted when the person, or the reader of a pipe, wants no more. */
  signal: AbortSignal;
  /** Commands that go on until somebody ends them end in order: they were not broken off. */
  goesOn: () => void;
}

/** What one gets that does. */
export interface AskingWork extends Work {
  clients: Clients;
}

/** An exit status where it is not 0. */
type Ended = Promise<number | void> | number | void;

/** Exit status of what was ended by SIGINT, as shells have it. */
const INTERRUPTED = 130;
/** So long may a call take to end on the server. */
const GRACE_MS = 500;

/** Has a command run by itself; `words` are those that follow it. What its options are is known by who defines it: commander gives them untyped. */
export function runs(command: CliCommand, run: (work: Work, words: readonly string[], options: never) => Ended): void {
  command.action(async () => {
    const global = command.optsWithGlobals<GlobalOptions>();
    applyZone(global);
    const interrupt = new AbortController();
    let isEndless = false;
    const stop = (): void => {
      interrupt.abort();
      if (isEndless) return;
      process.exitCode = INTERRUPTED;
      setTimeout(() => process.exit(), GRACE_MS).unref();
    };
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, stop);
    const output = openOutput({
      json: global.json || global.ndjson,
      color: global.color,
      pager: global.pager,
      wide: global.wide,
      left: () => interrupt.abort(),
    });
    const work: Work = {
      output,
      profile: () => loadProfile(profilePath(global.profile)),
      signal: interrupt.signal,
      goesOn() {
        isEndless = true;
      },
    };
    try {
      const status = await run(work, command.args, global as never);
      if (typeof status === "number" && status !== 0) process.exitCode = status;
    } catch (error) {
      // Who has left, or broken it off, wants to hear no more.
      if (!interrupt.signal.aborted) throw error;
    } finally {
      await output.end();
      for (const name of ["SIGINT", "SIGTERM"] as const) process.removeListener(name, stop);
    }
  });
}

/** Has a command ask the collector. */
export function asks(
  command: CliCommand,
  run: (work: AskingWork, words: readonly string[], options: never) => Ended,
): void {
  runs(command, async (work, words, options) => {
    const who = work.profile();
    const clients = openClients(who);
    try {
      return await run({ ...work, clients }, words, options);
    } catch (error) {
      throw explainFailure(error, who);
    } finally {
      clients.close();
    }
  });
}

/** The zone is the process's: times are read and shown in it everywhere. */
function applyZone({ utc, zone }: GlobalOptions): void {
  if (utc) process.env["TZ"] = "UTC";
  if (zone === undefined) return;
  try {
    checkZone(zone);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : zone, { cause: error });
  }
  process.env["TZ"] = zone;
}
