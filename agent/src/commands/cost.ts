/** `hosttrail-agent cost`: what this host's audit events would cost; see docs/cost.md. */
import { parseConfig } from "@hosttrail/lib/config";
import { type AgentConfig, agentSchema, loadAgentConfig } from "../config/index.ts";
import { guardSample, releaseSample, sample } from "../sample/index.ts";

export interface CostOptions {
  /** agent.yaml; empty for one with nothing but defaults. */
  config: string;
  minutes: string;
  rules: readonly string[];
  log: string;
  output: string;
  host: string;
  besideDaemon: boolean;
  version: string;
}

const MINUTES_MAX = 1440;
/** Nothing of it is used: a sample asks no collector. */
const DEFAULTS = "collector:\n  endpoints: [localhost:1]\n  ca_file: /dev/null\n";

/** Runs the command that the words name; throws where there is none. */
export async function cost([command = "", ...words]: readonly string[], options: CostOptions): Promise<void> {
  if (command === "guard" && words.length === 1) return guardSample(Number(words[0]));
  if (words.length > 0) throw new Error(`cost ${command}: "${words.join(" ")}" is too much`);
  if (command === "release") {
    const { rules, settings } = releaseSample();
    process.stdout.write(`released ${rules} rules and ${settings} settings\n`);
    return undefined;
  }
  if (command !== "sample") throw new Error(`cost: "${command}" is no command; allowed are sample, release`);
  const { log, rules, output, host, besideDaemon, version } = options;
  if (log !== "" && (rules.length > 0 || options.minutes !== ""))
    throw new Error(
      "cost sample: --log is a recording, which has its own rules and length: leave --rules and --minutes out",
    );
  return sample({
    config: configOf(options.config),
    agentVersion: version,
    log,
    minutes: minutesOf(options.minutes),
    rulesFiles: rules,
    besideDaemon,
    output,
    host,
  });
}

function configOf(file: string): AgentConfig {
  return file === "" ? parseConfig<AgentConfig>(DEFAULTS, "defaults", agentSchema) : loadAgentConfig(file);
}

function minutesOf(text: string): number {
  const minutes = text === "" ? 10 : Number(text);
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= MINUTES_MAX) return minutes;
  throw new Error(`--minutes is "${text}"; allowed are whole minutes from 1 to ${MINUTES_MAX}`);
}
