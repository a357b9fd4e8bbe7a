/** How each tool sets one's own collectors up on test hosts, and rolls the agent out to others. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { Ansible } from "./ansible.ts";
import { whyNoHosts } from "./base.ts";
import { Chef } from "./chef.ts";
import type { FleetChanges } from "./fleet.ts";
import type { TestHosts } from "./hosts.ts";
import type { Run } from "./module.ts";
import { isOnPath, settingsOf } from "./tools.ts";

/** Which host is what. */
const NATS = "c1";
export const COLLECTORS: readonly string[] = ["c1", "c2"];
export const BALANCER = "c3";
export const AGENTS: readonly string[] = ["c3", "c4"];
export const NAMES: readonly string[] = ["c1", "c2", "c3", "c4"];

export interface Servers {
  setUp(): Promise<Run>;
  rollOut(token: string): Promise<Run>;
}

interface About {
  hosts: TestHosts;
  changes: FleetChanges;
  /** PEM and texts, by what they are. */
  secrets: Readonly<Record<string, string>>;
}

const missing = whyNoHosts();
const chefSettings = missing ?? settingsOf("chef-client");

export const SERVER_TOOLS: readonly { name: string; why: string | undefined; open: (about: About) => Servers }[] = [
  {
    name: "Ansible",
    why: missing ?? (isOnPath("ansible-playbook") ? undefined : "ansible-playbook is not installed"),
    open: byAnsible,
  },
  { name: "Chef", why: typeof chefSettings === "string" ? chefSettings : undefined, open: byChef },
];

function byAnsible({ hosts, changes, secrets }: About): Servers {
  const groups = {
    hosttrail_nats: [NATS],
    hosttrail_collectors: COLLECTORS,
    hosttrail_balancers: [BALANCER],
    agents: AGENTS,
  };
  const ansible = new Ansible(hosts, undefined, "", { groups });
  ansible.use(changes);
  const file = join(hosts.directory, "secrets.yml");
  const variables = {
    hosttrail_collector_certificate: secrets["certificate"],
    vault_hosttrail_collector_key: secrets["key"],
    hosttrail_collector_trust: secrets["trust"],
    hosttrail_collector_ca_certificate: secrets["ca_certificate"],
    vault_hosttrail_collector_ca_key: secrets["ca_key"],
    vault_hosttrail_mongodb_url: secrets["mongodb_url"],
    vault_hosttrail_nats_password: secrets["nats_password"],
  };
  writeFileSync(file, stringify(variables), { mode: 0o600 });
  return {
    setUp: () => ansible.play("collector", "-e", `@${file}`),
    rollOut(token) {
      ansible.giveToken(token);
      return ansible.play("rollout", "-e", "hosttrail_hosts=agents");
    },
  };
}

function byChef({ hosts, changes, secrets }: About): Servers {
  const chef = new Chef(hosts, undefined, "none yet", chefSettings as NodeJS.ProcessEnv);
  chef.use(changes);
  chef.giveBagItem("collector", secrets);
  const address = (name: string): string => hosts.hosts.find((host) => host.name === name)?.address ?? "";
  const attributes = {
    hosttrail: {
      collector: {
        nats_addresses: [address(NATS)],
        addresses: Object.fromEntries(COLLECTORS.map((name) => [name, address(name)])),
      },
    },
  };
  return {
    async setUp() {
      const runs: Run[] = [];
      for (const [names, recipe] of [
        [[NATS], "hosttrail::nats"],
        [COLLECTORS, "hosttrail::collector"],
        [[BALANCER], "hosttrail::balancer"],
      ] as const) {
        const run = await chef.converge(names, recipe, attributes);
        runs.push(run);
        if (!run.ok) break;
      }
      return {
        ok: runs.every(({ ok }) => ok),
        output: runs.map(({ output }) => output).join("\n"),
        changed: runs.flatMap(({ changed }) => changed),
        reasons: runs.map(({ reasons }) => reasons).join("\n"),
        seconds: runs.reduce((sum, { seconds }) => sum + seconds, 0),
      };
    },
    rollOut(token) {
      chef.giveToken(token);
      return chef.converge(AGENTS, "hosttrail::default", attributes);
    },
  };
}
