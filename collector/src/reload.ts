/** The configuration, read again while the collector runs: by SIGHUP. States: starting -> running -> ended; in the first one a wish is kept. */
import { ConfigError } from "@hosttrail/lib/config";
import type { Logger } from "@hosttrail/lib/log";
import { loadCollectorConfig } from "./config/index.ts";
import { metrics } from "./metrics/index.ts";
import type { RunningCollector } from "./pipeline.ts";

export class Reload {
  readonly #file: string;
  readonly #logger: Logger;
  #collector: RunningCollector | undefined;
  #isWanted = false;
  #hasEnded = false;

  constructor(file: string, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
  }

  begin(collector: RunningCollector): void {
    this.#collector = collector;
    if (this.#isWanted) this.read();
  }

  end(): void {
    this.#hasEnded = true;
  }

  /** Never throws: with a file that is wrong the old configuration stays in force. */
  read(): void {
    if (this.#hasEnded) return;
    if (this.#collector === undefined) {
      this.#isWanted = true;
      return;
    }
    const about = { file: this.#file };
    try {
      const { applied, waiting } = this.#collector.retune(loadCollectorConfig(this.#file));
      metrics.configReloads.inc({ result: waiting.length === 0 ? "applied" : "waiting" });
      if (waiting.length === 0) this.#logger.info({ ...about, applied }, "the configuration is read again");
      else
        this.#logger.warn(
          { ...about, applied, waiting },
          "the configuration is read again; what waits holds after a restart",
        );
    } catch (error) {
      metrics.configReloads.inc({ result: "refused" });
      const problems = error instanceof ConfigError ? error.problems : [String(error)];
      this.#logger.error({ ...about, problems }, "the configuration is wrong: the old one stays in force");
    }
  }
}
