/** What happened on the host, as a story. */
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { METHODS, type TimelineEntry } from "../../api/index.ts";
import { linkTo, place, setQuery } from "../../route/index.ts";
import { Badge, Card, Completion, Empty, RangePicker, Shown, Text, Time, useAnswer } from "../../show/index.ts";
import { counted, countText, wordOf } from "../../text/index.ts";
import { askedRange, zoneName } from "../../time/index.ts";

const KINDS = ["LOGIN", "PROCESS", "FILE", "CONNECTION", "ACCOUNT", "AUDIT", "ALERT", "OTHER"] as const;
type Kind = NonNullable<TimelineEntry["kind"]>;
const ENTRIES_MAX = 500;

export function TimelineTab({ hostId }: { hostId: string }): VNode {
  const { query } = place.value;
  const [from, to, kinds] = [query.get("from") ?? "1h", query.get("to") ?? "", query.get("kinds") ?? ""];
  const chosen = kinds.split(",").filter((kind) => KINDS.some((each) => each === kind));
  const request = useMemo(
    () => ({
      hostId,
      ...askedRange({ from, to }, Date.now()),
      kinds: chosen.map((kind) => `TIMELINE_KIND_${kind}` as Kind),
      limit: ENTRIES_MAX,
    }),
    [hostId, from, to, kinds],
  );
  const asked = useAnswer(METHODS.getTimeline, request);
  const toggle = (kind: string): void =>
    setQuery({ kinds: (chosen.includes(kind) ? chosen.filter((each) => each !== kind) : [...chosen, kind]).join(",") });
  return (
    <>
      <div class="row">
        <RangePicker range={{ from, to }} onRange={(range) => setQuery({ from: range.from, to: range.to })} />
        <div class="choice is-wrapping" role="group" aria-label="Kinds">
          {KINDS.map((kind) => (
            <button key={kind} type="button" aria-pressed={chosen.includes(kind)} onClick={() => toggle(kind)}>
              {kind.toLowerCase()}
            </button>
          ))}
        </div>
      </div>
      <Card title={`Timeline (${zoneName()})`}>
        <Shown asked={asked} rows={10}>
          {({ entries = [], completeness }) => (
            <div class="stack">
              {entries.length === 0 ? (
                <Empty title="Nothing happened">A longer time may have something.</Empty>
              ) : (
                <ol class="story">
                  {entries.map((entry, at) => (
                    <Entry key={`${at}${entry.eventIds?.[0] ?? ""}`} of={entry} hostId={hostId} />
                  ))}
                </ol>
              )}
              {entries.length >= ENTRIES_MAX && (
                <p>
                  <button
                    type="button"
                    class="button"
                    onClick={() => setQuery({ from: completeness?.completeUntilTime })}
                  >
                    Go on from there
                  </button>
                </p>
              )}
              <Completion of={completeness} />
            </div>
          )}
        </Shown>
      </Card>
    </>
  );
}

function Entry({ of, hostId }: { of: TimelineEntry; hostId: string }): VNode {
  const { kind, firstTime, count, summary, outcome, eventIds = [], alertId } = of;
  const isAlert = kind === "TIMELINE_KIND_ALERT";
  return (
    <li class={isAlert ? "is-alert" : ""}>
      <p class="row">
        <span class="soft">
          <Time value={firstTime} detail="millisecond" />
        </span>
        <Badge tone={isAlert ? "bad" : "plain"}>{wordOf(kind, "TIMELINE_KIND")}</Badge>
        {isAlert ? (
          <a href={`/alerts/${alertId ?? ""}`}>
            <Text of={summary} />
          </a>
        ) : (
          <Text of={summary} max={400} />
        )}
        {Number(count ?? 0) > 1 && <span class="faint">× {countText(count)}</span>}
        {outcome === "failure" && <Badge tone="warn">failure</Badge>}
        {eventIds[0] !== undefined && (
          <a
            class="small"
            href={linkTo("/tree", { host: hostId, event: eventIds[0] })}
            aria-label={`Process tree of ${counted(count, "event")}`}
          >
            tree
          </a>
        )}
      </p>
    </li>
  );
}
