import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { buildProgram, leavesOf } from "../program/index.ts";
import { manualPage } from "./index.ts";
import { argument, plain } from "./mdoc.ts";

const groff = spawnSync("groff", ["--version"]).error === undefined ? undefined : "groff is not installed";

describe("hosttrail(1)", () => {
  it("has every command with every option of it", () => {
    const page = manualPage(buildProgram());
    for (const command of leavesOf(buildProgram())) {
      const from = page.indexOf(`.It Ic ${command.words}${command.registeredArguments.length > 0 ? " " : "\n"}`);
      assert.ok(from >= 0, command.words);
      const end = page.indexOf(".It Ic ", from + 1);
      const own = page.slice(from, end < 0 ? undefined : end);
      for (const { long } of command.options)
        assert.ok(own.includes(`.It Fl -${long?.slice(2)}`), `${command.words} ${long}`);
    }
  });

  it("is read by the formatter without a complaint", { skip: groff }, () => {
    const { status, stderr, stdout } = spawnSync("groff", ["-mdoc", "-Tutf8", "-ww"], {
      input: manualPage(buildProgram()),
      encoding: "utf8",
    });
    assert.equal(status, 0);
    assert.equal(stderr, "");
    assert.match(stdout, /asks a collector about hosts and their audit events/);
  });

  it("says what it says, whatever its formatter takes for a request", () => {
    assert.equal(plain(".hidden \\n"), "\\&.hidden \\en");
    assert.equal(argument("Nm"), "\\&Nm");
    assert.equal(argument('say "x"'), '"say \\(dqx\\(dq"');
  });
});
