/** What auditing costs: samples of hosts, and what they say of days, fleets and money. */
export {
  AGENT_KEY,
  type CostSample,
  type KeyMinute,
  NO_KEY,
  OTHERS,
  readSample,
  type RuleOrigin,
  SAMPLE_BOUNDS,
  type SampledProgram,
  type SampleMinute,
  sampleText,
  type Weight,
} from "./sample.ts";
