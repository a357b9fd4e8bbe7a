import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { type Fleet, loadFleet } from "../spec/index.ts";
import { settingsOf } from "../surface/index.ts";
import { generate, TOOLS } from "./index.ts";

const FOLDER = new URL("../..", import.meta.url).pathname;
const fleet = loadFleet(join(FOLDER, "examples/fleet.yaml"));

function fileOf(tool: (typeof TOOLS)[number], path: string, of: Fleet = fleet): string {
  const file = generate(tool, of).find((each) => each.path === path);
  assert.ok(file, `${tool} has no ${path}`);
  return file.content;
}

describe("generated modules", () => {
  for (const tool of TOOLS) {
    it(`for ${tool} are the same for the same spec, and say where they come from`, () => {
      const files = generate(tool, fleet);
      assert.deepEqual(generate(tool, fleet), files);
      for (const { path, content } of files) {
        assert.ok(!content.includes("undefined") && !content.includes("[object"), path);
        if (!/\.(?:tf|yml|rb|md|sh)$/.test(path)) continue;
        assert.match(
          content,
          new RegExp(`from the fleet spec "example" \\(sha256 ${fleet.hash.slice(0, 16)}\\)`),
          path,
        );
      }
    });

    it(`for ${tool} have a variable for each setting, with a row in their README`, () => {
      const all = generate(tool, fleet)
        .map(({ content }) => content)
        .join("\n");
      const readme = { ansible: "roles/agent/README.md", chef: "README.md", terraform: "modules/agent-ssh/README.md" }[
        tool
      ];
      const prefix = { ansible: "hosttrail_agent_", chef: "", terraform: "agent_" }[tool];
      for (const { name } of settingsOf(fleet)) {
        assert.ok(all.includes(`${prefix}${name}`), `${tool}: ${name}`);
        assert.ok(fileOf(tool, readme).includes(`| \`${prefix}${name}\` |`), `${tool}: ${name} in ${readme}`);
      }
    });
  }

  it("have argument specs that agree with the defaults", () => {
    const defaults = parse(fileOf("ansible", "roles/agent/defaults/main.yml")) as Record<string, unknown>;
    const specs = parse(fileOf("ansible", "roles/agent/meta/argument_specs.yml")) as {
      argument_specs: { main: { options: Record<string, { default?: unknown }> } };
    };
    const { options } = specs.argument_specs.main;
    assert.deepEqual(Object.keys(options).sort(), Object.keys(defaults).sort());
    for (const [name, { default: value }] of Object.entries(options))
      if (value !== undefined) assert.deepEqual(value, defaults[name], name);
  });

  it("are code, whatever stands in the spec", () => {
    const odd = 'it\'s "odd" ${x} %{y} {{ z }} #{w} \\ <%= v %> end';
    const text = `# ${odd}\n-w /etc/x -p wa -k x\n`;
    const strange: Fleet = {
      ...fleet,
      ownRules: text,
      agent: { ...fleet.agent, labels: { a: odd }, redaction: { enabled: true, patterns: [odd] } },
    };
    const defaults = parse(fileOf("ansible", "roles/agent/defaults/main.yml", strange)) as Record<string, unknown>;
    assert.deepEqual(defaults["hosttrail_agent_labels"], { a: odd });
    assert.equal(defaults["hosttrail_agent_own_rules"], text);
    const attributes = fileOf("chef", "attributes/default.rb", strange);
    assert.ok(attributes.includes(`'a' => 'it\\'s "odd" \${x} %{y} {{ z }} #{w} \\\\ <%= v %> end'`), attributes);
    const variables = fileOf("terraform", "modules/agent-install/variables.tf", strange);
    assert.ok(variables.includes('a = "it\'s \\"odd\\" $${x} %%{y} {{ z }} #{w} \\\\ <%= v %> end"'), variables);
  });

  it("are kept as examples that are up to date", () => {
    for (const tool of TOOLS) {
      for (const { path, content } of generate(tool, fleet)) {
        const kept = readFileSync(join(FOLDER, tool, "example", path), "utf8");
        assert.equal(kept, content, `${tool}/example/${path}: run ./dev generate`);
      }
    }
  });
});
