/** What the linters and unit tests of each tool say of its module, with how much they looked at. */
import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isOnPath, settingsOf } from "./tools.ts";

const INTEGRATIONS = new URL("../../integrations", import.meta.url).pathname;

function absent(command: string): string | false {
  return isOnPath(command) ? false : `${command} is not installed`;
}

describe("modules are what a reviewer of their tool would accept", () => {
  let scratch: string;
  before(() => {
    scratch = mkdtempSync(join(tmpdir(), "hosttrail-lint-"));
  });
  after(() => rmSync(scratch, { recursive: true }));

  /** Runs a command in a folder; it must succeed. */
  function sure(folder: string, settings: NodeJS.ProcessEnv, command: string, ...words: string[]): string {
    const env = { ...process.env, LC_ALL: "C.UTF-8", NO_COLOR: "1", ...settings };
    const done: SpawnSyncReturns<string> = spawnSync(command, words, { cwd: folder, encoding: "utf8", env });
    assert.equal(done.status, 0, `${command} ${words.join(" ")}\n${done.stdout}${done.stderr}`);
    return done.stdout + done.stderr;
  }

  /** A number from a tool's output; none must not pass. */
  function count(what: string, pattern: RegExp, output: string): number {
    const found = Number(pattern.exec(output)?.[1] ?? 0);
    assert.ok(found > 0, `${what}: nothing was looked at\n${output}`);
    process.stdout.write(`  ${what}: ${found}\n`);
    return found;
  }

  describe("Ansible", () => {
    let collections: string;
    let collection: string;
    before(() => {
      collections = join(scratch, "collections");
      collection = join(collections, "ansible_collections/hosttrail/agent");
      cpSync(join(INTEGRATIONS, "ansible/example"), collection, { recursive: true });
    });

    it("yamllint", { skip: absent("yamllint") }, () => {
      sure(collection, {}, "yamllint", "--strict", ".");
      const files = sure(collection, {}, "yamllint", "--list-files", ".");
      count("files that yamllint finds nothing in", /(\d+)/, String(files.trim().split("\n").length));
    });

    it("ansible-lint, profile production", { skip: absent("ansible-lint") }, () => {
      const settings = { ANSIBLE_COLLECTIONS_PATH: collections, ANSIBLE_HOME: join(scratch, ".ansible") };
      const output = sure(collection, settings, "ansible-lint", "--offline", "--profile", "production");
      assert.match(output, /Passed with production profile/);
      count("files that ansible-lint finds nothing in", /0 failure\(s\), 0 warning\(s\) on (\d+) files/, output);
    });

    // Tests for which it would download something are left out: yamllint runs above, runtime-metadata looks at one line, and the others look at
    // Python, of which there is one file: groups.test.ts has Ansible itself run that.
    it("ansible-test sanity", { skip: absent("ansible-test") }, () => {
      // With the system's own Pythons: a shim of another version manager may be there by name alone, and be no Python.
      const settings = { PATH: "/usr/bin:/bin", HOME: scratch, ANSIBLE_HOME: join(scratch, ".ansible") };
      // It looks at what git knows.
      sure(collection, settings, "git", "init", "--quiet");
      sure(collection, settings, "git", "add", ".");
      const skipped = ["runtime-metadata", "yamllint", "import", "pep8", "pylint", "validate-modules"];
      const words = ["sanity", "--color", "no", ...skipped.flatMap((name) => ["--skip-test", name])];
      const output = sure(collection, settings, "ansible-test", ...words);
      rmSync(join(collection, ".git"), { recursive: true });
      count(
        "sanity tests of ansible-test that pass",
        /(\d+)/,
        String(output.match(/^Running sanity test/gm)?.length ?? 0),
      );
    });

    it("builds and installs as a collection, and its playbooks are understood", {
      skip: absent("ansible-galaxy"),
    }, () => {
      sure(collection, {}, "ansible-galaxy", "collection", "build", "--output-path", scratch);
      const target = join(scratch, "installed");
      const archive = join(scratch, "hosttrail-agent-1.0.0.tar.gz");
      sure(scratch, {}, "ansible-galaxy", "collection", "install", "--offline", "-p", target, archive);
      for (const playbook of ["rollout", "verify", "uninstall", "cost_sample"]) {
        const settings = { ANSIBLE_COLLECTIONS_PATH: target };
        sure(
          scratch,
          settings,
          "ansible-playbook",
          "--syntax-check",
          "-i",
          "localhost,",
          `hosttrail.agent.${playbook}`,
        );
      }
    });
  });

  describe("Chef", () => {
    const settings = settingsOf("chef-client");
    const skip = typeof settings === "string" ? settings : false;
    let cookbook: string;
    before(() => {
      cookbook = join(scratch, "cookbooks/hosttrail");
      cpSync(join(INTEGRATIONS, "chef/example"), cookbook, { recursive: true });
    });

    it("Cookstyle", { skip }, () => {
      const output = sure(cookbook, settings as NodeJS.ProcessEnv, "cookstyle", ".");
      count("files that Cookstyle finds nothing in", /(\d+) files inspected, no offenses detected/, output);
    });

    it("ChefSpec", { skip }, () => {
      const output = sure(cookbook, settings as NodeJS.ProcessEnv, "rspec");
      count("examples of ChefSpec that pass", /(\d+) examples, 0 failures/, output);
    });
  });

  describe("Terraform", () => {
    const settings = settingsOf("terraform");
    const skip = typeof settings === "string" ? settings : false;
    let modules: string;
    before(() => {
      modules = join(scratch, "terraform");
      cpSync(join(INTEGRATIONS, "terraform/example"), modules, { recursive: true });
    });

    it("fmt", { skip }, () => {
      assert.equal(
        sure(modules, settings as NodeJS.ProcessEnv, "terraform", "fmt", "-check", "-diff", "-recursive"),
        "",
      );
    });

    it("validate and test", { skip }, () => {
      const env = settings as NodeJS.ProcessEnv;
      sure(modules, env, "terraform", "init", "-input=false", "-backend=false");
      assert.match(sure(modules, env, "terraform", "validate"), /Success!/);
      for (const example of ["minimal", "complete"]) {
        const folder = join(modules, "examples", example);
        sure(folder, env, "terraform", "init", "-input=false", "-backend=false");
        assert.match(sure(folder, env, "terraform", "validate"), /Success!/);
      }
      count("runs of terraform test that pass", /(\d+) passed, 0 failed/, sure(modules, env, "terraform", "test"));
    });
  });
});
