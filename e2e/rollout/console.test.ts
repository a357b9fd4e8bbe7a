/** What Ansible and Chef write for collectors with a console and without: by their own templates, held against what the collector takes. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type CollectorConfig, loadCollectorConfig } from "@hosttrail/collector/config";
import { isOnPath } from "./tools.ts";

const INTEGRATIONS = new URL("../../integrations", import.meta.url).pathname;
const URL_OF_CONSOLE = "https://collector.example.org:7447";

function absent(command: string): string | false {
  return isOnPath(command) ? false : `${command} is not installed`;
}

describe("the console's port, set up by a fleet spec", () => {
  let scratch: string;
  before(() => {
    scratch = mkdtempSync(join(tmpdir(), "hosttrail-console-port-"));
  });
  after(() => rmSync(scratch, { recursive: true }));

  /** The console's part of a collector.yaml that the collector takes, and the ports of a balancer before it. */
  function saidIn(folder: string): {
    console: Pick<CollectorConfig["console"], "listen" | "publicUrl">;
    ports: string[];
  } {
    const { listen, publicUrl } = loadCollectorConfig(join(folder, "collector.yaml")).console;
    const balancer = readFileSync(join(folder, "balancer.cfg"), "utf8");
    const ports = Array.from(balancer.matchAll(/^ {4}bind :(\d+)$/gm), ([, port = ""]) => port);
    return { console: { listen, publicUrl }, ports };
  }

  const OPEN = {
    console: { listen: "0.0.0.0:7447", publicUrl: URL_OF_CONSOLE },
    ports: ["7443", "7444", "7445", "7447"],
  };
  const CLOSED = { console: { listen: "", publicUrl: "" }, ports: ["7443", "7444", "7445"] };

  it("is open where the spec has a URL, and else to nobody, by Ansible", { skip: absent("ansible-playbook") }, () => {
    const collection = join(scratch, "collections/ansible_collections/hosttrail/agent");
    cpSync(join(INTEGRATIONS, "ansible/example"), collection, { recursive: true });
    const template = (src: string, dest: string): object => ({
      "ansible.builtin.template": { src, dest: `${scratch}/{{ inventory_hostname }}/${dest}`, mode: "0600" },
    });
    const tasks = [template("collector.yaml.j2", "collector.yaml"), template("balancer.cfg.j2", "balancer.cfg")];
    writeFileSync(join(collection, "roles/collector/tasks/ask.yml"), JSON.stringify(tasks));
    const all = { hosttrail_collector_nats_hosts: ["open"], hosttrail_collector_hosts: ["open"] };
    const hosts = { open: { hosttrail_collector_console_url: URL_OF_CONSOLE }, closed: {} };
    for (const name of Object.keys(hosts)) mkdirSync(join(scratch, name));
    writeFileSync(join(scratch, "inventory.json"), JSON.stringify({ all: { hosts, vars: all } }));
    const role = { "ansible.builtin.import_role": { name: "hosttrail.agent.collector", tasks_from: "ask" } };
    const play = { hosts: "all", connection: "local", gather_facts: false, tasks: [role] };
    writeFileSync(join(scratch, "play.yml"), JSON.stringify([play]));
    const env = {
      ...process.env,
      LC_ALL: "C.UTF-8",
      ANSIBLE_COLLECTIONS_PATH: join(scratch, "collections"),
      ANSIBLE_HOME: join(scratch, ".ansible"),
      ANSIBLE_LOCAL_TEMP: join(scratch, ".ansible/tmp"),
    };
    const words = ["-i", join(scratch, "inventory.json"), join(scratch, "play.yml")];
    execFileSync("ansible-playbook", words, { env, cwd: scratch, stdio: ["ignore", "ignore", "inherit"] });
    assert.deepEqual(saidIn(join(scratch, "open")), OPEN);
    assert.deepEqual(saidIn(join(scratch, "closed")), CLOSED);
  });

  it("is the same by Chef's templates and ports", { skip: absent("ruby") }, () => {
    for (const [name, url, said] of [
      ["chef-open", URL_OF_CONSOLE, OPEN],
      ["chef-closed", "", CLOSED],
    ] as const) {
      const folder = join(scratch, name);
      mkdirSync(folder);
      const script = join(scratch, "render.rb");
      writeFileSync(script, RENDER);
      execFileSync("ruby", [script, join(INTEGRATIONS, "chef/example"), folder, url], {
        stdio: ["ignore", "inherit", "inherit"],
      });
      assert.deepEqual(saidIn(folder), said);
    }
  });
});

/** Chef's own view of templates, without Chef: attributes of the cookbook, its ports, its helpers. */
const RENDER = `require 'erb'
require 'json'
require 'uri'
cookbook, folder, url = ARGV
module Hosttrail; module Helpers; end; module Groups; def self.settings(*) = {}; end; end
tree = Hash.new { |hash, key| hash[key] = Hash.new(&hash.default_proc) }
view = Class.new do
  attr_accessor :tree
  def default = tree
  def node = self
  def [](key) = key == 'tags' ? [] : tree[key]
  def name = 'c1'
  def json(value) = JSON.generate(value)
  def url_part(value) = URI.encode_www_form_component(value)
  def render(file) = ERB.new(File.read(file), trim_mode: '-').result(binding)
end.new
view.tree = tree
view.instance_eval(File.read("#{cookbook}/attributes/default.rb"))
tree['hosttrail']['collector']['console_url'] = url unless url.empty?
load "#{cookbook}/libraries/servers.rb"
view.extend(Hosttrail::Servers)
settings = tree['hosttrail']['collector']
{ settings: settings, addresses: ['10.0.0.1'], password: 'p w', ports: view.collector_ports, collectors: { 'c1' => '10.0.0.1' } }
  .each { |name, value| view.instance_variable_set("@#{name}", value) }
File.write("#{folder}/collector.yaml", view.render("#{cookbook}/templates/collector.yaml.erb"), perm: 0o600)
File.write("#{folder}/balancer.cfg", view.render("#{cookbook}/templates/balancer.cfg.erb"))
`;
