/** A moment on the page. */
import { useEffect, useState } from "preact/hooks";
import type { VNode } from "preact";
import { agoText, type Detail, msOf, rfcOf, timeText, zoneName } from "../time/index.ts";

/** Shown in the zone that was chosen; the zone stands in its title, and in the header of whatever it is in. */
export function Time({ value, detail = "second" }: { value: string | number | undefined; detail?: Detail }): VNode {
  const ms = typeof value === "number" ? value : msOf(value);
  if (ms === undefined) return <span class="faint">–</span>;
  return (
    <time class="time" dateTime={rfcOf(ms)} title={`${timeText(ms, "millisecond")} ${zoneName()}`}>
      {timeText(ms, detail)}
    </time>
  );
}

const TICK_MS = 10_000;

/** "3 min ago", kept right. */
export function Ago({ value }: { value: string | undefined }): VNode {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  const ms = msOf(value);
  if (ms === undefined) return <span class="faint">never</span>;
  return (
    <time class="time" dateTime={rfcOf(ms)} title={`${timeText(ms, "millisecond")} ${zoneName()}`}>
      {agoText(ms, Math.max(nowMs, ms))}
    </time>
  );
}
