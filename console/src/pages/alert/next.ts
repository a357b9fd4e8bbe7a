/** What to ask next of an alert: questions that its first event can fill in. */
import type { Alert, Event } from "../../api/index.ts";
import { equals, narrowed } from "../../filter/index.ts";
import { linkTo } from "../../route/index.ts";
import { msOf, msOfNano, rfcOf } from "../../time/index.ts";

export interface NextQuestion {
  title: string;
  href: string;
}

/** Around the alert's events. Milliseconds. */
const BEFORE_MS = 30 * 60_000;
const AFTER_MS = 60 * 60_000;

export function nextQuestions(alert: Alert): NextQuestion[] {
  const [event] = alert.events ?? [];
  const firstMs = msOf(alert.firstEventTime) ?? msOfNano(event?.event?.timeUnixNano) ?? 0;
  const lastMs = msOf(alert.lastEventTime) ?? firstMs;
  const around = { from: rfcOf(firstMs - BEFORE_MS), to: rfcOf(lastMs + AFTER_MS) };
  const host = event?.host?.id ?? alert.hosts?.[0]?.id ?? "";
  const questions: NextQuestion[] = [];
  if (host !== "")
    questions.push({
      title: "What else happened on this host then?",
      href: linkTo(`/hosts/${host}`, { tab: "timeline", ...around }),
    });
  return event === undefined ? questions : [...questions, ...questionsOf(event, host, around)];
}

function questionsOf(event: Event, host: string, around: { from: string; to: string }): NextQuestion[] {
  const asked: (readonly [string, string | undefined, Readonly<Record<string, string>>])[] = [
    ["What did whoever logged in do then?", conditionOf("user.audit.name", event.user?.auditName), { host, ...around }],
    ["Where else did this program run?", conditionOf("process.executable", event.process?.executable), { from: "7d" }],
    ["Who else talked to this address?", conditionOf("destination.ip", event.destination?.ip), { from: "7d" }],
    ["Who else touched this file?", conditionOf("file.path", event.files?.[0]?.path), { from: "7d" }],
  ];
  return asked.flatMap(([title, condition, more]) =>
    condition === undefined ? [] : [{ title, href: linkTo("/search", { q: condition, ...more }) }],
  );
}

function conditionOf(field: string, value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : equals(field, value);
}

/** A filter that hides events like the alert's first one: what an exception starts from. */
export function exceptionFilter({ events }: Alert): string {
  const [event] = events ?? [];
  const conditions = [
    conditionOf("process.executable", event?.process?.executable),
    conditionOf("user.name", event?.user?.name),
  ];
  return conditions.reduce<string>(
    (filter, condition) => (condition === undefined ? filter : narrowed(filter, condition)),
    "",
  );
}
