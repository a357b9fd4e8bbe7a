/** Certificates that cannot be used: each side says which one, and why. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { DevelopmentCa, type Identity } from "@hosttrail/stack";
import { stringify } from "yaml";
import { eventually, openStack } from "./environment.ts";

const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;
const DAY_MS = 86_400_000;
const OVER = { notBefore: -2 * DAY_MS, notAfter: -DAY_MS };
const TO_COME = { notBefore: DAY_MS, notAfter: 2 * DAY_MS };

let stack: Awaited<ReturnType<typeof openStack>>;
let folder: string;
/** Trusted by the other collector. */
let root: DevelopmentCa;
let between: DevelopmentCa;
/** Its certificate is of `between`, without that one behind it. */
let other: Awaited<ReturnType<(typeof stack)["startAnotherCollector"]>>;

/** Its own certificate is as the first one's; it trusts both authorities. */
let both: typeof other;

before(async () => {
  stack = await openStack();
  folder = dirname(stack.agentConfigFile);
  root = await DevelopmentCa.create(folder, "root");
  between = await root.intermediate("between");
  await stack.startServices();
  await stack.startCollector();
  both = await stack.startAnotherCollector({ tls: tlsOf(await stack.ca.server("both"), [root.caFile]) });
  other = await stack.startAnotherCollector({ tls: tlsOf(await between.server(), [root.caFile]) });
});
after(() => stack[Symbol.asyncDispose]());

/** Several PEM files in one. */
function joined(name: string, ...files: readonly string[]): string {
  const file = join(folder, name);
  writeFileSync(file, files.map((each) => readFileSync(each, "utf8")).join("\n"));
  return file;
}

let trusts = 0;
function tlsOf(server: Identity, authorities: readonly string[]): Record<string, string> {
  const trust = joined(`trust-${trusts++}.crt`, join(stack.authority, "trust.crt"), ...authorities);
  return { ca_file: trust, certificate_file: server.certificateFile, key_file: server.keyFile };
}

let profiles = 0;
/** What the CLI says to `whoami` with this profile. */
function whoami(changes: Readonly<Record<string, string>>, identity: Identity = stack.user): Promise<string> {
  const file = join(folder, `profile-${profiles++}.yaml`);
  writeFileSync(file, stringify({ ...stack.profile(identity), ...changes }), { mode: 0o600 });
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, "--profile", file, "whoami"], { timeout: 20_000 }, (_error, stdout, stderr) => {
      assert.doesNotMatch(stderr, /Resolution note|use-system-ca|No connection established/);
      resolve(stdout + stderr);
    });
  });
}

describe("a client certificate that the collector does not take", () => {
  const name = (user: string): string => `the certificate CN=${user} \\(URI:spiffe://hosttrail/user/${user}\\) `;
  const refusal = (user: string, why: string): RegExp =>
    new RegExp(`neither a user's certificate nor a bearer token: ${name(user)}${why}`);

  it("has expired", async () => {
    const said = await whoami({}, await stack.ca.user("dev", OVER));
    assert.match(said, refusal("dev", "has expired at \\S+Z, and it is \\S+Z here"));
  });

  it("is not valid yet", async () => {
    const said = await whoami({}, await stack.ca.user("dev", TO_COME));
    assert.match(said, refusal("dev", "is not valid before \\S+Z, and it is \\S+Z here"));
  });

  it("is self-signed", async () => {
    assert.match(
      await whoami({}, await stack.ca.selfSigned("dev")),
      refusal("dev", "is self-signed and none of the trusted"),
    );
  });

  it("is of an authority that nobody trusts here", async () => {
    const said = await whoami({}, await root.user("dev"));
    assert.match(
      said,
      refusal("dev", "was issued by CN=Hosttrail development CA, which is none of the trusted authorities"),
    );
  });

  it("comes without the authority between, and is taken with it", async () => {
    // The caller must not trust that authority itself: OpenSSL would find it there and send it along.
    const way = { endpoint: `localhost:${both.queryPort}` };
    const identity = await between.user("dev");
    const said = await whoami(way, identity);
    assert.match(
      said,
      refusal("dev", "was issued by CN=Hosttrail between, which is none of .* and was not sent along"),
    );
    const whole = { ...identity, certificateFile: joined("chain.crt", identity.certificateFile, between.caFile) };
    assert.match(await whoami(way, whole), /certificate:dev/);
  });

  it("comes with an authority between that has expired", async () => {
    const late = await root.intermediate("late", OVER);
    const identity = await late.user("dev");
    const whole = { ...identity, certificateFile: joined("late-chain.crt", identity.certificateFile, late.caFile) };
    const said = await whoami({ endpoint: `localhost:${both.queryPort}` }, whole);
    assert.match(said, refusal("dev", "hangs on CN=Hosttrail late, which has expired at"));
  });

  it("is one of a host", async () => {
    const host = await stack.ca.host("0".repeat(32), "host-that-asks");
    assert.match(await whoami({}, host), /hosttrail\/host\/0{32}\) is not one of a user: it needs one URI spiffe:/);
  });

  it("is not there at all", async () => {
    const token = join(folder, "nobody.token");
    writeFileSync(token, "nothing-that-was-given-out\n", { mode: 0o600 });
    const said = await whoami({ certificate_file: "", key_file: "", token_file: token });
    assert.match(said, /the bearer token is not valid/);
  });
});

describe("a collector that cannot be reached", () => {
  it("does not listen", async () => {
    assert.match(
      await whoami({ endpoint: "127.0.0.1:1" }),
      /^hosttrail: 127\.0\.0\.1:1: nothing listens at 127\.0\.0\.1:1/,
    );
  });

  it("has a name that is not found", async () => {
    assert.match(await whoami({ endpoint: "nowhere.invalid:7444" }), /: the name nowhere\.invalid is not found$/m);
  });

  it("stands in the profile with a scheme, which is refused before anybody is asked", async () => {
    for (const endpoint of [
      "https://localhost:7444",
      "localhost:7444/",
      "localhost:0",
      "localhost:70000",
      "localhost",
      "::1:7444",
    ]) {
      assert.match(
        await whoami({ endpoint }),
        /endpoint is ".*"; it must match pattern ".*" \(host:port without scheme, user, password and path, as/,
      );
    }
  });

  it("does not speak TLS", async () => {
    const plain = createServer((socket) => socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
    const address = plain.address();
    const port = typeof address === "object" ? address?.port : 0;
    assert.match(await whoami({ endpoint: `127.0.0.1:${port}` }), /: what listens there does not speak TLS$/m);
    plain.close();
  });

  it("is of another authority", async () => {
    assert.match(
      await whoami({ ca_file: root.caFile }),
      /: the server's (?:authority|certificate) is (?:none of those|of none of the authorities) in ca_file/,
    );
  });

  it("sends its certificate without the authority between", async () => {
    const said = await whoami({ endpoint: `localhost:${other.queryPort}`, ca_file: root.caFile });
    assert.match(
      said,
      /is of none of the authorities in ca_file; or the server sends it without the authorities between$/m,
    );
  });

  it("cuts a host off whose certificate has expired, and the host says why", async () => {
    const identity = await stack.ca.host("1".repeat(32), "expired-host", OVER);
    const config = join(folder, "expired-agent.yaml");
    const collector = {
      endpoints: [`localhost:${stack.ingestPort}`],
      ca_file: join(stack.authority, "ca.crt"),
      certificate_file: identity.certificateFile,
      key_file: identity.keyFile,
    };
    const state = join(folder, "expired-state");
    writeFileSync(
      config,
      stringify({
        host_id: "1".repeat(32),
        collector,
        source: { mode: "none" },
        state_directory: state,
        runtime_directory: join(folder, "expired-run"),
      }),
      { mode: 0o600 },
    );
    const agent = new URL("../agent/src/main.ts", import.meta.url).pathname;
    let said = "";
    const child = execFile(process.execPath, [agent, "--config", config]);
    child.stdout?.on("data", (chunk: string) => (said += chunk));
    child.stderr?.on("data", (chunk: string) => (said += chunk));
    try {
      await eventually("the agent's word", 15_000, async () => said.includes("has expired") || undefined);
      assert.match(
        said,
        /the server hung up before the connection was established: the client certificate CN=1{32} .*has expired at/,
      );
      assert.match(stack.collector.logTail(200), /CERT_HAS_EXPIRED.*a client certificate is not taken/);
    } finally {
      child.kill("SIGKILL");
    }
  });
});

describe("a collector's own certificate", () => {
  it("without the authority between is told at the start", () => {
    const log = other.process.logTail(200);
    assert.match(log, /callers may refuse the collector's certificate/);
    assert.match(
      log,
      /CN=localhost \(DNS:localhost, IP Address:127\.0\.0\.1\) was issued by CN=Hosttrail between, whose certificate is neither behind it nor among the trusted authorities/,
    );
  });

  it("that is as it should be is not told of", () => {
    assert.doesNotMatch(stack.collector.logTail(200), /callers may refuse/);
  });

  it("that has expired is told at the start, and callers say so", async () => {
    const late = await stack.ca.server("late", OVER);
    const expired = await stack.startAnotherCollector({ tls: tlsOf(late, []) });
    assert.match(expired.process.logTail(200), /CN=localhost \(.*\) has expired at \S+Z, and it is/);
    const said = await whoami({ endpoint: `localhost:${expired.queryPort}` });
    assert.match(said, /: the server's certificate, or one above it, has expired by this machine's clock$/m);
  });

  it("must belong to its key, or nothing starts", async () => {
    const [mine, theirs] = [await root.server(), await stack.ca.server("theirs")];
    const tls = { ...tlsOf(mine, []), key_file: theirs.keyFile };
    await assert.rejects(
      stack.startAnotherCollector({ tls }),
      new RegExp(`${theirs.keyFile} is not the key of the first certificate in ${mine.certificateFile}`),
    );
  });
});
