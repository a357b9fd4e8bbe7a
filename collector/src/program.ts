/** Reads the config and starts the pipeline, or does what else the command says. */
import tls from "node:tls";
import { parseArgs } from "node:util";
import { openLogger } from "@hosttrail/lib/log";
import { authority, doctor, logKey, mongodb, nats } from "./commands/index.ts";
import { loadCollectorConfig } from "./config/index.ts";
import { startCollector } from "./pipeline.ts";
import { Reload } from "./reload.ts";
import { COLLECTOR_VERSION } from "./version.ts";

const USAGE = `usage: hosttrail-collector --config FILE [--check-config]
       hosttrail-collector nats|mongodb COMMAND --config FILE
       hosttrail-collector doctor --config FILE
       hosttrail-collector ca COMMAND --directory FOLDER [--passphrase-file FILE]
       hosttrail-collector log-key make|show NAME FILE

  --config FILE    configuration (YAML)
  --check-config   say whether the configuration is right, and end
  --version        print the version

  nats plan          what NATS has, beside what it must have; ends with 0, with 1 where something is to be done, with 2 where something is wrong
  nats apply         make streams and consumers so
  nats rights [LOGIN...]
                     the least rights of a login for each role, as a part of nats-server's configuration
  mongodb plan       the same of the database: server, write concern, disk, rights, collections and indexes
  mongodb apply      make indexes so
  mongodb rights [LOGIN...]
                     the least rights of a login for each role, as a script for mongosh
    --certificates     logins are known by their certificates rather than by passwords

  doctor             look at all that a collector needs; ends with 0, with 1 where there are warnings, with 2 where something must be repaired

  ca init            make an authority in an empty folder
  ca server NAME...  make a collector's certificate for these DNS names and addresses
  ca user NAME       make a client certificate for a person or a program
  ca rotate STEP     begin, switch or finish the change to a new key; see docs/security.md
    --days N           how long the certificate is valid (default 90)
    --output PATH      where to put PATH.crt and PATH.key (default: FOLDER/NAME)

  log-key make|show NAME FILE
                     make the key of a transparency log, or print its public part; NAME is the log's origin
`;

function fail(error: unknown): never {
  process.stderr.write(`hosttrail-collector: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

async function run(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      directory: { type: "string" },
      "passphrase-file": { type: "string", default: "" },
      days: { type: "string", default: "90" },
      output: { type: "string" },
      config: { type: "string" },
      "check-config": { type: "boolean", default: false },
      certificates: { type: "boolean", default: false },
      version: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (positionals[0] === "ca" && !values.help) return await authority(positionals.slice(1), values);
  if (positionals[0] === "log-key" && !values.help) return logKey("ed25519", positionals);
  const administer = positionals[0] === "nats" ? nats : positionals[0] === "mongodb" ? mongodb : undefined;
  if (administer !== undefined && values.config !== undefined && !values.help) {
    process.exitCode = await administer(positionals.slice(1), loadCollectorConfig(values.config), values);
    return;
  }
  if (positionals[0] === "doctor" && positionals.length === 1 && values.config !== undefined && !values.help) {
    process.exitCode = await doctor(values.config);
    return;
  }
  if (values.version) process.stdout.write(`hosttrail-collector ${COLLECTOR_VERSION}\n`);
  else if (values.help || values.config === undefined || positionals.length > 0) {
    process.stdout.write(USAGE);
    if (!values.help) process.exitCode = 2;
  } else {
    const config = loadCollectorConfig(values.config);
    if (values["check-config"]) {
      process.stdout.write(`${values.config}: ok\n`);
      return;
    }
    tls.DEFAULT_MIN_VERSION = "TLSv1.3";
    const logger = openLogger("hosttrail-collector", config.logLevel);
    const reload = new Reload(values.config, logger);
    // From now on: a signal that nobody takes ends the process.
    process.on("SIGHUP", () => reload.read());
    const collector = await startCollector(config, logger);
    reload.begin(collector);
    const end = (reason: string): void => {
      logger.info({ reason }, "stopping");
      reload.end();
      collector.stop().then(() => process.exit(0), fail);
    };
    process.once("SIGTERM", () => end("SIGTERM"));
    process.once("SIGINT", () => end("SIGINT"));
  }
}

run().catch(fail);
