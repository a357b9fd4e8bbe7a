/** What a host is asked, and how its answer is read. It is asked by a shell script: a host without the agent answers, too. */
import type { HostFile } from "../render/index.ts";

/** What a host is like now. */
export interface HostFacts {
  /** Version of the package; empty for none. */
  version: string;
  /** Content by path; only files that are there. */
  files: ReadonlyMap<string, { mode: string; content: string }>;
  enabled: boolean;
  active: boolean;
  auditd: boolean;
  container: string;
  /** Words of the kernel's command line. */
  commandLine: readonly string[];
  /** Lines of `hosttrail-agent rules plan` for the rules that shall be; undefined where there is no agent to ask. */
  rules: readonly string[] | undefined;
}

const RULES_DIRECTORY = "/etc/hosttrail-agent/rules.d";

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The script. It writes to a temporary folder alone, and takes that away. Each line of its answer is `key base64`. */
export function factsScript(wanted: readonly HostFile[]): string {
  const config = wanted.find(({ path }) => path.endsWith("/agent.yaml"))?.content ?? "";
  const own = wanted.filter(({ path }) => path.startsWith(`${RULES_DIRECTORY}/`));
  const paths = [...new Set([...wanted.map(({ path }) => path), ...OURS])].map(quoted).join(" ");
  return `set -u
umask 077
tell() { printf '%s ' "$1"; base64 | tr -d '\\n'; echo; }
if command -v dpkg-query >/dev/null; then
  dpkg-query --show --showformat='\${db:Status-Status} \${Version}' hosttrail-agent 2>/dev/null | sed -n 's/^installed //p' | tell version
else
  rpm -q --queryformat '%{VERSION}' hosttrail-agent 2>/dev/null | grep -v 'not installed' | tell version
fi
for path in ${paths}; do
  [ -f "$path" ] || continue
  { stat -c '%n %a' "$path"; cat "$path"; } | tell file
done
systemctl is-enabled hosttrail-agent.service 2>/dev/null | tell enabled
systemctl is-active hosttrail-agent.service 2>/dev/null | tell active
systemctl is-active auditd.service 2>/dev/null | tell auditd
systemd-detect-virt --container 2>/dev/null | tell container
tell command-line </proc/cmdline
if [ -x /usr/bin/hosttrail-agent ]; then
  folder=$(mktemp -d) || exit 1
  trap 'rm -rf "$folder"' EXIT
  mkdir "$folder/rules.d"
  printf %s ${quoted(config.replace(JSON.stringify(RULES_DIRECTORY), '"@FOLDER@/rules.d"'))} | sed "s|@FOLDER@|$folder|" >"$folder/agent.yaml"
  for path in ${RULES_DIRECTORY}/*.rules; do if [ -f "$path" ]; then cp "$path" "$folder/rules.d/"; fi; done
  rm -f "$folder/rules.d/fleet.rules"
${own.map(({ path, content }) => `  printf %s ${quoted(content)} >"$folder/rules.d/${path.slice(RULES_DIRECTORY.length + 1)}"\n`).join("")}  /usr/bin/hosttrail-agent rules plan --config "$folder/agent.yaml" 2>&1 | tell rules
fi
echo end
`;
}

/** Files that modules write at times: they are to go where they are not wanted any more. */
const OURS = ["/etc/systemd/system/hosttrail-agent.service.d/proxy.conf", `${RULES_DIRECTORY}/fleet.rules`] as const;

/** Reads the script's answer; throws where it broke off. */
export function readFacts(answer: string): HostFacts {
  const lines = answer.split("\n").filter((line) => line !== "");
  if (lines.at(-1) !== "end") throw new Error("the host's answer broke off");
  const values = new Map<string, string[]>();
  for (const line of lines) {
    const [key = "", encoded = ""] = line.split(" ");
    values.set(key, [...(values.get(key) ?? []), Buffer.from(encoded, "base64").toString("utf8")]);
  }
  const first = (key: string): string => (values.get(key)?.[0] ?? "").trim();
  const files = new Map<string, { mode: string; content: string }>();
  for (const text of values.get("file") ?? []) {
    const head = text.slice(0, text.indexOf("\n"));
    const [path = "", mode = ""] = head.split(" ");
    files.set(path, { mode: mode.padStart(4, "0"), content: text.slice(head.length + 1) });
  }
  const rules = values.get("rules")?.[0];
  return {
    version: first("version"),
    files,
    enabled: first("enabled") === "enabled",
    active: first("active") === "active",
    auditd: first("auditd") === "active",
    container: first("container") === "none" ? "" : first("container"),
    commandLine: first("command-line").split(/\s+/),
    rules: rules?.split("\n").filter((line) => line !== ""),
  };
}
