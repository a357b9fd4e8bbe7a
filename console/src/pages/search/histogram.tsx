/** Where in time the filter matches. */
import type { VNode } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { METHODS } from "../../api/index.ts";
import { Completion, Plot, Shown, useProgress } from "../../show/index.ts";
import { bucketSeconds, msOf, rfcOf } from "../../time/index.ts";
import type { Question } from "./asked.ts";

const BUCKETS_MAX = 120;
/** Of all that is kept the range is not known beforehand: buckets of a day, as far back as there are so many. */
const DAY_S = 86_400;

interface HistogramProps {
  question: Question;
  onTotal: (events: number) => void;
  onRange: (from: string, to: string) => void;
}

export function Histogram({ question, onTotal, onRange }: HistogramProps): VNode {
  const [startMs, endMs] = [msOf(question.startTime), msOf(question.endTime) ?? Date.now()];
  const seconds = startMs === undefined ? DAY_S : bucketSeconds(endMs - startMs, BUCKETS_MAX);
  const request = useMemo(() => ({ ...question, intervalSeconds: String(seconds) }), [question, seconds]);
  const asked = useProgress(METHODS.aggregateEvents, request);
  const { value } = asked;
  useEffect(() => {
    if (value?.done === true && value.completeness?.complete === true) onTotal(Number(value.events ?? 0));
  }, [value]);
  return (
    <Shown asked={asked} rows={2}>
      {({ groups, completeness, done }) => {
        const bars = (groups?.[0]?.buckets ?? []).map(({ startTime, count }) => ({
          startMs: msOf(startTime) ?? 0,
          count: Number(count ?? 0),
        }));
        return (
          <>
            <Plot
              label="Matching events over time"
              bars={bars}
              fromMs={startMs ?? bars[0]?.startMs ?? endMs - DAY_S * 1000}
              toMs={endMs}
              bucketMs={seconds * 1000}
              onRange={(from, to) => onRange(rfcOf(from), rfcOf(to))}
            />
            {done === true && completeness?.complete !== true && <Completion of={completeness} />}
          </>
        );
      }}
    </Shown>
  );
}
