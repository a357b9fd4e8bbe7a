/** Events of the last day. */
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { METHODS } from "../../api/index.ts";
import { go, linkTo } from "../../route/index.ts";
import { Card, Completion, Plot, Shown, useProgress } from "../../show/index.ts";
import { countText } from "../../text/index.ts";
import { msOf, rfcOf } from "../../time/index.ts";

const BUCKET_S = 900;
const DAY_MS = 86_400_000;

export function EventRate({ nowMs }: { nowMs: number }): VNode {
  const request = useMemo(
    () => ({ startTime: rfcOf(nowMs - DAY_MS), endTime: rfcOf(nowMs), intervalSeconds: String(BUCKET_S) }),
    [nowMs],
  );
  const asked = useProgress(METHODS.aggregateEvents, request);
  const events = Number(asked.value?.events ?? 0);
  return (
    <Card
      title="Events of the last day"
      actions={
        asked.value && (
          <span class="soft small">
            {countText(events)} events, {rateText(events)} in the mean
          </span>
        )
      }
    >
      <Shown asked={asked} rows={2}>
        {({ groups, completeness, done }) => (
          <>
            <Plot
              label="Events over the last day"
              bars={(groups?.[0]?.buckets ?? []).map(({ startTime, count }) => ({
                startMs: msOf(startTime) ?? 0,
                count: Number(count ?? 0),
              }))}
              fromMs={nowMs - DAY_MS}
              toMs={nowMs}
              bucketMs={BUCKET_S * 1000}
              onRange={(fromMs, toMs) => go(linkTo("/search", { from: rfcOf(fromMs), to: rfcOf(toMs) }))}
            />
            {done === true && completeness?.complete !== true && <Completion of={completeness} />}
          </>
        )}
      </Shown>
    </Card>
  );
}

/** Of a day's events: by the second where that is a number to read, else by the hour. */
function rateText(events: number): string {
  const rate = events / (DAY_MS / 1000);
  if (rate >= 0.1) return `${rate < 10 ? rate.toFixed(1) : countText(Math.round(rate))} a second`;
  return `${(events / 24).toFixed(1)} an hour`;
}
