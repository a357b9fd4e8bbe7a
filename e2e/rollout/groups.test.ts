/**
 * One spec with groups, asked by each tool what each host shall have: Ansible itself renders the role's template, Terraform its modules'
 * outputs, Chef's own node reads the cookbook's attributes. All must be what `hosttrail fleet show` says, byte for byte.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isOnPath, settingsOf } from "./tools.ts";

const CLI = new URL("../../cli/src/main.ts", import.meta.url).pathname;
const EXAMPLES = new URL("../../integrations/examples", import.meta.url).pathname;

const SPEC = `
version: 1
name: grouped
x-patterns: &patterns ["sk_<live>&_[0-9]+", "{{ z }} \${y} %{x} #{w} '\\\\b' \\"q\\""]
collector: { endpoints: [collector.example.org:7443], enroll_endpoints: [collector.example.org:7445], ca_file: ca.pem }
agent:
  version: 0.1.0
  artifact: { source: file, directory: /srv, sha256: { deb: { x64: ${"a".repeat(64)} } } }
  labels: &labels { env: test, team: platform }
  budget: &budget { cpu_percent: 10 }
groups:
  - name: web
    match: { hosts: ["web*"] }
    agent: { labels: { tier: web }, budget: { cpu_percent: 20 }, rules: { sets: [baseline, network] } }
  - name: canary
    match: { tags: [canary, early] }
    agent: { budget: { <<: *budget, memory_bytes: 134217728 }, spool: { sync: always }, redaction: { patterns: *patterns } }
  - name: canary-web
    match: { tags: [canary], labels: { tier: web } }
    agent: { labels: { env: canary }, rules: { own_files: [own.rules], sets: [] }, proxy: "http://proxy:3128" }
  - name: europe
    match: { hosts: ["*.eu.example.org"] }
    agent: { labels: { region: eu }, integrity_paths: [/etc/ssh], redaction: { enabled: false, arguments: none } }
  - name: owned
    match: { labels: { owner: "o'neil \\"x\\"" } }
    agent: { audit_mode: none, rules: { manage: never, backlog_limit: 64 }, spool: { bytes_max: 8388608, hours_max: 0 } }
hosts:
  web1: { tags: [canary] }
  web2.eu.example.org: { labels: { env: own, owner: "o'neil \\"x\\"" } }
  WEB3: {}
  db1: { tags: [early], labels: { tier: web, "yes": "no", octal: "010", time: "1:30", "=": "<<", "<<": "=", day: "2026-01-31" } }
  other: {}
`;
/** As tools call them: the names of the spec, and what they know besides. */
const HOSTS: Readonly<Record<string, { tags: string[]; labels: Record<string, string> }>> = {
  "web1.us.example.org": { tags: [], labels: {} },
  "web2.eu.example.org": { tags: ["canary"], labels: { zone: "a" } },
  WEB3: { tags: [], labels: { tier: "none" } },
  db1: { tags: [], labels: {} },
  other: { tags: ["unknown"], labels: {} },
};

interface Shown {
  groups: string[];
  files: { path: string; content: string }[];
}

/** What of a host each tool is asked for. */
interface Answer {
  config: string;
  ownRules: string;
  proxy: string;
}

describe("groups of a fleet", () => {
  let scratch: string;
  let spec: string;
  const expected = new Map<string, Answer>();

  before(() => {
    scratch = mkdtempSync(join(tmpdir(), "hosttrail-groups-"));
    spec = join(scratch, "fleet.yaml");
    writeFileSync(spec, SPEC);
    writeFileSync(join(scratch, "ca.pem"), readFileSync(join(EXAMPLES, "ca.pem")));
    writeFileSync(join(scratch, "own.rules"), "# it's #{own} ${y} {{ z }}\n-w /etc/x -p wa -k x\n");
    for (const [name, { tags, labels }] of Object.entries(HOSTS)) {
      const words = [
        ...tags.flatMap((tag) => ["--tag", tag]),
        ...Object.entries(labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]),
      ];
      const { groups, files } = JSON.parse(
        hosttrail("fleet", "show", "--spec", spec, "--host", name, "--json", ...words),
      ) as Shown;
      process.stdout.write(`  ${name}: ${groups.join(", ") || "no group"}\n`);
      const of = (end: string): string => files.find(({ path }) => path.endsWith(end))?.content ?? "";
      expected.set(name, {
        config: of("/agent.yaml"),
        ownRules: of("/fleet.rules"),
        proxy: /grpc_proxy=(.*)/.exec(of("/proxy.conf"))?.[1] ?? "",
      });
    }
  });
  after(() => rmSync(scratch, { recursive: true }));

  function hosttrail(...words: string[]): string {
    return execFileSync(process.execPath, [CLI, ...words], { encoding: "utf8" });
  }

  function generated(tool: string, folder: string): string {
    const out = join(scratch, folder);
    hosttrail("generate", tool, "--spec", spec, "--out", out);
    return out;
  }

  it("are different for hosts that match different groups", () => {
    assert.equal(new Set([...expected.values()].map(({ config }) => config)).size, 5);
    assert.match(
      expected.get("web1.us.example.org")?.config ?? "",
      /labels: \{"env":"canary","team":"platform","tier":"web"\}/,
    );
    assert.match(expected.get("web2.eu.example.org")?.config ?? "", /"env":"own"/);
    assert.equal(expected.get("web1.us.example.org")?.proxy, "http://proxy:3128");
    assert.equal(expected.get("db1")?.proxy, "http://proxy:3128".slice(0, 0));
  });

  it("are the same by Ansible", {
    skip: isOnPath("ansible-playbook") ? false : "ansible-playbook is not installed",
  }, () => {
    const collection = generated("ansible", "collections/ansible_collections/hosttrail/agent");
    const hosts = Object.entries(HOSTS).map(([name, { tags, labels }]) => [
      name,
      { hosttrail_agent_tags: tags, hosttrail_agent_host_labels: labels },
    ]);
    writeFileSync(join(scratch, "inventory.json"), JSON.stringify({ all: { hosts: Object.fromEntries(hosts) } }));
    mkdirSync(join(scratch, "ansible"));
    const copy = (content: string, end: string): object => ({
      "ansible.builtin.copy": { content, dest: `${scratch}/ansible/{{ inventory_hostname }}.${end}` },
    });
    // Within the role, so that its variables are as they are in a run: what the inventory says goes before its defaults.
    const tasks = [
      {
        "ansible.builtin.template": { src: "agent.yaml.j2", dest: `${scratch}/ansible/{{ inventory_hostname }}.yaml` },
      },
      copy("{{ hosttrail_agent_own_rules }}", "rules"),
      copy("{{ hosttrail_agent_proxy }}", "proxy"),
    ];
    writeFileSync(join(collection, "roles/agent/tasks/ask.yml"), JSON.stringify(tasks));
    const role = { "ansible.builtin.import_role": { name: "hosttrail.agent.agent", tasks_from: "ask" } };
    const play = { hosts: "all", connection: "local", gather_facts: false, tasks: [role] };
    writeFileSync(join(scratch, "play.yml"), JSON.stringify([play]));
    const env = {
      ...process.env,
      LC_ALL: "C.UTF-8",
      ANSIBLE_COLLECTIONS_PATH: join(scratch, "collections"),
      ANSIBLE_HOME: join(scratch, ".ansible"),
      ANSIBLE_LOCAL_TEMP: join(scratch, ".ansible/tmp"),
    };
    execFileSync("ansible-playbook", ["-i", join(scratch, "inventory.json"), join(scratch, "play.yml")], {
      env,
      cwd: scratch,
      stdio: ["ignore", "ignore", "inherit"],
    });
    const read = (name: string, end: string): string =>
      readFileSync(join(scratch, "ansible", `${name}.${end}`), "utf8");
    for (const [name, answer] of expected) {
      const said = { config: read(name, "yaml"), ownRules: read(name, "rules"), proxy: read(name, "proxy") };
      assert.deepEqual(said, answer, name);
    }
  });

  const chef = settingsOf("chef-client");
  it("are the same by Chef", { skip: typeof chef === "string" ? chef : false }, () => {
    const cookbook = generated("chef", "cookbooks/hosttrail");
    const script = join(scratch, "ask.rb");
    writeFileSync(script, CHEF);
    const text = execFileSync("ruby", [script, cookbook, JSON.stringify(HOSTS)], {
      env: { ...process.env, ...(chef as NodeJS.ProcessEnv), LC_ALL: "C.UTF-8" },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said = JSON.parse(text.split("\n").find((line) => line.startsWith("{")) ?? "{}") as Record<string, Answer>;
    for (const [name, answer] of expected) assert.deepEqual(said[name], answer, name);
  });

  const terraform = settingsOf("terraform");
  it("are the same by Terraform", { skip: typeof terraform === "string" ? terraform : false }, () => {
    generated("terraform", "terraform/hosttrail");
    const folder = join(scratch, "terraform");
    const passed = [
      "audit_mode",
      "rules_manage",
      "rule_sets",
      "own_rules",
      "backlog_limit",
      "labels",
      "integrity_paths",
    ].concat(
      [
        "redaction_arguments",
        "redaction_enabled",
        "redaction_patterns",
        "spool_bytes_max",
        "spool_hours_max",
        "spool_sync",
        "budget_cpu_percent",
      ],
      ["budget_memory_bytes", "proxy"],
    );
    const lines = passed.map((name) => `  agent_${name} = module.settings.of[each.key].${name}\n`).join("");
    writeFileSync(
      join(folder, "main.tf"),
      `locals {\n  hosts = jsondecode(file("\${path.module}/hosts.json"))\n}\n` +
        `module "settings" {\n  source = "./hosttrail/modules/agent-settings"\n  hosts = local.hosts\n}\n` +
        `module "install" {\n  source = "./hosttrail/modules/agent-install"\n  for_each = local.hosts\n${lines}}\n` +
        `output "said" {\n  value = { for name, host in local.hosts : name => {\n    config = module.install[name].agent_yaml\n` +
        `    ownRules = module.settings.of[name].own_rules\n    proxy = module.settings.of[name].proxy\n  } }\n}\n`,
    );
    writeFileSync(join(folder, "hosts.json"), JSON.stringify(HOSTS));
    const run = (...words: string[]): string =>
      execFileSync("terraform", words, {
        cwd: folder,
        encoding: "utf8",
        env: { ...process.env, ...(terraform as NodeJS.ProcessEnv) },
        stdio: ["ignore", "pipe", "inherit"],
      });
    run("init", "-input=false", "-no-color");
    run("apply", "-auto-approve", "-input=false", "-no-color");
    const said = JSON.parse(run("output", "-json", "said")) as Record<string, Answer>;
    for (const [name, answer] of expected) assert.deepEqual(said[name], answer, name);
  });
});

/** Chef's own node reads the cookbook's attributes, and the cookbook's template is rendered with them. */
const CHEF = `
require 'chef'
require 'erb'
require 'ostruct'
cookbook, hosts = ARGV
%w(helpers groups).each { |name| require File.join(cookbook, 'libraries', name) }
said = JSON.parse(hosts).to_h do |name, host|
  node = Chef::Node.new
  node.name(name)
  node.normal['hosttrail']['host'] = host
  node.from_file(File.join(cookbook, 'attributes/default.rb'))
  settings = node['hosttrail']['agent']
  page = Class.new { include Hosttrail::Helpers }.new
  page.instance_variable_set(:@settings, OpenStruct.new(settings.to_h))
  template = ERB.new(File.read(File.join(cookbook, 'templates/agent.yaml.erb')), trim_mode: '-')
  [name, { config: template.result(page.instance_eval { binding }), ownRules: settings['own_rules'], proxy: settings['proxy'] }]
end
puts JSON.generate(said)
`;
