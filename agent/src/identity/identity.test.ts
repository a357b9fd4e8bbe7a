import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseConfig } from "@hosttrail/lib/config";
import { openLogger } from "@hosttrail/lib/log";
import { type AgentConfig, agentSchema } from "../config/index.ts";
import { openIdentity } from "./index.ts";
import { OwnIdentity } from "./own.ts";
import { certificateRequest } from "./request.ts";

function withState(run: (state: string, config: AgentConfig) => void): void {
  const state = mkdtempSync(join(tmpdir(), "hosttrail-identity-"));
  try {
    writeFileSync(join(state, "ca.crt"), "");
    const text = `state_directory: ${state}
collector: { endpoints: ["localhost:1"], ca_file: ${state}/ca.crt }
enroll: { endpoints: ["localhost:1"] }
`;
    run(state, parseConfig<AgentConfig>(text, "test", agentSchema));
  } finally {
    rmSync(state, { recursive: true });
  }
}

const about = { hostName: "test", bootId: "b" };
const logger = openLogger("test", "error");
logger.level = "silent";

describe("a certificate signing request", () => {
  it("is PKCS#10 that openssl reads, verifies and finds without names", (context) => {
    const folder = mkdtempSync(join(tmpdir(), "hosttrail-request-"));
    try {
      const { privateKey } = generateKeyPairSync("ed25519");
      writeFileSync(join(folder, "request.der"), certificateRequest(privateKey));
      let text: string;
      try {
        text = execFileSync(
          "openssl",
          ["req", "-inform", "DER", "-in", join(folder, "request.der"), "-noout", "-verify", "-text"],
          { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
        );
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        context.skip("openssl is not installed");
        return;
      }
      assert.match(text, /Subject: *\n/);
      assert.match(text, /ED25519/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("wants an Ed25519 key", () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    assert.throws(() => certificateRequest(privateKey), /must be Ed25519/);
  });
});

describe("an identity of the agent's own", () => {
  it("is made once, readable by its owner alone, and stays", () => {
    withState((state, config) => {
      const first = openIdentity(config, about, logger);
      first.close();
      assert.match(first.hostId, /^[0-9a-f]{32}$/);
      assert.equal(statSync(join(state, "identity")).mode & 0o777, 0o700);
      assert.equal(statSync(join(state, "identity", "host.key")).mode & 0o777, 0o600);
      const second = openIdentity(config, about, logger);
      second.close();
      assert.equal(second.hostId, first.hostId);
      createPrivateKey(second.key);
    });
  });

  it("begins anew on another machine, and keeps what it had aside", () => {
    withState((state, config) => {
      const onMachine = (name: string): string => {
        writeFileSync(join(state, "product_uuid"), `${name}\n`);
        const identity = new OwnIdentity(config, about, logger, join(state, "product_uuid"));
        identity.close();
        return identity.hostId;
      };
      const first = onMachine("one");
      mkdirSync(join(state, "spool"));
      assert.equal(onMachine("one"), first);
      assert.notEqual(onMachine("another"), first);
      const names = readdirSync(state).filter((name) => name.includes(".copied-"));
      assert.deepEqual(names.map((name) => name.replace(/\d+$/, "")).sort(), ["identity.copied-", "spool.copied-"]);
    });
  });

  it("is put aside when the collector says that another machine has it", () => {
    withState((state, config) => {
      const first = openIdentity(config, about, logger);
      first.renounce();
      first.close();
      assert.ok(!existsSync(join(state, "identity")));
      const second = openIdentity(config, about, logger);
      second.close();
      assert.notEqual(second.hostId, first.hostId);
    });
  });

  it("refuses a key that others can read", () => {
    withState((state, config) => {
      openIdentity(config, about, logger).close();
      const path = join(state, "identity", "host.key");
      const text = readFileSync(path);
      rmSync(path);
      writeFileSync(path, text, { mode: 0o644 });
      assert.throws(() => openIdentity(config, about, logger), /has mode 0644/);
    });
  });

  it("says why there is no certificate, naming each collector that was asked", async () => {
    const state = mkdtempSync(join(tmpdir(), "hosttrail-identity-"));
    try {
      writeFileSync(join(state, "ca.crt"), "");
      const text = `state_directory: ${state}
collector: { endpoints: ["localhost:1"], ca_file: ${state}/ca.crt }
enroll: { endpoints: ["127.0.0.1:1", "127.0.0.1:2"] }
`;
      const identity = openIdentity(parseConfig<AgentConfig>(text, "test", agentSchema), about, logger);
      await assert.rejects(identity.credentials(), /no certificate: 127\.0\.0\.1:1: .*; 127\.0\.0\.1:2: /s);
      identity.close();
    } finally {
      rmSync(state, { recursive: true });
    }
  });
});
