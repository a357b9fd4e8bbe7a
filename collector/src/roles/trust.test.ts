import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { it } from "node:test";
import { watchTrust } from "./trust.ts";

const [OLD, NEW] = ["old", "new"].map(
  (name) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`,
) as [string, string];
/** The file is looked at every two seconds. */
const LOOKED_MS = 5000;

it("trusts as before while the file of authorities is away, and tells when it is back with others", async () => {
  const directory = mkdtempSync(join(tmpdir(), "hosttrail-trust-"));
  const file = join(directory, "trust.crt");
  const { promise, resolve } = Promise.withResolvers<string>();
  writeFileSync(file, OLD);
  const trust = watchTrust(file, resolve);
  try {
    rmSync(file);
    await sleep(LOOKED_MS);
    assert.equal(trust.pem(), OLD);
    writeFileSync(file, NEW);
    // Nothing else keeps this process while the file is not looked at.
    const late = setTimeout(() => resolve("not told"), 2 * LOOKED_MS);
    assert.equal(await promise, NEW);
    clearTimeout(late);
    assert.equal(trust.pem(), NEW);
  } finally {
    trust.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
