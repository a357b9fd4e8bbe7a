/** What auditing costs: samples of hosts, and what they say of days, fleets and money. */
export type { BusyTimes } from "./busy.ts";
export { type FleetForecast, likeOthers, scaledKey, type Sum, sumHosts } from "./fleet.ts";
export { type Basis, forecastHost, type HostForecast, type HourForecast, type KeyForecast } from "./host.ts";
export { type Interval, quantile as quantileOf, scaled } from "./interval.ts";
export { type MeasuredDay, measuredHost, withShare } from "./measured.ts";
export { CAPACITY, type Needs, needsOf, type NeedsOptions } from "./needs.ts";
export { type Bill, billOf, METERS, MONTH_DAYS, type PriceFile, readPrices } from "./prices.ts";
export {
  AGENT_KEY,
  type CostSample,
  NO_KEY,
  OTHERS,
  readSample,
  SAMPLE_BOUNDS,
  type SampledProgram,
  type SampleMinute,
  sampleText,
  type Weight,
} from "./sample.ts";
