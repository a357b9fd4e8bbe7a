/** What cloud-init, Packer and Kubernetes are given: the files of a host as they are, since none of these knows the groups of a spec. */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import Handlebars from "handlebars";
import { parse, stringify } from "yaml";
import { hostFiles } from "../render/index.ts";
import { type Fleet, fleetOfHost } from "../spec/index.ts";
import { CONFIG_DIRECTORY } from "../surface/index.ts";

/** Where cloud-init puts what the setup needs: gone at the next boot. */
const FOLDER = "/run/hosttrail-setup";
/** What YAML keeps in a block as it is: nothing that one of its readers takes for a line's end. */
const PLAIN = /^(?:[\t\n\x20-\x7e\u00a1-\u2027\u2030-\ufefe])*$/;
const MARK_DIGITS = 16;
const INDENT = "      ";

/** A file that lies beside setup.sh. */
interface SetupFile {
  name: string;
  mode: string;
  content: string;
}

/** What a host is set up by: setup.sh, made of `script`, the text of parts/setup.sh, and all files beside it. */
function setupFiles(fleet: Fleet, script: string): SetupFile[] {
  const template = Handlebars.create();
  template.registerHelper("quote", quote);
  const setup = template.compile(script, { noEscape: true, strict: true })(scriptContext(fleet));
  return [
    { name: "setup.sh", mode: "0700", content: setup },
    ...hostFiles(fleet).map(({ path, mode, content }) => ({ name: basename(path), mode, content })),
    ...(fleet.repositoryKey === ""
      ? []
      : [{ name: "repository.asc", mode: "0644", content: `${fleet.repositoryKey.trimEnd()}\n` }]),
  ];
}

function packageVersion(version: string): string {
  return version.replace("-", "~");
}

/** A text as one word of a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function scriptContext({ agent, ownRules, enrollment, kernel, stages }: Fleet): Record<string, unknown> {
  const { artifact } = agent;
  const { ssmParameter, secretsmanagerSecret } = enrollment.token;
  const sums = (["deb", "rpm"] as const).flatMap((format) =>
    (["x64", "arm64"] as const).flatMap((arch) => {
      const sum = artifact.sha256[format][arch];
      return sum === undefined ? [] : [{ name: `${format}-${arch}`, sum }];
    }),
  );
  const awsCommand =
    secretsmanagerSecret !== ""
      ? `aws secretsmanager get-secret-value --secret-id ${quote(secretsmanagerSecret)} --query SecretString`
      : ssmParameter !== ""
        ? `aws ssm get-parameter --name ${quote(ssmParameter)} --with-decryption --query Parameter.Value`
        : "";
  return {
    // As Debian and rpm write a version that comes before a release.
    version: packageVersion(agent.version),
    sums,
    isRepository: artifact.source === "repo",
    isDownload: artifact.source === "url",
    url: artifact.url,
    aptUrl: `${artifact.url}/apt`,
    rpmUrl: `${artifact.url}/rpm/$basearch`,
    proxy: agent.proxy,
    auditMode: agent.auditMode,
    failsBesideAuditd: agent.auditMode === "fail-if-auditd" || agent.auditMode === "unicast",
    hasOwnRules: ownRules !== "",
    setsCommandLine: kernel.commandLine === "set" && agent.auditMode !== "none",
    backlogLimit: agent.rules.backlogLimit,
    wantsToken: enrollment.method === "token",
    awsCommand,
    verifyTimeout: stages.verifyTimeoutSeconds,
  };
}

/** How a host gets its token, for a README. */
function tokenWords({ enrollment: { method, token } }: Fleet): string {
  if (method === "aws") return "A host proves itself by its AWS instance identity; there is no token.";
  const { ssmParameter, secretsmanagerSecret } = token;
  if (secretsmanagerSecret !== "")
    return `The host reads its enrolment token from the secret \`${secretsmanagerSecret}\`, by its instance's role and the program \`aws\`.`;
  if (ssmParameter !== "")
    return `The host reads its enrolment token from the parameter \`${ssmParameter}\`, by its instance's role and the program \`aws\`.`;
  return `Whoever makes the host puts an enrolment token (\`hosttrail token create\`) where setup.sh looks for it: \`token\` beside it.`;
}

/** A file of a host as an entry of write_files. */
function yamlOf(content: string): string {
  const isPlain = PLAIN.test(content) && content.endsWith("\n") && !/^[\n\t ]|\n\n$/.test(content);
  if (!isPlain) return `    encoding: b64\n    content: ${Buffer.from(content).toString("base64")}\n`.trimEnd();
  return `    content: |\n${content.trimEnd().replaceAll(/^(?=.)/gm, INDENT)}`;
}

/** The fleet as it is for hosts of a group alone. */
function fleetOfGroup(fleet: Fleet, name: string): Fleet {
  const groups = fleet.groups
    .filter((group) => group.name === name)
    .map((group) => ({ ...group, match: { hosts: [], labels: {}, tags: [] } }));
  return fleetOfHost({ ...fleet, hosts: {}, groups }, name).fleet;
}

/** Contexts of all user data, by the part of their name that tells them apart. */
export function cloudInitContexts(fleet: Fleet, script: string): Map<string, Record<string, unknown>> {
  const context = (of: Fleet): Record<string, unknown> => ({
    folder: FOLDER,
    files: setupFiles(of, script).map(({ name, mode, content }) => ({ name, mode, yaml: yamlOf(content) })),
  });
  return new Map([
    ["", context(fleet)],
    ...fleet.groups.map(({ name }) => [`-${name}`, context(fleetOfGroup(fleet, name))] as const),
  ]);
}

/** What the image's files are laid by: texts of a shell between marks that are in none of them. */
export function packerContext(fleet: Fleet, script: string): Record<string, unknown> {
  const files = setupFiles(fleet, script);
  const digest = createHash("sha256").update(JSON.stringify(files)).digest("hex");
  return { files, mark: `HOSTTRAIL_${digest.slice(0, MARK_DIGITS)}` };
}

export function hostsContext(fleet: Fleet): Record<string, unknown> {
  const { artifact } = fleet.agent;
  const version = packageVersion(fleet.agent.version);
  const deb = { x64: `hosttrail-agent_${version}_amd64.deb`, arm64: `hosttrail-agent_${version}_arm64.deb` };
  const rpm = { x64: `hosttrail-agent-${version}-1.x86_64.rpm`, arm64: `hosttrail-agent-${version}-1.aarch64.rpm` };
  const packages = Object.entries({ deb, rpm }).flatMap(([format, names]) =>
    Object.entries(names).flatMap(([arch, file]) =>
      artifact.source === "file" && artifact.sha256[format as "deb"][arch as "x64"] !== undefined
        ? [{ file, source: hclText(`${artifact.directory}/${file}`) }]
        : [],
    ),
  );
  return {
    tokenWords: tokenWords(fleet),
    groups: fleet.groups.map(({ name }) => name),
    packages,
    values: kubernetesValues(fleet),
  };
}

/** A text between the quotes of HCL. */
function hclText(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replaceAll("${", () => "$${")
    .replaceAll("%{", () => "%%{");
}

/** Values of the agent's chart. */
function kubernetesValues(fleet: Fleet): string {
  const files = new Map(hostFiles(fleet).map(({ path, content }) => [path, content]));
  const config = parse(files.get(`${CONFIG_DIRECTORY}/agent.yaml`) ?? "") as { enroll: Record<string, unknown> };
  const { enroll, ...rest } = config;
  return stringify(
    {
      config: { ...rest, enroll: { ...enroll, token_file: `${CONFIG_DIRECTORY}/token` } },
      ca: fleet.ca,
      ownRules: fleet.ownRules,
      spec: fleet.spec,
      ...(fleet.enrollment.method === "aws" ? { tokenSecret: "" } : {}),
    },
    { lineWidth: 0 },
  ).trimEnd();
}
