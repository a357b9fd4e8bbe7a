/** A log that is a part of the trace. */
import type { Logger } from "@hosttrail/lib/log";
import { Killed, type Schedule } from "../schedule/index.ts";

export type LogLine = (level: string, about: Readonly<Record<string, unknown>>, message: string) => void;

/** `see` is told of each line of a process that lives. */
export function traceLogger(schedule: Schedule, name: string, isAlive: () => boolean, see: LogLine): Logger {
  const write =
    (level: string) =>
    (about: Readonly<Record<string, unknown>> | string, message = ""): void => {
      if (!isAlive()) return;
      const [fields, text] = typeof about === "string" ? [{}, about] : [about, message];
      see(level, fields, text);
      schedule.note(name, schedule.isTraced ? `${level}: ${text} ${textOf(fields)}` : text);
    };
  const logger = {
    trace: () => undefined,
    debug: () => undefined,
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    fatal: write("fatal"),
    child: () => logger,
  };
  return logger as never;
}

function textOf(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(fields, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}

/** True where an error only says that its process was killed. */
export function isKilled(error: unknown): boolean {
  return error instanceof Killed || (error instanceof Error && error.cause instanceof Killed);
}
