/** The agent's program: reads the config and starts the pipeline, or answers a question about it. */
import { parseArgs } from "node:util";
import { openLogger } from "@hosttrail/lib/log";
import {
  checkRules,
  cost,
  doctor,
  end as announceEnd,
  listQuarantined,
  planOfRules,
  redactTest,
  sendQuarantined,
  showStatus,
  verify,
} from "./commands/index.ts";
import { type AgentConfig, loadAgentConfig } from "./config/index.ts";
import { KernelAudit } from "./kernel/index.ts";
import { AGENT_VERSION, startAgent } from "./pipeline.ts";
import { KernelHold } from "./rules/index.ts";

/** Time beyond the shutdown deadline after which the process ends all the same. */
const EXIT_GRACE_MS = 2000;
/** EX_TEMPFAIL: start again. Source: sysexits.h. */
const EXIT_AGAIN = 75;
const TIMEOUT_SECONDS_MAX = 3600;
const CONFIG_FILE = "/etc/hosttrail-agent/agent.yaml";

const USAGE = `usage: hosttrail-agent [COMMAND] [--config FILE]

  run             read audit events and ship them (the command where none is given)
  status          how the running agent is: ledger, rules, collector
  doctor          why are there no events? looks at the kernel, other daemons, rights and namespaces
  rules plan      audit rules: loaded, desired, of others, and what would change
  rules check FILE  whether every line of a file is a rule
  redact --test   reads command lines from standard input and shows what is left of each
  verify          prove that events of this host arrive: one is made, and the collector reads it back from its database
    --timeout N     seconds to wait for that (default 60)
    --json          print the proof as JSON
  end             tell the running agent that this host will end, and wait until all events of before are stored
    --timeout N     seconds to wait for that (default 60)
  quarantine list what the collector refused: each block with the reason, and since when
    --json          print it as JSON
  quarantine send KEY...
                  have the running agent send these blocks again, as they are
    --all           all that are there
    --json          print what was sent and what was not as JSON
  release         take this agent's audit rules and settings out of the kernel
  cost sample     what this host's audit events would cost: they are counted for a while and not kept, nothing leaves the host
    --minutes N     for how long (default 10)
    --rules FILE    have these rules in the kernel meanwhile, and only then; again for more. Without: the rules that are there
    --beside-daemon load them although an audit daemon is there, which keeps what they make
    --log FILE      count a recorded log (audit.log and its rotations) instead
    --output FILE   where the counts are written; standard output where none is given
    --host NAME     the host's name in the sample (default: its own)
  cost release    take rules back that a sample left in the kernel when it and its guard were killed

  --config FILE   configuration (YAML); ${CONFIG_FILE} where none is given
  --check-config  say whether the configuration is right, and end
  --version       print the version
`;

function fail(error: unknown): never {
  process.stderr.write(`hosttrail-agent: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

async function run(config: AgentConfig): Promise<void> {
  const logger = openLogger("hosttrail-agent", config.logLevel);
  const agent = startAgent(config, logger);
  const end = (reason: string, code = 0): void => {
    logger.info({ reason }, "stopping");
    // Whatever hangs: the spool is on disk, and the next start goes on from there.
    setTimeout(() => process.exit(1), config.shutdownDeadlineMs + EXIT_GRACE_MS).unref();
    agent.stop(reason).then(() => process.exit(code), fail);
  };
  process.once("SIGTERM", () => end("SIGTERM"));
  process.once("SIGINT", () => end("SIGINT"));
  process.on("SIGHUP", () => agent.reload());
  // Whoever keeps us running starts us again, with a new identity.
  void agent.renounced.then(() => end("another machine has this identity", EXIT_AGAIN));
  await agent.finished;
  end("end of the file");
}

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0 && value <= TIMEOUT_SECONDS_MAX) return value;
  throw new Error(`--timeout is "${text}"; allowed are seconds up to ${TIMEOUT_SECONDS_MAX}`);
}

function release(config: AgentConfig): void {
  const { rules, settings } = new KernelHold(new KernelAudit(config.hostRoot), config.stateDirectory).release();
  process.stdout.write(`released ${rules} rules and ${settings} settings\n`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: "string" },
      "check-config": { type: "boolean", default: false },
      test: { type: "boolean", default: false },
      timeout: { type: "string", default: "60" },
      json: { type: "boolean", default: false },
      all: { type: "boolean", default: false },
      minutes: { type: "string", default: "" },
      rules: { type: "string", multiple: true, default: [] },
      "beside-daemon": { type: "boolean", default: false },
      log: { type: "string", default: "" },
      output: { type: "string", default: "" },
      host: { type: "string", default: "" },
      version: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.version) process.stdout.write(`hosttrail-agent ${AGENT_VERSION}\n`);
  if (values.help) process.stdout.write(USAGE);
  if (values.version || values.help) return;
  const command = values["check-config"] ? "check" : positionals.length === 0 ? "run" : positionals.join(" ");
  const configFile = values.config ?? CONFIG_FILE;
  const config = (): AgentConfig => loadAgentConfig(configFile);
  const [first, second, file, ...more] = positionals;
  if (first === "rules" && second === "check" && file !== undefined) return checkRules(file);
  if (first === "quarantine" && second === "send" && !values["check-config"]) {
    const keys = file === undefined ? [] : [file, ...more];
    return sendQuarantined(config(), { keys, all: values.all, json: values.json });
  }
  if (first === "cost" && !values["check-config"]) {
    const { minutes, rules, log, output, host } = values;
    const about = { minutes, rules, log, output, host, besideDaemon: values["beside-daemon"], version: AGENT_VERSION };
    return cost(positionals.slice(1), { ...about, config: values.config ?? "" });
  }
  switch (command) {
    case "run":
      return run(config());
    case "check":
      config();
      process.stdout.write(`${configFile}: ok\n`);
      return undefined;
    case "status":
      return showStatus(config());
    case "doctor":
      return doctor(config());
    case "rules plan":
      return planOfRules(config());
    case "redact":
      if (!values.test) throw new Error("redact does one thing so far: redact --test");
      return redactTest(config());
    case "verify":
      return verify(config(), { timeoutSeconds: seconds(values.timeout), version: AGENT_VERSION, json: values.json });
    case "end":
      return announceEnd(config(), { timeoutSeconds: seconds(values.timeout) });
    case "quarantine list":
      return listQuarantined(config(), { json: values.json });
    case "release":
      return release(config());
    default:
      process.stderr.write(USAGE);
      throw new Error(`there is no command "${command}"`);
  }
}

// A reader that went away, as `head` does, is no error: the command goes on, and its exit code says how it ended.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") fail(error);
});

main().catch(fail);
