/** The Chef cookbook. */
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

const TYPES: Readonly<Record<SettingType, string>> = {
  string: "String",
  text: "String",
  integer: "Integer",
  boolean: "[true, false]",
  strings: "Array",
  labels: "Hash",
  sums: "Hash",
};

/** A value in Ruby, as Cookstyle writes it. */
function ruby(value: unknown, depth = 0): string {
  const indent = "  ".repeat(depth);
  if (Array.isArray(value)) {
    const isWords = value.length > 1 && value.every((item) => /^[\w./:%+-]+$/.test(String(item)));
    if (isWords) return `%w(${value.join(" ")})`;
    return `[${value.map((item) => ruby(item, depth)).join(", ")}]`;
  }
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value);
    if (entries.length === 0) return "{}";
    const lines = entries.map(([key, item]) => `${indent}  ${ruby(key)} => ${ruby(item, depth + 1)},\n`);
    return `{\n${lines.join("")}${indent}}`;
  }
  if (typeof value !== "string") return String(value);
  if (!value.includes("\n")) return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  // Within something else its end would have to stand alone in its line. Nothing is put into what has no #.
  if (depth > 0) return JSON.stringify(value).replaceAll("#", () => "\\#");
  // Nothing is put into a heredoc whose name is quoted.
  return `<<~'TEXT'\n${value.replace(/^(?=.)/gm, `${indent}  `)}${indent}TEXT`;
}

/** A property, one option a line. */
function property({ name, type, description, choices }: Setting): string {
  const options = [
    ...(choices === undefined ? [] : [`equal_to: ${ruby(choices)}`]),
    // Attributes are frozen and of classes of their own.
    ...(type === "strings"
      ? ["coerce: proc(&:to_a)"]
      : type === "labels" || type === "sums"
        ? ["coerce: proc(&:to_h)"]
        : []),
    `default: lazy { node['hosttrail']['agent']['${name}'] }`,
    `description: ${ruby(description)}`,
  ];
  return `property :${name}, ${TYPES[type]},\n         ${options.join(",\n         ")}`;
}

function erb({ setting = "", derive }: ConfigEntry): string {
  const value = `@settings.${setting}`;
  if (derive === "source-mode") return `<%= json(${value} == 'fail-if-auditd' ? 'auto' : ${value}) %>`;
  if (derive === "rule-files") return `<%= json(${value}.map { |name| "${RULES_DIRECTORY}/#{name}.rules" }) %>`;
  return `<%= json(${value}) %>`;
}

/** What the templates are given. */
export function chefContext(fleet: Fleet): Record<string, unknown> {
  const settings = settingsOf(fleet);
  const servers = serverSettingsOf(fleet);
  const groups = groupsOf(fleet);
  return {
    dataBagItem: fleet.enrollment.token.chefDataBagItem,
    groups: groups === undefined ? "" : ruby(groups),
    attributes: settings.map(({ name, description, value }) => ({ name, description, value: ruby(value) })),
    properties: settings.map((setting) => property(setting)),
    table: settings.map(({ name, type, description }) => ({ name, type: TYPES[type], description })),
    serverAttributes: servers.map(({ name, description, value }) => ({ name, description, value: ruby(value) })),
    serverTable: servers.map(({ name, type, description }) => ({ name, type: TYPES[type], description })),
    config: layOutConfig(erb).trimEnd(),
  };
}
