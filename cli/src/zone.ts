/** Moments by the clocks of a zone. */

/** What a calendar and a clock show. */
export interface Moment {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

/** Whether there is a zone of this name; "Z" and offsets are zones, too. */
function offsetOf(zone: string): number | undefined {
  if (/^z$/i.test(zone)) return 0;
  const match = /^([+-])(\d{2}):?(\d{2})$/.exec(zone);
  if (match === null) return undefined;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return (match[1] === "-" ? -minutes : minutes) * 60_000;
}

/** Throws where there is no zone of this name. */
export function checkZone(zone: string): void {
  try {
    Intl.DateTimeFormat("en", { timeZone: zone });
  } catch (cause) {
    throw new Error(`"${zone}" is no time zone; allowed are names as Europe/Berlin, UTC, and +01:00`, { cause });
  }
}

const DAY_MS = 86_400_000;

/** What the clocks of a zone show at a moment; those of the process where none is named. */
export function localMoment(ms: number, zone: string | undefined): Moment {
  const date = new Date(ms);
  if (zone === undefined) {
    const [hour, minute, second] = [date.getHours(), date.getMinutes(), date.getSeconds()];
    return { year: date.getFullYear(), month: date.getMonth() + 1, day: date.getDate(), hour, minute, second };
  }
  const offset = offsetOf(zone);
  if (offset !== undefined) return utcMoment(ms + offset);
  checkZone(zone);
  const options = { timeZone: zone, hourCycle: "h23", era: "short" } as const;
  const numbers = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" } as const;
  const format = new Intl.DateTimeFormat("en-US", { ...options, ...numbers, second: "numeric" });
  const parts = Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, value]));
  const number = (name: string): number => Number(parts[name]);
  return {
    year: number("year"),
    month: number("month"),
    day: number("day"),
    hour: number("hour"),
    minute: number("minute"),
    second: number("second"),
  };
}

function utcMoment(ms: number): Moment {
  const date = new Date(ms);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  };
}

function asUtcMs({ year, month, day, hour, minute, second }: Moment): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.setUTCHours(hour, minute, second, 0);
}

/**
 * When the clocks of a zone show this; the first time where they show it twice. Milliseconds since 1970. Throws where they never do: there is
 * no such day, or they were put forward over it.
 */
export function zonedMs(moment: Moment, zone: string | undefined, text: string): number {
  const wanted = asUtcMs(moment);
  if (!isSame(utcMoment(wanted), moment)) throw new Error(`"${text}" is no time: no calendar or clock shows it`);
  // Of all offsets that the zone has around that day, the one with which the clocks show it.
  const offsets = [-DAY_MS, 0, DAY_MS].map((away) => asUtcMs(localMoment(wanted + away, zone)) - (wanted + away));
  const found = offsets.map((offset) => wanted - offset).filter((ms) => isSame(localMoment(ms, zone), moment));
  if (found.length === 0) throw new Error(`"${text}" is no time there: the clocks were put forward over it`);
  return Math.min(...found);
}

function isSame(a: Moment, b: Moment): boolean {
  return asUtcMs(a) === asUtcMs(b) && a.day === b.day && a.hour === b.hour && a.month === b.month;
}

/** A moment as the process's clocks show it, with milliseconds and the distance to UTC: ISO 8601. */
export function localText(ms: number): string {
  const away = -new Date(ms).getTimezoneOffset();
  const shown = new Date(ms + away * 60_000).toISOString().slice(0, -1);
  if (away === 0) return `${shown}Z`;
  const [hours, minutes] = [Math.floor(Math.abs(away) / 60), Math.abs(away) % 60];
  return `${shown}${away < 0 ? "-" : "+"}${[hours, minutes].map((part) => String(part).padStart(2, "0")).join(":")}`;
}
