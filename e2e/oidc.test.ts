/** A person logs in with a real identity provider on loopback, by the device flow, and asks. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Provider } from "oidc-provider";
import { stringify } from "yaml";
import { eventually, openStack } from "./environment.ts";
import { passPages } from "./providerpages.ts";

const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;
const ID_TOKEN_SECONDS = 3600;

let stack: Awaited<ReturnType<typeof openStack>>;
let server: Server;
let issuer: string;

/** Who confirms logs in by this name; their groups. */
const GROUPS: Readonly<Record<string, string[]>> = { alice: ["security"], bob: ["sales"] };

async function startProvider(): Promise<void> {
  server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "hosttrail",
        token_endpoint_auth_method: "none",
        application_type: "native",
        grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        response_types: [],
        redirect_uris: [],
      },
    ],
    features: { deviceFlow: { enabled: true } },
    claims: { openid: ["sub", "groups"] },
    conformIdTokenClaims: false,
    ttl: { IdToken: ID_TOKEN_SECONDS },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, groups: GROUPS[id] ?? [] }),
    }),
  });
  const answer = provider.callback();
  server.on("request", (request, response) => void answer(request, response));
}

before(async () => {
  await startProvider();
  stack = await openStack({
    collector: {
      access: {
        bindings: [
          { subject: "certificate:dev", role: "admin" },
          { subject: "oidc-group:security", role: "viewer" },
        ],
        oidc: { issuer, audience: "hosttrail" },
      },
    },
  });
  await stack.startServices();
  await stack.startCollector();
});
after(async () => {
  await stack[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

function profile(name: string): string {
  const path = join(dirname(stack.profileFile), `${name}.yaml`);
  const { endpoint, ca_file } = stack.profile(stack.user);
  writeFileSync(path, stringify({ endpoint, ca_file, oidc: { issuer } }), { mode: 0o600 });
  return path;
}

async function run(path: string, ...words: string[]): Promise<{ code: number | null; output: string; errors: string }> {
  const child = spawn(process.execPath, [CLI, "--profile", path, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = [collect(child, "stdout"), collect(child, "stderr")];
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output: output(), errors: errors() };
}

function collect(child: ChildProcess, stream: "stdout" | "stderr"): () => string {
  let text = "";
  child[stream]?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return () => text;
}

async function login(path: string, person: string): Promise<void> {
  const child = spawn(process.execPath, [CLI, "--profile", path, "login"], { stdio: ["ignore", "pipe", "inherit"] });
  const output = collect(child, "stdout");
  const ended = once(child, "close");
  const url = await eventually("the page to open", 15_000, async () => /open (\S+) and/.exec(output())?.[1]);
  await passPages(url, person);
  const [code] = (await Promise.race([ended, sleep(30_000, ["no end"], { ref: false })])) as [number | null];
  if (code !== 0) child.kill("SIGKILL");
  assert.equal(code, 0, output());
}

describe("hosttrail login", () => {
  it("lets in whom the provider knows and a role is bound to, with what that role may do", async () => {
    const path = profile("alice");
    await login(path, "alice");
    const session = join(dirname(path), ".alice.yaml.session");
    assert.equal(statSync(session).mode & 0o777, 0o600);
    const { output } = await run(path, "whoami");
    assert.match(output, /oidc:alice +viewer +all hosts/);
    assert.equal((await run(path, "hosts")).code, 0);
    const refused = await run(path, "token", "list");
    assert.equal(refused.code, 1);
    assert.match(refused.errors, /needs the role admin; oidc:alice is viewer/);
  });

  it("does not let in whom no role is bound to", async () => {
    const path = profile("bob");
    await login(path, "bob");
    const { code, errors } = await run(path, "whoami");
    assert.equal(code, 1);
    assert.match(errors, /no role is bound to oidc:bob/);
  });

  it("refuses a token that was changed, and forgets at logout", async () => {
    const path = profile("alice");
    const session = join(dirname(path), ".alice.yaml.session");
    const kept = JSON.parse(readFileSync(session, "utf8")) as { idToken: string };
    const [header = "", payload = "", signature = ""] = kept.idToken.split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, unknown>;
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: "root" })).toString("base64url");
    writeFileSync(session, JSON.stringify({ ...kept, idToken: [header, forged, signature].join(".") }));
    assert.match((await run(path, "whoami")).errors, /the bearer token is not valid/);
    const none = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
    writeFileSync(session, JSON.stringify({ ...kept, idToken: `${none}.${payload}.` }));
    assert.match((await run(path, "whoami")).errors, /the bearer token is not valid/);
    await run(path, "logout");
    assert.equal((await run(path, "whoami")).code, 1);
  });
});
