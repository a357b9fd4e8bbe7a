/** The witness's program: cosigns transparency logs. It needs neither NATS nor a database. */
import { parseArgs } from "node:util";
import { openLogger } from "@hosttrail/lib/log";
import { logKey } from "./commands/log.ts";
import { loadWitnessConfig } from "./config/witness.ts";
import { openSigner } from "./signer/index.ts";
import { COLLECTOR_VERSION } from "./version.ts";
import { startWitness } from "./witness/index.ts";

const USAGE = `usage: hosttrail-witness --config FILE [--check-config]
       hosttrail-witness key make|show NAME FILE

  --config FILE    configuration (YAML)
  --check-config   say whether the configuration is right, and end
  --version        print the version

  key make NAME FILE  make the witness's key; prints its public part, for policies
  key show NAME FILE  print the public part of a key that is there
`;

function fail(error: unknown): never {
  process.stderr.write(`hosttrail-witness: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

async function run(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: "string" },
      "check-config": { type: "boolean", default: false },
      version: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (positionals[0] === "key" && !values.help) return logKey("cosignature/v1", positionals);
  if (values.version) process.stdout.write(`hosttrail-witness ${COLLECTOR_VERSION}\n`);
  else if (values.help || values.config === undefined || positionals.length > 0) {
    process.stdout.write(USAGE);
    if (!values.help) process.exitCode = 2;
  } else await witness(values.config, values["check-config"]);
}

/** Runs until a signal ends it. */
async function witness(configFile: string, isCheckOnly: boolean): Promise<void> {
  const config = loadWitnessConfig(configFile);
  if (isCheckOnly) {
    process.stdout.write(`${configFile}: ok\n`);
    return;
  }
  const logger = openLogger("hosttrail-witness", config.logLevel);
  const colon = config.listen.lastIndexOf(":");
  const host = config.listen.slice(0, colon).replaceAll(/^\[|\]$/g, "");
  const running = await startWitness(
    {
      listen: { host, port: Number(config.listen.slice(colon + 1)) },
      stateDirectory: config.stateDirectory,
      tls: config.tls.keyFile === "" ? undefined : config.tls,
      logs: config.logs.map((key) => ({ key })),
      key: openSigner("cosignature/v1", config.name, config.keyFile),
    },
    logger,
  );
  const end = (reason: string): void => {
    logger.info({ reason }, "stopping");
    running.close().then(() => process.exit(0), fail);
  };
  process.once("SIGTERM", () => end("SIGTERM"));
  process.once("SIGINT", () => end("SIGINT"));
}

run().catch(fail);
