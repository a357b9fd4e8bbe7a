/** A transparency log of a test's own: its key, a witness as a program of its own, and who reads the log's files over HTTPS. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { type Identity, Child, freePort, type Stack, waitForPort } from "@hosttrail/stack";
import { parseVerifierKey, type VerifierKey } from "@hosttrail/lib/tlog";

const COLLECTOR = new URL("../collector/src/main.ts", import.meta.url).pathname;
const WITNESS = new URL("../collector/src/witnessmain.ts", import.meta.url).pathname;

export interface LogFixture {
  key: VerifierKey;
  keyFile: string;
  witnessKey: VerifierKey;
  witness: Child;
  witnessPort: number;
  /** The section `attest` of collector.yaml. */
  config: Record<string, unknown>;
}

function makeKey(program: readonly string[], name: string, file: string): string {
  return execFileSync(process.execPath, [...program, "make", name, file], { encoding: "utf8" }).trim();
}

/** Makes keys, a policy and a witness that runs. Its files lie in this folder. */
export async function openLog(folder: string, origin: string): Promise<LogFixture> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = (name: string): string => join(folder, name);
  const logLine = makeKey([COLLECTOR, "log-key"], origin, file("log.key"));
  const witnessLine = makeKey([WITNESS, "key"], "witness.example/w1", file("witness.key"));
  const witnessPort = await freePort();
  writeFileSync(
    file("witness.yaml"),
    [
      "name: witness.example/w1",
      `key_file: ${file("witness.key")}`,
      `state_directory: ${file("witness")}`,
      `listen: 127.0.0.1:${String(witnessPort)}`,
      `logs: ["${logLine}"]`,
      "",
    ].join("\n"),
  );
  writeFileSync(
    file("policy"),
    `log ${logLine}\nwitness w1 ${witnessLine} http://127.0.0.1:${String(witnessPort)}\nquorum w1\n`,
  );
  const args = [WITNESS, "--config", file("witness.yaml")];
  const witness = new Child({ name: "witness", command: process.execPath, args, directory: folder });
  witness.start();
  await waitForPort(witnessPort, "the witness", () => witness.assertRunning());
  return {
    key: parseVerifierKey(logLine, ["ed25519"]),
    keyFile: file("log.key"),
    witnessKey: parseVerifierKey(witnessLine, ["cosignature/v1"]),
    witness,
    witnessPort,
    config: {
      origin,
      key_file: file("log.key"),
      policy_file: file("policy"),
      interval_ms: 100,
      lease_ms: 1000,
    },
  };
}

/** A file of the log; undefined where there is none. Throws where whoever serves it is away. */
export async function readLogFile(
  stack: Stack,
  port: number,
  path: string,
  identity: Identity | "none" = stack.user,
): Promise<{ status: number; type: string; body: Uint8Array }> {
  const ca = readFileSync(join(stack.authority, "trust.crt"));
  const own =
    identity === "none" ? {} : { cert: readFileSync(identity.certificateFile), key: readFileSync(identity.keyFile) };
  return await new Promise((resolve, reject) => {
    request({ host: "localhost", port, path: `/${path}`, ca, ...own, agent: false, timeout: 5000 }, (response) => {
      buffer(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, type: response.headers["content-type"] ?? "", body }),
        reject,
      );
    })
      .on("error", reject)
      .end();
  });
}
