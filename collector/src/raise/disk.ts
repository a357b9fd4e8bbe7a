/** When a disk will be full, by how it filled lately. */
import type { DiskSample } from "../model/index.ts";
import { type Finding, finding } from "./findings.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Samples that are looked at: so many, over so long. */
const SAMPLES_MIN = 12;
const SPAN_MIN_MS = 2 * HOUR_MS;
const SAMPLES_MAX = 200;
/** It is told when it will be full within so long, and over when it is for so long. */
const WARN_MS = 14 * DAY_MS;
const OVER_MS = 21 * DAY_MS;
const HIGH_MS = 3 * DAY_MS;
const FULL_SHARE = 0.95;
const FULL_OVER_SHARE = 0.93;
const NOBODY = { hostId: "", name: "" } as const;

/** When it will be full, milliseconds since 1970; undefined where it does not fill, or too little is known. */
export function fullAt(samples: readonly DiskSample[]): number | undefined {
  const last = samples.at(-1);
  const [first] = samples;
  if (first === undefined || last === undefined) return undefined;
  if (samples.length < SAMPLES_MIN || last.timeMs - first.timeMs < SPAN_MIN_MS) return undefined;
  const bytesPerMs = medianSlope(thinned(samples));
  if (bytesPerMs <= 0) return undefined;
  return last.timeMs + Math.max(0, last.totalBytes - last.usedBytes) / bytesPerMs;
}

/** The median of the slopes between all pairs: neither a day that was removed nor one burst decides. */
function medianSlope(samples: readonly DiskSample[]): number {
  const slopes: number[] = [];
  for (const [index, a] of samples.entries())
    for (const b of samples.slice(index + 1))
      if (b.timeMs > a.timeMs) slopes.push((b.usedBytes - a.usedBytes) / (b.timeMs - a.timeMs));
  slopes.sort((a, b) => a - b);
  return slopes[Math.floor(slopes.length / 2)] ?? 0;
}

function thinned(samples: readonly DiskSample[]): readonly DiskSample[] {
  const step = Math.ceil(samples.length / SAMPLES_MAX);
  return samples.filter((_sample, at) => (samples.length - 1 - at) % step === 0);
}

/** `isOpen` says which findings are there already: they end later than they begin. */
export function diskFindings(
  samples: readonly DiskSample[],
  nowMs: number,
  isOpen: (key: string) => boolean,
): Finding[] {
  const last = samples.at(-1);
  if (last === undefined) return [];
  const dayMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
  const share = last.usedBytes / last.totalBytes;
  const found: Finding[] = [];
  if (share >= (isOpen("disk-full") ? FULL_OVER_SHARE : FULL_SHARE))
    found.push(finding("disk-full", NOBODY, dayMs, `Disk of the trail is ${Math.floor(share * 100)} % full`));
  const fullMs = fullAt(samples);
  const leftMs = (fullMs ?? Number.POSITIVE_INFINITY) - nowMs;
  if (fullMs !== undefined && leftMs < (isOpen("disk-filling") ? OVER_MS : WARN_MS)) {
    const title = `Disk of the trail will be full on ${new Date(fullMs).toISOString().slice(0, 10)}`;
    const filling = finding("disk-filling", NOBODY, dayMs, title);
    found.push(leftMs < HIGH_MS ? { ...filling, level: "high" } : filling);
  }
  return found;
}
