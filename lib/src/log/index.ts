/** Structured logs: one JSON object a line on standard error. */
import { destination, type Logger, pino } from "pino";

export type { Logger };

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

/** A logger that names its program. Never hand it a secret: it writes what it gets. */
export function openLogger(program: string, level: LogLevel): Logger {
  return pino(
    { base: { program }, level, timestamp: pino.stdTimeFunctions.isoTime },
    destination({ dest: 2, sync: true }),
  );
}
