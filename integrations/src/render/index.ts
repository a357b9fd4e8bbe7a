/** What a host of the fleet shall have, as text: what the modules write, for plans and as the measure of the modules in tests. */
import { agentSchema } from "@hosttrail/agent/config";
import { parseConfig } from "@hosttrail/lib/config";
import type { Fleet } from "../spec/index.ts";
import { CONFIG_DIRECTORY, type ConfigEntry, layOutConfig, RULES_DIRECTORY, settingsOf } from "../surface/index.ts";

/** A file of a host. */
export interface HostFile {
  path: string;
  content: string;
  mode: string;
}

/** agent.yaml; throws a ConfigError where the agent would not take it. */
export function agentConfig(fleet: Fleet): string {
  const values = new Map(settingsOf(fleet).map(({ name, value }) => [name, value]));
  const text = layOutConfig(({ setting = "", derive }: ConfigEntry) => {
    const value = values.get(setting);
    if (derive === "source-mode") return JSON.stringify(value === "fail-if-auditd" ? "auto" : value);
    if (derive === "rule-files")
      return JSON.stringify((value as string[]).map((name) => `${RULES_DIRECTORY}/${name}.rules`));
    return JSON.stringify(value);
  });
  parseConfig(text, "agent.yaml", agentSchema);
  return text;
}

/** All files that a module writes on a host, beside the package. */
export function hostFiles(fleet: Fleet): HostFile[] {
  return [
    { path: `${CONFIG_DIRECTORY}/agent.yaml`, content: agentConfig(fleet), mode: "0600" },
    { path: `${CONFIG_DIRECTORY}/ca.pem`, content: fleet.ca, mode: "0644" },
    { path: `${CONFIG_DIRECTORY}/spec`, content: `${fleet.spec}\n`, mode: "0644" },
    ...(fleet.ownRules === ""
      ? []
      : [{ path: `${CONFIG_DIRECTORY}/rules.d/fleet.rules`, content: fleet.ownRules, mode: "0600" }]),
    ...(fleet.agent.proxy === ""
      ? []
      : [
          {
            path: "/etc/systemd/system/hosttrail-agent.service.d/proxy.conf",
            content: proxyDropIn(fleet.agent.proxy),
            mode: "0644",
          },
        ]),
  ];
}

/** Drop-in of the unit. gRPC takes its proxy from the environment. */
function proxyDropIn(proxy: string): string {
  return `[Service]\nEnvironment=grpc_proxy=${proxy}\n`;
}
