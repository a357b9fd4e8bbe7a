/** Which hosts a made history has, and what each of them did when. */
import { hostIdOf as idOf, hostNameOf as nameOf } from "../fleet/generate.ts";

/** Events a second that hosts make, and how many of a hundred hosts do. */
const RATES: readonly { perSecond: number; ofHundred: number }[] = [
  { perSecond: 1, ofHundred: 60 },
  { perSecond: 5, ofHundred: 30 },
  { perSecond: 20, ofHundred: 8 },
  { perSecond: 100, ofHundred: 2 },
];
const DAY_MS = 86_400_000;
const SEGMENT_EVENTS = 16_384;

/** Numbers of hosts, all of as many digits, so that their names are as long. */
const FIRST_NUMBER = 1000;
/** Roles of hosts: they follow from the number. */
const ROLE_COUNT = 3;
/** Hosts that live as another one did, for each that is made by itself. */
const COPIES = 4;

/** A host of the history. */
export interface HostPlan {
  number: number;
  perSecond: number;
  events: number;
}

/** Events of one host that become one segment: of one day, from a time on. */
export interface SegmentPlan {
  place: string;
  startMs: number;
  /** Between two events, nanoseconds. */
  stepNano: bigint;
  events: number;
  /** True where one of them has the rare word. */
  isRare: boolean;
}

export interface HistoryPlan {
  hosts: HostPlan[];
  startMs: number;
  endMs: number;
}

/** So many events of so many hosts, up to a time. */
export function planHistory(hosts: number, events: number, endMs: number): HistoryPlan {
  const rates = RATES.flatMap(({ perSecond, ofHundred }) => Array.from({ length: ofHundred }, () => perSecond));
  // Spread, so that each part of the hosts has all rates: 37 and 100 have no divisor in common.
  const rateOf = (number: number): number => rates[(number * 37) % rates.length] ?? 1;
  const perSecond = Array.from({ length: hosts }, (_, number) => rateOf(number)).reduce((sum, rate) => sum + rate, 0);
  const seconds = events / perSecond;
  return {
    hosts: Array.from({ length: hosts }, (_, number) => ({
      number: FIRST_NUMBER + number,
      perSecond: rateOf(number),
      events: Math.floor(rateOf(number) * seconds),
    })),
    startMs: Math.floor(endMs - seconds * 1000),
    endMs,
  };
}

/** The segments of a host, in the order of time. The first host has the rare word in the middle of its events. */
export function segmentsOf({ perSecond, events, number }: HostPlan, startMs: number): SegmentPlan[] {
  const segments: SegmentPlan[] = [];
  const stepMs = 1000 / perSecond;
  for (let at = 0; at < events; ) {
    const fromMs = startMs + at * stepMs;
    const dayEndMs = (Math.floor(fromMs / DAY_MS) + 1) * DAY_MS;
    const count = Math.max(1, Math.min(SEGMENT_EVENTS, events - at, Math.ceil((dayEndMs - fromMs) / stepMs)));
    segments.push({
      place: new Date(fromMs).toISOString().slice(0, 10).replaceAll("-", ""),
      startMs: fromMs,
      stepNano: BigInt(Math.floor(stepMs * 1_000_000)),
      events: count,
      isRare: number === FIRST_NUMBER && at <= events / 2 && at + count > events / 2,
    });
    at += count;
  }
  return segments;
}

/** Hosts that lived alike: one that is made by itself, and those that are made after it. The one with the rare word is alone. */
export function groupsOf({ hosts }: HistoryPlan): { host: HostPlan; copies: HostPlan[] }[] {
  const alike = Map.groupBy(hosts, ({ number, perSecond }) =>
    number === FIRST_NUMBER ? "" : `${perSecond} ${number % ROLE_COUNT}`,
  );
  return [...alike.values()].flatMap((some) =>
    Array.from({ length: Math.ceil(some.length / (COPIES + 1)) }, (_, group) => {
      const [host, ...copies] = some.slice(group * (COPIES + 1), (group + 1) * (COPIES + 1));
      return { host: host as HostPlan, copies };
    }),
  );
}

export function hostIdOf({ number }: HostPlan): string {
  return idOf(number);
}

export function hostNameOf({ number }: HostPlan): string {
  return nameOf(number);
}
