/** The words that some fields are limited to. */

/** event.outcome of ECS. */
export const EVENT_OUTCOMES = ["success", "failure", "unknown"] as const;

/** event.kind: of what the collector warns of, of the kernel's events, of the ledger, and of what else the agent tells of itself. */
export const EVENT_KINDS = ["alert", "event", "metric", "state"] as const;

/** event.category: those of ECS's that an audit event can be of. */
export const EVENT_CATEGORIES = [
  "authentication",
  "configuration",
  "driver",
  "file",
  "host",
  "iam",
  "intrusion_detection",
  "network",
  "package",
  "process",
  "session",
] as const;

/** event.type: those that ECS allows with one of these categories. */
export const EVENT_TYPES = [
  "access",
  "admin",
  "allowed",
  "change",
  "connection",
  "creation",
  "deletion",
  "denied",
  "end",
  "group",
  "info",
  "installation",
  "protocol",
  "start",
  "user",
] as const;

/** How the agent knows a process. */
export const PROVENANCES = ["observed", "procfs", "inferred"] as const;
