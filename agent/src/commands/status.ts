/** `hosttrail-agent status`: what the running agent says of itself. */
import type { AgentConfig } from "../config/index.ts";
import { askControl } from "../control/index.ts";

/** Prints the answer as lines of `group.name value`, so that a person and a script can read them. */
export async function showStatus(config: AgentConfig): Promise<void> {
  const answer = await askControl(config.runtimeDirectory);
  const lines: [string, string][] = [];
  flatten("", answer, lines);
  const width = lines.reduce((most, [name]) => Math.max(most, name.length), 0);
  for (const [name, value] of lines) process.stdout.write(`${name.padEnd(width)}  ${value}\n`);
}

function flatten(prefix: string, value: unknown, lines: [string, string][]): void {
  if (typeof value !== "object" || value === null) {
    lines.push([
      prefix,
      value === "" ? "-" : typeof value === "number" ? String(Math.round(value * 10) / 10) : String(value),
    ]);
    return;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) lines.push([prefix, "none"]);
  for (const [key, inner] of entries) flatten(prefix === "" ? key : `${prefix}.${key}`, inner, lines);
}
