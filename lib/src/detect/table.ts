/** The field mappings as docs/detection.md has them. */
import { RECORD_FIELDS_BY_TYPE, RECORD_FIELDS } from "../predicate/index.ts";
import { CATEGORIES } from "./taxonomy.ts";

/** Markdown: each category with its events and fields, and each type of record with its fields. */
export function mappingTables(): string {
  return [...Array.from(CATEGORIES.keys(), categoryTable), recordTable()].join("\n");
}

function categoryTable(name: string): string {
  const category = CATEGORIES.get(name);
  if (category === undefined) return "";
  const { actions, types, fields } = category;
  const kinds = types === undefined ? "" : `, of type ${types.join(" or ")}`;
  const rows = Array.from(fields, ([field, sigma]) => {
    const what =
      sigma.kind === "field" ? `\`${sigma.field}\`` : sigma.kind === "read" ? sigma.what : `never: ${sigma.why}`;
    return `| \`${field}\` | ${what} |`;
  });
  const events = `Events whose \`event.action\` is ${actions.map((action) => `\`${action}\``).join(", ")}${kinds}, and that did not fail.`;
  return [`### category: ${name}`, "", events, "", "| field | what it is |", "|---|---|", ...rows, ""].join("\n");
}

function recordTable(): string {
  const rows = Array.from(RECORD_FIELDS_BY_TYPE, ([type, has]) => {
    const names = RECORD_FIELDS.filter((field) => has(field) && !(type === "EXECVE" && /^a\d$/.test(field)));
    const more = type === "EXECVE" ? ["a0", "a1", "…"] : [];
    return `| ${type} | ${[...names, ...more].map((field) => `\`${field}\``).join(" ")} |`;
  });
  return [
    "### service: auditd",
    "",
    "| record | fields beside those that it keeps for itself |",
    "|---|---|",
    ...rows,
    "",
  ].join("\n");
}
