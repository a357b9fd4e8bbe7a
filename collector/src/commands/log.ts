/** `hosttrail-collector log-key …`, `witness-key …`, `witness`: keys of the transparency log, and the program that cosigns it. */
import { openLogger } from "@hosttrail/lib/log";
import { formatVerifierKey, type KeyType } from "@hosttrail/lib/tlog";
import { makeSigner, openSigner } from "../attest/index.ts";
import { loadWitnessConfig } from "../config/index.ts";
import { startWitness } from "../witness/index.ts";

const TYPES: Readonly<Record<string, KeyType>> = { "log-key": "ed25519", "witness-key": "cosignature/v1" };

/** Makes a key in a file, or says what is public of one; throws where it is no command. */
export function logKey(words: readonly string[]): void {
  const [program = "", command = "", name = "", file = "", ...more] = words;
  const type = TYPES[program];
  const act = command === "make" ? makeSigner : command === "show" ? openSigner : undefined;
  if (type === undefined || act === undefined || file === "" || more.length > 0) {
    throw new Error(
      `${program}: "${words.slice(1).join(" ")}" is no command; allowed are make NAME FILE, show NAME FILE`,
    );
  }
  process.stdout.write(`${formatVerifierKey(act(type, name, file).key)}\n`);
}

/** Runs a witness until a signal ends it. */
export async function witness(configFile: string, isCheckOnly: boolean, fail: (error: unknown) => void): Promise<void> {
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
