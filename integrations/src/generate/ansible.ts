/** The Ansible collection. */
import { Document, visit } from "yaml";
import type { Fleet } from "../spec/index.ts";
import {
  type ConfigEntry,
  groupsOf,
  layOutConfig,
  RULES_DIRECTORY,
  type Setting,
  serverSettingsOf,
  settingsOf,
  type SettingType,
} from "../surface/index.ts";

const PREFIX = "hosttrail_agent_";
const SERVER_PREFIX = "hosttrail_collector_";
/** Columns at which YAML is not broken: texts stand as they are. */
const NEVER = 0;

const TYPES: Readonly<Record<SettingType, string>> = {
  string: "str",
  text: "str",
  integer: "int",
  boolean: "bool",
  strings: "list",
  labels: "dict",
  sums: "dict",
};

/** What Jinja would take for its own; such a text is marked as one that is not to be looked into. */
const JINJA = /\{[{%#]/;

/** What YAML 1.1, which Ansible reads, takes for something else than a text where it has no quotes: yes, 010, 1:30, 2026-01-31, =, <<. */
const NO_TEXT =
  /^(?:y|n|yes|no|on|off|true|false|null|~|<<|=|[-+]?\.(?:inf|nan)|[-+]?(?:0x[\da-f_]+|0b[01_]+|0o?[0-7_]+)|[-+]?\d[\d_]*(?:\.[\d_]*)?(?:e[-+]?\d+)?|[-+]?\.\d[\d_]*(?:e[-+]?\d+)?|[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?|\d{4}-\d\d?-\d\d?(?:[Tt\s].*)?)$/i;

/** `key: value` in YAML, indented. */
function pair(key: string, value: unknown, indent: number): string {
  const document = new Document({ [key]: value });
  visit(document, {
    Scalar: (position, scalar) => {
      if (typeof scalar.value === "string" && NO_TEXT.test(scalar.value)) scalar.type = "QUOTE_DOUBLE";
      if (position !== "key" && typeof scalar.value === "string" && JINJA.test(scalar.value)) scalar.tag = "!unsafe";
    },
  });
  return document
    .toString({ lineWidth: NEVER, indentSeq: true })
    .trimEnd()
    .split("\n")
    .map((line) => (line === "" ? line : `${" ".repeat(indent)}${line}`))
    .join("\n");
}

/** The value of a setting as JSON without spaces and with its own characters, as all modules write it. */
function jinja({ setting = "", derive }: ConfigEntry, types: ReadonlyMap<string, SettingType>): string {
  const name = `${PREFIX}${setting}`;
  if (derive === "source-mode") return `{{ json('auto' if ${name} == 'fail-if-auditd' else ${name}) }}`;
  if (derive === "rule-files")
    return `{{ json(${name} | map('regex_replace', '^(.*)$', '${RULES_DIRECTORY}/\\\\1.rules') | list) }}`;
  const type = types.get(setting);
  return `{{ json(${name}${type === "integer" ? " | int" : type === "boolean" ? " | bool" : ""}) }}`;
}

/** What the templates are given. */
export function ansibleContext(fleet: Fleet): Record<string, unknown> {
  const settings = settingsOf(fleet);
  const servers = serverSettingsOf(fleet);
  const types = new Map(settings.map(({ name, type }) => [name, type]));
  const groups = groupsOf(fleet);
  const differs = (name: string): boolean => groups !== undefined && Object.hasOwn(groups.settings, name);
  return {
    defaults: settings.map(({ name, description, value }) => ({
      description,
      yaml: differs(name)
        ? `${PREFIX}${name}: "{{ hosttrail_agent_settings.${name} }}"`
        : pair(`${PREFIX}${name}`, value, 0),
    })),
    // What the groups of the spec give to hosts; the role's own, since there is nothing in it that an inventory would say otherwise.
    groups: groups === undefined ? "" : `\n${pair(`${PREFIX}fleet`, groups, 0)}\n`,
    hasGroups: groups !== undefined,
    options: settings.map((setting) => ({
      name: `${PREFIX}${setting.name}`,
      yaml: argument(setting, PREFIX, differs(setting.name)),
    })),
    config: layOutConfig((entry) => jinja(entry, types)).trimEnd(),
    table: settings.map(({ name, type, description }) => ({
      name: `${PREFIX}${name}`,
      type: TYPES[type],
      description,
    })),
    serverDefaults: servers.map(({ name, description, value }) => ({
      description,
      yaml: pair(`${SERVER_PREFIX}${name}`, value, 0),
    })),
    serverOptions: servers.map((setting) => ({ yaml: argument(setting, SERVER_PREFIX) })),
    serverTable: servers.map(({ name, type, description }) => ({
      name: `${SERVER_PREFIX}${name}`,
      type: TYPES[type],
      description,
    })),
    tokenVariable: fleet.enrollment.token.ansibleVariable,
    serial: pair("serial", fleet.stages.serial, 2),
    maxFailPercentage: fleet.stages.maxFailPercentage,
  };
}

/** A setting's entry of argument_specs.yml. */
function argument({ name, type, description, value, choices }: Setting, prefix: string, isByGroup = false): string {
  return pair(
    `${prefix}${name}`,
    {
      type: TYPES[type],
      ...(type === "strings" ? { elements: "str" } : {}),
      description: isByGroup ? `${description} By the groups of the fleet spec.` : description,
      ...(choices === undefined ? {} : { choices }),
      ...(isByGroup ? {} : { default: value }),
    },
    6,
  );
}
