/** The shell completes what the programs know. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

const FILE = new URL("../../packaging/agent/completions/hosttrail-agent", import.meta.url).pathname;
const CLI_FILE = new URL("../../packaging/collector/completions/hosttrail", import.meta.url).pathname;
const CLI = new URL("../../cli/src/main.ts", import.meta.url).pathname;
const MANUAL = new URL("../../packaging/agent/man/hosttrail-agent.8", import.meta.url).pathname;

/** What bash would offer behind these words of the agent. */
function offered(...words: string[]): string[] {
  return offeredBy(FILE, "_hosttrail_agent", "hosttrail-agent", ...words);
}

function offeredBy(file: string, complete: string, ...words: string[]): string[] {
  const script =
    'source "$1"; complete=$2; shift 2; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); $complete; printf "%s\\n" "${COMPREPLY[@]}"';
  return execFileSync("bash", ["-c", script, "bash", file, complete, ...words], { encoding: "utf8" })
    .split("\n")
    .filter((word) => word !== "");
}

/** Commands that the program says it knows: "token create", "fleet validate|show|schema" … */
function knownCommands(): string[][] {
  const { stderr } = spawnSync(process.execPath, [CLI, "nonsense"], { encoding: "utf8" });
  const list = /known are (.*)/.exec(stderr)?.[1] ?? "";
  return list.split(", ").map((command) => command.split(" "));
}

describe("bash's completion of hosttrail-agent", () => {
  it("has every command of the manual, and those of two words", () => {
    // `.It Ic rules check Ar file`, `.It Ic quarantine list Op Fl -json`
    const commands = [...readFileSync(MANUAL, "utf8").matchAll(/^\.It Ic ((?:[a-z]+ ?)+)/gm)]
      .map((match) => (match[1] ?? "").trim().split(" "))
      .filter(([first = ""]) => first !== "");
    assert.ok(commands.length > 8, String(commands.length));
    for (const [first = "", second] of commands) {
      assert.ok(offered("").includes(first), first);
      if (second !== undefined && second !== "") assert.ok(offered(first, "").includes(second), `${first} ${second}`);
    }
  });

  it("completes what was begun, and files where a file is wanted", () => {
    assert.deepEqual(offered("rules", "ch"), ["check"]);
    assert.deepEqual(offered("rules", "check", FILE.slice(0, -3)), [FILE]);
    assert.deepEqual(offered("--config", FILE.slice(0, -3)), [FILE]);
  });
});

describe("bash's completion of hosttrail", () => {
  const offers = (...words: string[]): string[] => offeredBy(CLI_FILE, "_hosttrail", "hosttrail", ...words);

  it("has every command that the program knows, and those of two words", () => {
    const commands = knownCommands();
    assert.ok(commands.length > 30, String(commands.length));
    for (const [first = "", seconds = ""] of commands) {
      assert.ok(offers("").includes(first), first);
      for (const second of seconds.split("|").filter((word) => word !== "")) {
        assert.ok(offers(first, "").includes(second), `${first} ${second}`);
      }
    }
  });

  it("completes values, and files where a file is wanted", () => {
    assert.deepEqual(offers("alerts", "--severity", "c"), ["critical"]);
    assert.deepEqual(offers("alert", "close", "x", "--reason", "f"), ["false-positive"]);
    assert.deepEqual(offers("rules", "severity", "some-key", "au"), ["author"]);
    assert.deepEqual(offers("ruleset", "put", "mine", FILE.slice(0, -3)), [FILE]);
    assert.deepEqual(offers("rules", "test", FILE.slice(0, -3)), [FILE]);
    assert.deepEqual(offers("notify", "test", "x"), []);
  });
});
