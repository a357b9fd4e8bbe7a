/** A forecast of cost as people read it. */
import {
  type Bill,
  type BusyTimes,
  CAPACITY,
  type HostForecast,
  type Interval,
  type Needs,
  type Sum,
} from "@hosttrail/lib/cost";
import type { Output } from "../output/index.ts";
import { printable } from "../text.ts";
import type { CostForecast, Suggestion } from "./costforecast.ts";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;
const STEP = 1024;
/** Hosts and keys that are shown; all are in the JSON. */
const ROWS_MAX = 20;

export function bytesText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  for (; value >= STEP && unit < UNITS.length - 1; unit++) value /= STEP;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

function interval(value: Interval | undefined, text: (number: number) => string): string {
  if (value === undefined) return "not measured";
  if (value.low === value.high) return text(value.mid);
  return `${text(value.mid)} (${text(value.low)} to ${text(value.high)})`;
}

const count = (value: number): string => Math.round(value).toLocaleString("en");
const rate = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toFixed(2));
const percent = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} %`;

const SUM_TITLES = ["HOSTS", "EVENTS/S p50", "p90", "EVENTS A DAY", "WIRE A DAY", "AT REST A DAY"];

function sumCells(sum: Sum): string[] {
  const { hosts, p50, p90, events, wireBytes, restBytes } = sum;
  return [
    String(hosts),
    rate(p50),
    rate(p90),
    interval(events, count),
    interval(wireBytes, bytesText),
    interval(restBytes, bytesText),
  ];
}

const BUSY_TITLES = ["EVENTS/S (UTC)", "BUSIEST HOUR", "QUIETEST HOUR", "OF HOSTS", "MON-FRI", "SAT-SUN", "OF HOSTS"];

/** None where not all hours of a day were seen: the busiest that is known may be none of them. */
function busyRow({ name, busy }: { name: string; busy: BusyTimes | undefined }): string[][] {
  if (busy === undefined) return [];
  const { hosts, busiest, quietest, week } = busy;
  const at = ({ hour, eventsPerSecond }: BusyTimes["busiest"]): string =>
    `${String(hour).padStart(2, "0")}:00 ${rate(eventsPerSecond)}`;
  const days =
    week === undefined
      ? ["not known", "not known", "0"]
      : [rate(week.workdays), rate(week.weekend), String(week.hosts)];
  return [[printable(name), at(busiest), at(quietest), String(hosts), ...days]];
}

/** Prints the whole forecast. */
export function showForecast(found: CostForecast, { print, table }: Output): void {
  const { hosts, groups, fleet, needs, options } = found;
  print(`${basisText(found)}\n\n`);
  print(
    table([
      ["GROUP", ...SUM_TITLES],
      ...groups.map(({ name, ...sum }) => [printable(name), ...sumCells(sum)]),
      ["all", ...sumCells(fleet)],
    ]),
  );
  const busyRows = [...groups, { name: "all", busy: fleet.busy }].flatMap(busyRow);
  if (busyRows.length > 0) print(`\n${table([BUSY_TITLES, ...busyRows])}`);
  const keyRows = fleet.keys
    .slice(0, ROWS_MAX)
    .map(({ key, p50, p90, share, events, wireBytes, restBytes }) => [
      printable(key),
      rate(p50),
      rate(p90),
      `${Math.round(share * 100)} %`,
      interval(events, count),
      interval(wireBytes, bytesText),
      interval(restBytes, bytesText),
    ]);
  if (keyRows.length > 0)
    print(
      `\n${table([["RULE KEY", "EVENTS/S p50", "p90", "OF ALL", "EVENTS A DAY", "WIRE A DAY", "AT REST A DAY"], ...keyRows])}`,
    );
  const dear = hosts.toSorted((a, b) => b.events.mid - a.events.mid).slice(0, ROWS_MAX);
  print(
    `\n${table([["HOST", "BY", "EVENTS/S p50", "p90", "EVENTS A DAY", "AT REST A DAY", "CPU", "MEMORY"], ...dear.map(hostRow)])}`,
  );
  if (hosts.length > dear.length) print(`… ${hosts.length - dear.length} more hosts; --json has all\n`);
  print(`\n${needsText(needs, options.retentionDays, found.diskFull)}\n`);
  for (const each of found.suggestions) print(`\n${suggestionText(each)}\n`);
  if (found.bill !== undefined) print(`\n${billText(found.bill, table)}`);
  const notes = found.notes.map((note) => `- ${printable(note)}\n`).join("");
  print(`\nWhat this cannot know:\n${notes}`);
}

function hostRow({ host, basis, p50, p90, events, restBytes, cpuPercent, memoryBytes }: HostForecast): string[] {
  const memory = memoryBytes === undefined ? "not measured" : bytesText(memoryBytes);
  const bytes = interval(restBytes, bytesText);
  return [
    printable(host),
    basis,
    rate(p50),
    rate(p90),
    interval(events, count),
    bytes,
    interval(cpuPercent, percent),
    memory,
  ];
}

function basisText({ options, basis }: CostForecast): string {
  const what = [
    ...(options.without.length === 0 ? [] : [`without ${options.without.join(", ")}`]),
    ...(options.hosts === "" ? [] : [`for ${options.hosts} hosts`]),
    `kept ${options.retentionDays} days`,
  ].join(", ");
  return `Forecast ${printable(what)}; ${printable(basis)}. Each number stands before its bounds.`;
}

function needsText(needs: Needs, retentionDays: number, diskFull: CostForecast["diskFull"]): string {
  const { collectors, collectorCpus, ingestBytes, natsServers, streamBytes, databaseBytes } = needs;
  return [
    `Collectors: ${collectors} processes (one may be away), ${collectorCpus.toFixed(2)} processors busy in minutes of much, ${bytesText(ingestBytes)} for agents' streams in each`,
    `NATS: ${natsServers} servers, ${interval(streamBytes, bytesText)} for what the database cannot take meanwhile`,
    `Database: ${interval(databaseBytes, bytesText)} once ${retentionDays} days are filled (${CAPACITY.restOverhead} bytes for each byte of a segment)`,
    ...(diskFull === undefined ? [] : [diskFull]),
  ].join("\n");
}

function suggestionText({ executable, key, share, lines, blinds, isChecked }: Suggestion): string {
  const head = `${executable} makes ${Math.round(share * 100)} % of all events, mostly with key ${key}. To leave it out:`;
  const names = blinds.slice(0, ROWS_MAX).join(", ");
  const more = blinds.length > ROWS_MAX ? ` and ${blinds.length - ROWS_MAX} more` : "";
  const blind = !isChecked
    ? "Which detections that would blind was not looked at: name them with --detections."
    : blinds.length === 0
      ? "No detection needs these events of it."
      : `That would blind ${blinds.length} detections to this program: ${names}${more}`;
  return [head, ...lines.map((line) => `  ${line}`), blind].map(printable).join("\n");
}

function billText({ currency, items, total, unknown }: Bill, table: Output["table"]): string {
  const money = (value: number): string => `${value.toFixed(2)} ${currency}`;
  const rows = items.map(({ name, quantity, unit, price, amount, source, date }) => [
    printable(name),
    interval(quantity, (value) => (value >= 100 || Number.isInteger(value) ? count(value) : value.toFixed(2))),
    printable(unit),
    String(price),
    interval(amount, money),
    printable(`${source}, ${date}`),
  ]);
  const lack = unknown.length === 0 ? "" : `Not measured, and so not in it: ${printable(unknown.join(", "))}\n`;
  return `${table([["PRICE", "QUANTITY", "UNIT", "EACH", "A MONTH", "SOURCE"], ...rows])}A month: ${interval(total, money)}\n${lack}`;
}
