/** What a stream or consumer is otherwise than planned, and what follows from that. */
import type { ConsumerConfig, StreamConfig } from "@nats-io/jetstream";
import type { ConsumerPlan, StreamPlan } from "./plan.ts";

export interface Difference {
  /** Stream, or stream and consumer. */
  of: string;
  setting: string;
  present: string;
  planned: string;
  /** False where the server cannot change it while it is there. */
  canChange: boolean;
  /** What it does; empty where that is plain. */
  why: string;
}

/** What the server takes a setting to be where nothing is said. */
const STREAM_DEFAULTS: Partial<StreamConfig> = {
  max_age: 0,
  max_msgs: -1,
  max_msgs_per_subject: -1,
  duplicate_window: 120_000_000_000,
};
const FIXED = new Set(["storage", "retention"]);
const WHY: Readonly<Record<string, string>> = {
  discard: "with discard old the newest blocks push out those that nobody has stored yet",
  max_age: "what is older is removed, stored or not",
  max_msgs: "beyond it messages are removed or refused",
  retention: "what the consumers have is kept, or what they do not have yet is removed",
  storage: "what is in memory is gone with the server",
  num_replicas: "with fewer copies one node that is lost takes acknowledged messages along",
  duplicate_window: "what is sent again later than that is taken as new",
  max_deliver: "after so many tries a message is forgotten",
  ack_policy: "without acknowledgement a message that was handed out is forgotten",
  deny_delete: "what was taken cannot be removed",
  sealed: "it takes nothing any more",
  max_msg_size: "larger blocks are refused",
};

/** Settings that we never set, and what they must be. */
const MUST_BE: Partial<StreamConfig> = { max_msgs: -1, max_msg_size: -1, sealed: false, no_ack: false };

export function streamDifferences(present: StreamConfig, plan: StreamPlan): Difference[] {
  const wanted = { ...MUST_BE, ...STREAM_DEFAULTS, ...plan };
  return Object.entries(wanted).flatMap(([setting, planned]) => {
    const found = present[setting as keyof StreamConfig] ?? MUST_BE[setting as keyof StreamConfig];
    if (setting === "placement" ? sameTags(found, planned) : same(found, planned)) return [];
    return [difference(plan.name, setting, found, planned)];
  });
}

export function consumerDifferences(stream: string, present: ConsumerConfig, plan: ConsumerPlan): Difference[] {
  const wanted = { ack_policy: "explicit", max_deliver: -1, ...plan };
  return Object.entries(wanted).flatMap(([setting, planned]) => {
    // A time to begin at is of the moment at which it was made.
    if (setting === "opt_start_time") return [];
    const found = present[setting as keyof ConsumerConfig];
    return same(found, planned) ? [] : [difference(`${stream} ${plan.durable_name}`, setting, found, planned)];
  });
}

function difference(of: string, setting: string, present: unknown, planned: unknown): Difference {
  return {
    of,
    setting,
    present: shown(setting, present),
    planned: shown(setting, planned),
    canChange: !FIXED.has(setting) && setting !== "ack_policy" && setting !== "deliver_policy",
    why: WHY[setting] ?? "",
  };
}

function same(some: unknown, other: unknown): boolean {
  if (Array.isArray(some) && Array.isArray(other))
    return some.length === other.length && some.every((each) => other.includes(each));
  return some === other;
}

function sameTags(some: unknown, other: unknown): boolean {
  const tags = (placement: unknown): readonly unknown[] => (placement as { tags?: unknown[] } | undefined)?.tags ?? [];
  return same(tags(some), tags(other));
}

function shown(setting: string, value: unknown): string {
  if (value === undefined) return "not set";
  if (Array.isArray(value))
    return value.length > 4 ? `${value.slice(0, 3).join(" ")} … (${value.length})` : value.join(" ");
  if (setting === "placement") return `tags ${((value as { tags?: string[] }).tags ?? []).join(" ")}`;
  if ((setting === "max_age" && value === 0) || value === -1) return "without end";
  if (["max_age", "duplicate_window", "ack_wait", "inactive_threshold"].includes(setting))
    return `${Number(value) / 1e9} s`;
  if (setting === "max_bytes") return `${value as number} bytes`;
  return typeof value === "string" ? value : JSON.stringify(value);
}
