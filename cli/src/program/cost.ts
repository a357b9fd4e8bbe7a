/** `hosttrail cost`. */
import { explainFailure, openClients } from "../clients.ts";
import * as commands from "../commands/index.ts";
import type { CliCommand } from "./command.ts";
import { collect, wholeNumber } from "./options.ts";
import { runs } from "./runtime.ts";

const DAYS_MAX = 36_500;
const HOURS_MAX = 24 * 365;

interface ForecastOptions {
  spec: string;
  sample: string[];
  prices: string;
  without: string[];
  retention?: number;
  hosts: string;
  outage: number;
  detections: string[];
  placeholders: string;
}

export function defineCost(program: CliCommand): void {
  const cost = program.command("cost").description("what auditing costs, before it is switched on and after");
  const forecast = cost
    .command("forecast")
    .description("events, bytes, servers and money of a host, a group and the fleet")
    .option("--spec <FILE>", "the fleet specification: groups, rules and hosts that have no sample", "")
    .option(
      "--sample <FILE>",
      "what `hosttrail-agent cost sample` wrote on a host; a folder for all in it; again for more",
      collect,
      [],
    )
    .option("--prices <FILE>", "what things cost (YAML); the example that comes with the package says which", "")
    .option("--without <KEY>", "as if hosts had no rules with this key; again for more", collect, [])
    .option(
      "--retention <DAYS>",
      "for how many days events are kept (default: as the collector keeps them; 30 with samples)",
      wholeNumber("--retention", DAYS_MAX),
    )
    .option("--hosts <N>", "for so many hosts in the same proportions, or so many times as many, as 2x", "")
    .option(
      "--outage <HOURS>",
      "for so long the message stream keeps what the database cannot take",
      wholeNumber("--outage", HOURS_MAX),
      24,
    )
    .option(
      "--detections <FILE>",
      "rules (Sigma) that shall not be blinded; a folder for all in it; again for more",
      collect,
      [],
    )
    .option("--placeholders <FILE>", "what stands for %names% in rules (YAML: a name and its values)", "")
    .example("cost forecast --spec fleet.yaml --sample web1.json --sample db1.json", "before the rollout")
    .example(
      "cost forecast --spec fleet.yaml --sample web1.json --hosts 2x --retention 30 --without network",
      "what if",
    )
    .example("cost forecast --sample web1.json --prices prices.yaml --json", "money, for a program");
  forecast
    .example("cost forecast --spec fleet.yaml", "by what the collector has stored, and when its disk is full")
    .note(
      "Without --sample the collector is asked: for its last 14 whole days, and for rules and programs for the last 24 hours.",
    );
  runs(forecast, async (work, _, options: ForecastOptions) => {
    const asked = costOptions(options);
    if (asked.samples.length > 0) return commands.forecastSamples(asked, work.output);
    const who = work.profile();
    const clients = openClients(who);
    try {
      return await commands.forecastMeasured(clients, asked, work.signal, work.output);
    } catch (error) {
      throw explainFailure(error, who);
    } finally {
      clients.close();
    }
  });
}

function costOptions({ sample, retention, outage, ...options }: ForecastOptions): commands.CostOptions {
  return { ...options, samples: sample, retentionDays: retention, outageHours: outage };
}
