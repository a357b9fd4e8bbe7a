import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { ConfigError } from "@hosttrail/lib/config";
import { loadWitnessConfig } from "./witness.ts";

const folder = mkdtempSync(join(tmpdir(), "hosttrail-witness-config-"));
after(() => rmSync(folder, { recursive: true }));
const EXAMPLE = readFileSync(new URL("../../../packaging/collector/examples/witness.yaml", import.meta.url), "utf8");

function load(text: string) {
  const file = join(folder, "witness.yaml");
  writeFileSync(file, text);
  return loadWitnessConfig(file);
}

describe("witness.yaml", () => {
  it("is right as it comes with the package", () => {
    const { name, listen, logs } = load(EXAMPLE);
    assert.deepEqual(
      [name, listen, logs.map((log) => log.name)],
      ["witness.example.net", "127.0.0.1:7446", ["log.example.org/hosttrail"]],
    );
  });

  it("names what is wrong in it", () => {
    const wrong = (text: string, pattern: RegExp): void =>
      assert.throws(
        () => load(text),
        (error) => error instanceof ConfigError && pattern.test(error.message),
      );
    wrong(EXAMPLE.replace("name: ", "names: "), /names/);
    wrong(EXAMPLE.replace("log.example.org/hosttrail+", "log.example.org/other+"), /logs\[0\]: its id is not/);
    wrong(EXAMPLE.replace(/logs:\n.*\n/, "logs: []\n"), /logs/);
    wrong(`${EXAMPLE}tls: {key_file: /x}\n`, /tls needs certificate_file and key_file, or neither/);
  });
});
