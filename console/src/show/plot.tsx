/** Bars over time: to look at, to drag a range over, and as the table that they are of. */
import { useRef, useState } from "preact/hooks";
import type { VNode } from "preact";
import { countText } from "../text/index.ts";
import { timeText, zoneName } from "../time/index.ts";

interface Bar {
  startMs: number;
  count: number;
}

const WIDTH = 1000;

interface PlotProps {
  label: string;
  /** Buckets with events, in the order of time. */
  bars: readonly Bar[];
  fromMs: number;
  toMs: number;
  bucketMs: number;
  heightPx?: number;
  onRange?: (fromMs: number, toMs: number) => void;
}

/**
 * A histogram. The mouse drags a range; the keyboard moves over buckets with the arrows, begins a range with Shift and takes it with Enter.
 * What is under the pointer or the caret is said below.
 */
export function Plot({ label, bars, fromMs, toMs, bucketMs, heightPx = 72, onRange }: PlotProps): VNode {
  const [caret, setCaret] = useState<number>();
  const [anchor, setAnchor] = useState<number>();
  const [isTable, setTable] = useState(false);
  const svg = useRef<SVGSVGElement>(null);
  const first = Math.floor(fromMs / bucketMs);
  const count = Math.max(1, Math.ceil(toMs / bucketMs) - first);
  const most = bars.reduce((highest, bar) => Math.max(highest, bar.count), 1);
  const counts = new Map(bars.map((bar) => [Math.floor(bar.startMs / bucketMs) - first, bar.count]));
  const step = WIDTH / count;
  const bucketAt = (clientX: number): number => {
    const box = svg.current?.getBoundingClientRect();
    const share = box === undefined || box.width === 0 ? 0 : (clientX - box.left) / box.width;
    return Math.min(count - 1, Math.max(0, Math.floor(share * count)));
  };
  const edge = (bucket: number): number => (first + bucket) * bucketMs;
  const choose = (one: number, other: number): void => {
    setAnchor(undefined);
    onRange?.(edge(Math.min(one, other)), edge(Math.max(one, other) + 1));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const now = caret ?? 0;
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: now - 1,
      ArrowRight: now + 1,
      Home: 0,
      End: count - 1,
    };
    const to = moves[event.key];
    if (to !== undefined) {
      const next = Math.min(count - 1, Math.max(0, to));
      setAnchor(event.shiftKey ? (anchor ?? now) : undefined);
      setCaret(next);
    } else if (event.key === "Enter" && onRange !== undefined) choose(anchor ?? now, now);
    else if (event.key === "Escape" && anchor !== undefined) setAnchor(undefined);
    else return;
    event.preventDefault();
  };
  const said =
    caret === undefined
      ? `${timeText(fromMs, "minute")} to ${timeText(toMs, "minute")}, highest ${countText(most)}`
      : `${timeText(edge(Math.min(caret, anchor ?? caret)))} to ${timeText(edge(Math.max(caret, anchor ?? caret) + 1))}: ${countText(
          sumOf(counts, Math.min(caret, anchor ?? caret), Math.max(caret, anchor ?? caret)),
        )}`;
  return (
    <figure class="plot">
      <div
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={count - 1}
        aria-valuenow={caret ?? 0}
        aria-valuetext={said}
        onKeyDown={onKeyDown}
      >
        <svg
          ref={svg}
          viewBox={`0 0 ${WIDTH} 100`}
          preserveAspectRatio="none"
          height={heightPx}
          class={onRange === undefined ? "plot-area" : "plot-area can-drag"}
          aria-hidden="true"
          onPointerDown={(event) => {
            if (onRange === undefined || event.button !== 0) return;
            event.currentTarget.setPointerCapture(event.pointerId);
            setAnchor(bucketAt(event.clientX));
            setCaret(bucketAt(event.clientX));
          }}
          onPointerMove={(event) => setCaret(bucketAt(event.clientX))}
          onPointerUp={(event) => {
            const to = bucketAt(event.clientX);
            if (anchor !== undefined && anchor !== to) choose(anchor, to);
            setAnchor(undefined);
          }}
          onPointerLeave={() => anchor === undefined && setCaret(undefined)}
        >
          {caret !== undefined && (
            <rect
              class={anchor === undefined ? "plot-caret" : "plot-range"}
              x={Math.min(caret, anchor ?? caret) * step}
              width={(Math.abs(caret - (anchor ?? caret)) + 1) * step}
              y={0}
              height={100}
            />
          )}
          {[...counts].map(([bucket, value]) => {
            const height = Math.max(2, (value / most) * 96);
            return (
              <rect
                key={bucket}
                class="plot-bar"
                x={bucket * step}
                width={Math.max(step * 0.86, 0.6)}
                y={100 - height}
                height={height}
              />
            );
          })}
          <line class="plot-base" x1={0} x2={WIDTH} y1={99.5} y2={99.5} />
        </svg>
      </div>
      <figcaption class="plot-caption">
        <span>
          {said} ({zoneName()})
        </span>
        <button
          type="button"
          class="button is-quiet is-small"
          aria-expanded={isTable}
          onClick={() => setTable(!isTable)}
        >
          {isTable ? "Hide table" : "As a table"}
        </button>
      </figcaption>
      {isTable && <PlotTable label={label} bars={bars} />}
    </figure>
  );
}

function sumOf(counts: ReadonlyMap<number, number>, from: number, to: number): number {
  let sum = 0;
  for (let bucket = from; bucket <= to; bucket++) sum += counts.get(bucket) ?? 0;
  return sum;
}

function PlotTable({ label, bars }: { label: string; bars: readonly Bar[] }): VNode {
  return (
    <div class="table-frame plot-table" tabIndex={0} role="region" aria-label={label}>
      <table class="table">
        <caption class="unseen">{label}</caption>
        <thead>
          <tr>
            <th scope="col">From ({zoneName()})</th>
            <th scope="col" class="number">
              Count
            </th>
          </tr>
        </thead>
        <tbody>
          {bars.map(({ startMs, count }) => (
            <tr key={startMs}>
              <td>{timeText(startMs)}</td>
              <td class="number">{countText(count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
