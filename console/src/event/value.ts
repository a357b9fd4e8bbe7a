/** Values of an event's fields by their ECS names, from the event as JSON has it. */
import type { Event } from "../api/index.ts";
import { addressOf } from "./row.ts";

type Reading = (event: Event) => string | number | readonly (string | number)[] | undefined;

/** Fields that a column or a filter of the page can be of. */
const READINGS: Readonly<Record<string, Reading>> = {
  "event.action": ({ event }) => event?.action,
  "event.category": ({ event }) => event?.category,
  "event.type": ({ event }) => event?.type,
  "event.outcome": ({ event }) => event?.outcome,
  "event.id": ({ id }) => id,
  "host.name": ({ host }) => host?.name,
  "host.id": ({ host }) => host?.id,
  "process.name": ({ process }) => process?.name,
  "process.executable": ({ process }) => process?.executable,
  "process.command_line": ({ process }) => process?.args?.join(" "),
  "process.pid": ({ process }) => process?.pid,
  "process.entity_id": ({ process }) => process?.entityId,
  "process.working_directory": ({ process }) => process?.workingDirectory,
  "process.parent.name": ({ process }) => process?.parent?.name,
  "process.parent.executable": ({ process }) => process?.parent?.executable,
  "process.tty": ({ process }) => process?.tty,
  "user.name": ({ user }) => user?.name,
  "user.effective.name": ({ user }) => user?.effectiveName,
  "user.audit.name": ({ user }) => user?.auditName,
  "user.target.name": ({ user }) => user?.targetName,
  "file.path": ({ files }) => files?.flatMap(({ path }) => path ?? []),
  "source.ip": ({ source }) => source?.ip,
  "source.address": ({ source }) => source && addressOf(source),
  "destination.ip": ({ destination }) => destination?.ip,
  "destination.port": ({ destination }) => destination?.port,
  "destination.address": ({ destination }) => destination && addressOf(destination),
  "container.id": ({ container }) => container?.id,
  "container.systemd_unit": ({ container }) => container?.systemdUnit,
  "audit.syscall": ({ audit }) => audit?.syscall?.name,
  "audit.key": ({ audit }) => audit?.keys,
};

export const COLUMN_FIELDS: readonly string[] = Object.keys(READINGS);

/** All values of a field, as texts; none where the event has none, or the field cannot be read here. */
export function valuesOf(event: Event, field: string): string[] {
  const value = READINGS[field]?.(event);
  if (value === undefined || value === "") return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}
