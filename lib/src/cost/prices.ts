/** Money, by a file of prices that whoever pays keeps. The product knows no price of anybody. */
import { type ConfigSchema, loadConfig, mapOf } from "../config/index.ts";
import type { FleetForecast } from "./fleet.ts";
import { type Interval, NOTHING, scaled, sumOf } from "./interval.ts";
import type { Needs } from "./needs.ts";

/** What there can be a price of, and its unit. */
export const METERS = {
  database_gib: "GiB in the database, once the retention is filled",
  stream_gib: "GiB for the message stream, all copies",
  wire_gib: "GiB from hosts to collectors in a month",
  million_events: "million events in a month",
  host: "host",
  collector: "collector process",
  collector_cpu: "processor that collectors keep busy in minutes of much",
  nats_server: "NATS server",
  database_server: "database server, as many as count_database_servers says",
} as const;
type Meter = keyof typeof METERS;

interface Price {
  name: string;
  meter: Meter;
  /** For one unit and one month. */
  price: number;
  /** Who says so, and when: "YYYY-MM-DD". */
  source: string;
  date: string;
}

export interface PriceFile {
  currency: string;
  countDatabaseServers: number;
  prices: Price[];
}

interface PricedItem extends Price {
  unit: string;
  quantity: Interval;
  amount: Interval;
}

export interface Bill {
  currency: string;
  items: PricedItem[];
  /** A month's. */
  total: Interval;
  /** Prices for something that was not measured. */
  unknown: string[];
}

const text = { type: "string", minLength: 1, maxLength: 200 };

/** JSON Schema of the file. */
const priceSchema: ConfigSchema = mapOf(
  {
    currency: { type: "string", pattern: "^[A-Z]{3}$", $comment: "as EUR" },
    count_database_servers: { type: "integer", minimum: 1, maximum: 1000, default: 1 },
    prices: {
      type: "array",
      minItems: 1,
      maxItems: 100,
      items: mapOf(
        {
          name: text,
          meter: { type: "string", enum: Object.keys(METERS) },
          price: { type: "number", minimum: 0, maximum: 1e9 },
          source: text,
          date: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}$", $comment: "a day, as 2026-01-31 in quotes" },
        },
        ["name", "meter", "price", "source", "date"],
      ),
    },
  },
  ["currency", "prices"],
);

/** Reads a price file; throws a ConfigError that names line, key, value and what is allowed. */
export function readPrices(path: string): PriceFile {
  return loadConfig<PriceFile>(path, priceSchema);
}

const GIB = 2 ** 30;
const MILLION = 1e6;
/** A month, 365.25 / 12. */
export const MONTH_DAYS = 30.4375;

export function billOf(
  { currency, prices, countDatabaseServers }: PriceFile,
  fleet: FleetForecast,
  needs: Needs,
): Bill {
  const items: PricedItem[] = [];
  const unknown: string[] = [];
  const quantities = quantitiesOf(fleet, needs, countDatabaseServers);
  for (const each of prices) {
    const quantity = quantities[each.meter];
    if (quantity === undefined) unknown.push(each.name);
    else items.push({ ...each, unit: METERS[each.meter], quantity, amount: scaled(quantity, each.price) });
  }
  return { currency, items, total: items.length === 0 ? NOTHING : sumOf(items.map(({ amount }) => amount)), unknown };
}

function quantitiesOf(
  fleet: FleetForecast,
  needs: Needs,
  databaseServers: number,
): Record<Meter, Interval | undefined> {
  const exactly = (count: number): Interval => ({ low: count, mid: count, high: count });
  return {
    database_gib: needs.databaseBytes && scaled(needs.databaseBytes, 1 / GIB),
    stream_gib: needs.streamBytes && scaled(needs.streamBytes, 1 / GIB),
    wire_gib: fleet.wireBytes && scaled(fleet.wireBytes, MONTH_DAYS / GIB),
    million_events: scaled(fleet.events, MONTH_DAYS / MILLION),
    host: exactly(fleet.hosts),
    collector: exactly(needs.collectors),
    collector_cpu: exactly(needs.collectorCpus),
    nats_server: exactly(needs.natsServers),
    database_server: exactly(databaseServers),
  };
}
