/** Shells complete what the program knows. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { FIELDS } from "@hosttrail/lib/predicate";
import { buildProgram, leavesOf } from "../program/index.ts";
import { completionScript, type Shell, SHELLS } from "./index.ts";
import { modelOf } from "./model.ts";

function missing(shell: Shell): string | undefined {
  return spawnSync(shell, ["--version"]).error === undefined ? undefined : `${shell} is not installed`;
}

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "hosttrail-completion-"));
  for (const shell of SHELLS) writeFileSync(join(folder, shell), completionScript(shell, buildProgram()));
});
after(() => rmSync(folder, { recursive: true }));

/** What bash would offer, where these are the words of its line. */
function bash(...words: string[]): string[] {
  const script =
    'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hosttrail; printf "%s\n" "${COMPREPLY[@]}"';
  return execFileSync("bash", ["-c", script, "bash", join(folder, "bash"), "hosttrail", ...words], { encoding: "utf8" })
    .split("\n")
    .filter((word) => word !== "");
}

describe("completion", () => {
  it("takes an option's value for one in every command, or in none", () => {
    const { commands } = modelOf(buildProgram());
    const taking = new Map<string, boolean>();
    for (const { name, takesValue } of commands.flatMap(({ options }) => options)) {
      assert.equal(taking.get(name) ?? takesValue, takesValue, name);
      taking.set(name, takesValue);
    }
    assert.ok(taking.size > 40, String(taking.size));
  });

  it("knows the words of fields that have few", () => {
    const { fieldValues } = modelOf(buildProgram());
    const known = new Map(fieldValues);
    assert.deepEqual(known.get("event.outcome"), ["success", "failure", "unknown"]);
    assert.ok(known.get("event.category")?.includes("authentication"));
    assert.deepEqual(known.get("audit.success"), ["yes", "no"]);
    assert.equal(known.get("process.name"), undefined);
  });
});

describe("bash's completion", () => {
  it("has every command that the program knows, and those of two words", () => {
    const leaves = leavesOf(buildProgram()).map(({ words }) => words.split(" "));
    assert.ok(leaves.length > 60, String(leaves.length));
    const first = bash("");
    for (const name of new Set(leaves.map(([word = ""]) => word))) assert.ok(first.includes(name), name);
    for (const [group, inner] of Map.groupBy(
      leaves.filter((words) => words.length > 1),
      ([word = ""]) => word,
    )) {
      assert.deepEqual(bash(group, "").sort(), inner.map(([, word = ""]) => word).sort());
    }
  });

  it("completes values, and files where a file is wanted", () => {
    const file = join(folder, "bash");
    assert.deepEqual(bash("alerts", "--severity", "c"), ["critical"]);
    assert.deepEqual(bash("alert", "close", "x", "--reason", "f"), ["false-positive"]);
    assert.deepEqual(bash("rules", "severity", "some-key", "au"), ["author"]);
    assert.deepEqual(bash("ruleset", "put", "mine", file.slice(0, -1)), [file]);
    assert.deepEqual(bash("rules", "test", file.slice(0, -1)), [file]);
    assert.deepEqual(bash("rules", "check", "a", "--audit-rules", file.slice(0, -1)), [file]);
    assert.deepEqual(bash("notify", "test", "x"), []);
    assert.deepEqual(bash("search", "--since", "yes"), ["yesterday"]);
    assert.deepEqual(bash("export", "--format", "=", "par"), ["parquet"]);
    assert.deepEqual(bash("report", "log"), ["login"]);
    assert.deepEqual(bash("--json", "--zone", "Europe/Berl"), ["Europe/Berlin"]);
    assert.deepEqual(bash("search", "--columns", "time,process.working"), ["time,process.working_directory"]);
    assert.ok(bash("search", "--").includes("--no-fold"));
  });

  it("completes fields and values inside of filters, quoted or not", () => {
    assert.deepEqual(bash("search", "'event.outc"), ["event.outcome =", "event.outcome :"]);
    assert.deepEqual(bash("search", "'a.b = c AND (user.targ"), [
      "a.b = c AND (user.target.name =",
      "a.b = c AND (user.target.name :",
    ]);
    assert.deepEqual(bash("search", "'process.name = x AND event.outcome = f"), [
      "process.name = x AND event.outcome = failure",
    ]);
    assert.deepEqual(bash("search", "'-process.working"), [
      "-process.working_directory =",
      "-process.working_directory :",
    ]);
    // The shell splits an unquoted word at the sign.
    assert.deepEqual(bash("search", "event.outcome", "=", "s"), ["success"]);
    assert.deepEqual(bash("search", "event.outcome", "="), ["success", "failure", "unknown"]);
    assert.equal(bash("top", "").length, FIELDS.size);
    assert.deepEqual(bash("suppression", "create", "--filter", "'event.outcome = u"), ["event.outcome = unknown"]);
  });
});

describe("fish's completion", { skip: missing("fish") }, () => {
  const fish = (line: string): string[] =>
    execFileSync(
      "fish",
      ["--no-config", "-c", `source "$argv[1]"; complete -C "$argv[2]"`, join(folder, "fish"), line],
      {
        encoding: "utf8",
      },
    )
      .split("\n")
      .map((text) => text.split("\t")[0] ?? "")
      .filter((text) => text !== "");

  it("completes commands, values, and inside of filters", () => {
    assert.deepEqual(fish("hosttrail token cr"), ["create"]);
    assert.deepEqual(fish("hosttrail alerts --severity cr"), ["critical"]);
    assert.deepEqual(fish("hosttrail search 'event.outcome = s"), ["event.outcome = success"]);
    assert.deepEqual(fish("hosttrail search 'a.b = c AND (user.targ"), ["a.b = c AND (user.target.name"]);
  });
});

describe("zsh's completion", { skip: missing("zsh") }, () => {
  it("is what zsh can read", () => {
    execFileSync("zsh", ["-n", join(folder, "zsh")]);
  });
});
