/** The shell completes what the programs know. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

const FILE = new URL("../../packaging/agent/completions/hosttrail-agent", import.meta.url).pathname;
const MANUAL = new URL("../../packaging/agent/man/hosttrail-agent.8", import.meta.url).pathname;

/** What bash would offer behind these words of the agent. */
function offered(...words: string[]): string[] {
  const script =
    'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hosttrail_agent; printf "%s\\n" "${COMPREPLY[@]}"';
  return execFileSync("bash", ["-c", script, "bash", FILE, "hosttrail-agent", ...words], { encoding: "utf8" })
    .split("\n")
    .filter((word) => word !== "");
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
