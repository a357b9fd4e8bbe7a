/** No secret stands where it must not: a scanner looks everywhere, and first finds what was planted. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { after, before, describe, it } from "node:test";
import { stringify } from "yaml";
import { type openStack, queryClient, searchAll } from "./environment.ts";
import { metricsOf } from "./metrics.ts";
import { openReplay } from "./replay.ts";
import {
  filesBelow,
  findSecrets,
  pidsOf,
  placesOfProcesses,
  placesOfStack,
  SECRET_FILES,
  secretsOf,
} from "./scanner.ts";

const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;

let stack: Awaited<ReturnType<typeof openStack>>;
let folder: string;
let apiToken: string;
let enrollmentToken: string;

before(async () => {
  stack = await openReplay();
  folder = dirname(stack.agentConfigFile);
  // Used as people use them.
  enrollmentToken = stack.hosttrail("token", "create", "--hosts", "3").trim();
  apiToken = stack.hosttrail("api-token", "create", "scanner").trim();
  const tokenFile = join(folder, "api-token");
  writeFileSync(tokenFile, apiToken, { mode: 0o600 });
  const { endpoint, ca_file } = stack.profile(stack.user);
  const profile = join(folder, "by-token.yaml");
  writeFileSync(profile, stringify({ endpoint, ca_file, token_file: tokenFile }), { mode: 0o600 });
  const ask = (...words: string[]): string =>
    execFileSync(process.execPath, [CLI, "--profile", profile, ...words], { encoding: "utf8" });
  assert.match(ask("whoami"), /viewer/);
  ask("search", "process.name = scanned");
  // Its use goes wrong, too: errors must not tell it either.
  writeFileSync(tokenFile, apiToken.replace(/.$/, "!"), { mode: 0o600 });
  assert.throws(() => ask("whoami"));
  writeFileSync(tokenFile, apiToken, { mode: 0o600 });
});
after(() => stack[Symbol.asyncDispose]());

/** Where one of the secrets stands: files, arguments, environments, and what the API gives out. */
async function scan(secrets: ReadonlyMap<string, string>, pids: readonly number[]): Promise<string[]> {
  const client = queryClient(stack);
  const events = await searchAll(client, { pageSize: 1000 });
  client.close();
  const places = new Map<string, Buffer>([
    [
      "events",
      Buffer.from(
        JSON.stringify(events, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
      ),
    ],
    ["record of calls", Buffer.from(stack.hosttrail("audit", "--limit", "10000", "--json"))],
    [
      "tokens",
      Buffer.from(stack.hosttrail("token", "list", "--json") + stack.hosttrail("api-token", "list", "--json")),
    ],
    ["hosts", Buffer.from(stack.hosttrail("host", "list", "--json"))],
    ["metrics", Buffer.from(await metricsOf(stack))],
  ]);
  return findSecrets(secrets, [...places, ...placesOfStack(stack), ...placesOfProcesses(pids)]);
}

describe("secrets", () => {
  it("are found by the scanner where they were planted", async () => {
    const canary = randomBytes(24).toString("base64url");
    const planted = join(folder, "planted.log");
    writeFileSync(planted, `something ${Buffer.from(canary).toString("base64")} something\n`);
    const words = ["-e", "setTimeout(() => {}, 60000)", "--", `--password=${canary}`];
    const child: ChildProcess = spawn(process.execPath, words, { env: { CANARY: canary }, stdio: "ignore" });
    await once(child, "spawn");
    const client = queryClient(stack);
    await searchAll(client, { filter: `process.name = ${canary}` });
    client.close();
    try {
      const pid = child.pid ?? 0;
      const found = await scan(new Map([["canary", canary]]), [pid]);
      for (const place of ["planted.log", `/proc/${pid}/cmdline`, `/proc/${pid}/environ`, "record of calls"]) {
        assert.ok(found.includes(`canary in ${place}`), `${place} is not among ${found.join(", ")}`);
      }
      assert.ok(
        found.some((each) => each.includes("mongodb") || each.includes("ferretdb")),
        found.join(", "),
      );
    } finally {
      child.kill("SIGKILL");
      writeFileSync(planted, "");
    }
  });

  it("stand in no log, argument, environment, database, stream, spool or answer", async () => {
    const secrets = secretsOf(stack);
    secrets.set("the enrolment token", enrollmentToken.split("_").slice(2).join("_"));
    const kept = ["ca.key", "collector.key", "host.key", "user-dev.key", "api-token"];
    for (const name of kept)
      assert.ok(
        [...secrets.keys()].some((each) => each.endsWith(name)),
        name,
      );
    assert.deepEqual(await scan(secrets, pidsOf(stack)), []);
  });

  it("lie in files of their owner alone, and a used enrolment token is gone", () => {
    assert.ok(!existsSync(join(folder, "enrollment-token")));
    const files = filesBelow(folder).filter((file) => SECRET_FILES.some((each) => each.test(relative(folder, file))));
    assert.ok(files.length >= 6, files.join(" "));
    for (const file of files) assert.equal((statSync(file).mode & 0o077).toString(8), "0", file);
  });
});
