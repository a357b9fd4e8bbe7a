/** What stands where an answer is not there, not yet, or not whole: the same on every page. */
import type { ComponentChildren, VNode } from "preact";
import type { CallError, Completeness, DroppedEvents, WatchState } from "../api/index.ts";
import { Text } from "./text.tsx";
import { Time } from "./time.tsx";
import { counted, countText, wordOf } from "../text/index.ts";
import type { Asked } from "./answer.ts";

/** Grey bars in the place of rows, and a word for those who do not see them. */
export function Loading({ rows = 3 }: { rows?: number }): VNode {
  return (
    <div class="loading" role="status">
      <span class="unseen">Loading…</span>
      {Array.from({ length: rows }, (_, at) => (
        <span class="bar" key={at} aria-hidden="true" />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }): VNode {
  return (
    <div class="empty">
      <svg class="empty-mark" viewBox="0 0 40 40" aria-hidden="true">
        <rect x="6" y="8" width="28" height="24" rx="3" />
        <path d="M11 15h18M11 20h12M11 25h8" />
      </svg>
      <p class="empty-title">{title}</p>
      {children !== undefined && <div class="faint">{children}</div>}
    </div>
  );
}

const TITLES: Readonly<Record<string, string>> = {
  PERMISSION_DENIED: "You may not see this",
  NOT_FOUND: "There is no such thing here",
  UNREACHABLE: "The collector does not answer",
  UNAVAILABLE: "The collector cannot answer now",
  RESOURCE_EXHAUSTED: "The collector has too much to do",
  INVALID_ARGUMENT: "This cannot be asked",
  DEADLINE_EXCEEDED: "It took too long",
  BROKEN: "The answer broke off",
  DATA_LOSS: "This is damaged where it is kept",
};

export function Failure({ error, again }: { error: CallError; again?: (() => void) | undefined }): VNode {
  return (
    <div class="failure" role="alert">
      <p class="failure-title">{TITLES[error.code] ?? "This did not work"}</p>
      <p>
        <Text of={error.message} />
      </p>
      <p class="faint small">
        {error.code}
        {error.reason !== "" && ` · ${error.reason}`}
      </p>
      {again !== undefined && (
        <button type="button" class="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Its children with the answer; else what there is in its place. An answer that is there stays while the next one comes. */
export function Shown<Value>({
  asked,
  rows,
  children,
}: {
  asked: Asked<Value>;
  rows?: number;
  children: (value: Value) => ComponentChildren;
}): VNode | null {
  const { value, error, isSlow, again } = asked;
  if (error !== undefined) return <Failure error={error} again={again} />;
  if (value === undefined) return isSlow ? <Loading rows={rows ?? 3} /> : null;
  return (
    <div class="shown" aria-busy={isSlow}>
      {children(value)}
    </div>
  );
}

const REASONS: Readonly<Record<string, string>> = {
  budget: "it would have taken more than it may",
  limit: "there is more than was asked for",
  unreadable: "a part is damaged where it is kept",
  unreachable: "a part of the history cannot be reached",
  dropped: "retention dropped a part",
};

/** So complete is this: one line, and what is missing below it. */
export function Completion({
  of,
  order = "oldest",
}: {
  of: Completeness | undefined;
  order?: "newest" | "oldest";
}): VNode | null {
  if (of === undefined) return null;
  const lookedAt = BigInt(of.scanned?.events ?? 0) + BigInt(of.pruned?.events ?? 0);
  const whole = lookedAt + BigInt(of.left?.events ?? 0);
  const others = (of.reasons ?? []).filter((reason) => reason !== "limit");
  const isSound = others.length === 0 && (of.dropped ?? []).length === 0 && (of.unreadable ?? []).length === 0;
  const isWhole = of.complete === true && isSound;
  // A page of a longer answer: nothing is missing, there is more.
  const isSoFar = of.complete !== true && isSound;
  return (
    <div class={isSound ? "completion" : "completion is-partial"}>
      <span class="completion-mark" aria-hidden="true">
        {isWhole ? "●" : isSoFar ? "○" : "◐"}
      </span>
      <span>
        {isWhole
          ? `Complete: ${counted(String(lookedAt), "event")} looked at`
          : `${isSoFar ? "So far" : "Not complete"}: ${countText(String(lookedAt))} of ${counted(String(whole), "event")} looked at`}
        {of.complete !== true && of.completeUntilTime !== undefined && (
          <>
            , {order === "newest" ? "from" : "until"} <Time value={of.completeUntilTime} />
          </>
        )}
        {others.length > 0 && `; ${others.map((reason) => REASONS[reason] ?? reason).join(", ")}`}
        {(of.dropped ?? []).length > 0 && <> · {droppedText(of.dropped ?? [])}</>}
        {(of.unreadable ?? []).map(({ hostId, events, reason }) => (
          <span key={`${hostId}${reason}`}>
            {" "}
            · up to {counted(events, "event")} cannot be read: <Text of={reason} />
          </span>
        ))}
      </span>
    </div>
  );
}

function droppedText(dropped: readonly DroppedEvents[]): string {
  const events = dropped.reduce((sum, each) => sum + BigInt(each.events ?? 0), 0n);
  const day = (each: DroppedEvents | undefined): string =>
    (each?.day ?? "").replace(/^(\d{4})(\d{2})(\d{2})$/, "$1-$2-$3");
  const days = dropped.length === 1 ? day(dropped[0]) : `${day(dropped.at(-1))} to ${day(dropped[0])}`;
  return `${counted(String(events), "event")} of ${days} dropped by retention`;
}

/** Whether a list goes on by itself. */
export function Liveness({ state }: { state: WatchState }): VNode {
  if (state.state === "live")
    return (
      <span class="live" role="status">
        <span class="live-mark" aria-hidden="true" /> Live
      </span>
    );
  const text =
    state.state === "refused"
      ? `Not live: ${state.error.message}`
      : `Connection lost; trying again in ${Math.max(1, Math.round(state.againMs / 1000))} s`;
  return (
    <span class="live is-broken" role="status">
      <span class="live-mark" aria-hidden="true" /> {text}
    </span>
  );
}

/** A word on a ground of its own: states, kinds, outcomes. `tone` never says it alone. */
export function Badge({ children, tone = "plain" }: { children: ComponentChildren; tone?: Tone }): VNode {
  return <span class={`badge is-${tone}`}>{children}</span>;
}

export type Tone = "plain" | "good" | "warn" | "bad" | "info";

/** A word of the API's. */
export function wordBadge(name: string | undefined, prefix: string, tones: Readonly<Record<string, Tone>> = {}): VNode {
  const word = wordOf(name, prefix) || "–";
  return <Badge tone={tones[word] ?? "plain"}>{word}</Badge>;
}
