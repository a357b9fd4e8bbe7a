/** The agent's program: reads the config and starts the pipeline. */
import { parseArgs } from "node:util";
import { openLogger } from "@hosttrail/lib/log";
import { type AgentConfig, loadAgentConfig } from "./config/index.ts";
import { KernelAudit } from "./kernel/index.ts";
import { AGENT_VERSION, startAgent } from "./pipeline.ts";
import { KernelHold } from "./rules/index.ts";

/** Time beyond the shutdown deadline after which the process ends all the same. */
const EXIT_GRACE_MS = 2000;

const USAGE = `usage: hosttrail-agent --config FILE [--check-config | --release]

  --config FILE    configuration (YAML)
  --check-config   say whether the configuration is right, and end
  --release        take this agent's audit rules and settings out of the kernel, and end
  --version        print the version
`;

function readArguments(): { file: string; check: boolean; release: boolean } {
  const { values } = parseArgs({
    options: {
      config: { type: "string" },
      "check-config": { type: "boolean", default: false },
      release: { type: "boolean", default: false },
      version: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.version) {
    process.stdout.write(`hosttrail-agent ${AGENT_VERSION}\n`);
    process.exit(0);
  }
  if (values.help || values.config === undefined) {
    process.stdout.write(USAGE);
    process.exit(values.help ? 0 : 2);
  }
  return { file: values.config, check: values["check-config"], release: values.release };
}

function fail(error: unknown): never {
  process.stderr.write(`hosttrail-agent: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

async function run(config: AgentConfig): Promise<void> {
  const logger = openLogger("hosttrail-agent", config.logLevel);
  const agent = startAgent(config, logger);
  const end = (reason: string): void => {
    logger.info({ reason }, "stopping");
    // Whatever hangs: the spool is on disk, and the next start goes on from there.
    setTimeout(() => process.exit(1), config.shutdownDeadlineMs + EXIT_GRACE_MS).unref();
    agent.stop().then(() => process.exit(0), fail);
  };
  process.once("SIGTERM", () => end("SIGTERM"));
  process.once("SIGINT", () => end("SIGINT"));
  await agent.finished;
  end("end of the file");
}

try {
  const { file, check, release } = readArguments();
  const config = loadAgentConfig(file);
  if (check) process.stdout.write(`${file}: ok\n`);
  else if (release) {
    const { rules, settings } = new KernelHold(new KernelAudit(), config.stateDirectory).release();
    process.stdout.write(`released ${rules} rules and ${settings} settings\n`);
  } else await run(config);
} catch (error) {
  fail(error);
}
