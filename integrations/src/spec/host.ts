/** The fleet as it is for one host, and where each of its settings comes from. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { BY_GROUP, type Host, type HostSettings, knownHost, settingsOfHost } from "./groups.ts";
import type { Fleet } from "./fleet.ts";

/** What its groups and its own labels change is in `fleet`. */
export interface HostFleet {
  fleet: Fleet;
  host: Host;
  groups: readonly string[];
  origins: HostSettings["origins"];
}

/** The fleet for a host: by what the spec knows of it, and by further tags and labels that somebody says it has. */
export function fleetOfHost(fleet: Fleet, name: string, more: Partial<Host> = {}): HostFleet {
  const known = knownHost(fleet.hosts, name);
  const host: Host = {
    name,
    labels: { ...known.labels, ...more.labels },
    tags: [...new Set([...known.tags, ...(more.tags ?? [])])],
  };
  const { groups, settings, origins } = settingsOfHost(fleet.agent.labels, fleet.groups, host);
  const agent = structuredClone(fleet.agent);
  for (const [setting, place] of Object.entries(BY_GROUP)) {
    if (!Object.hasOwn(settings, setting)) continue;
    const keys = place.split(".");
    const last = keys.pop() ?? "";
    const parent = keys.reduce<unknown>((tree, key) => (tree as Record<string, unknown>)[key], agent);
    (parent as Record<string, unknown>)[last] = settings[setting];
  }
  for (const { name: group, ownFiles } of fleet.groups)
    if (ownFiles !== undefined && groups.includes(group)) agent.rules.ownFiles = [...ownFiles];
  const ownRules = (settings["own_rules"] as string | undefined) ?? fleet.ownRules;
  return { fleet: { ...fleet, agent, ownRules }, host, groups, origins };
}

/** A setting of a host with its place in the spec. */
export interface OriginatedSetting {
  place: string;
  value: unknown;
  /** `default`, `fleet`, `group NAME` or `host`. */
  origin: string;
}

/** What of the spec makes a host: all but texts of files, servers and other hosts. */
const SHOWN = ["collector", "agent", "enrollment", "kernel", "stages"] as const;

/** Every setting of a host and where it comes from; `path` is the spec's file, asked for what stands in it and what is a default. */
export function settingsWithOrigin(path: string, { fleet, origins }: HostFleet): OriginatedSetting[] {
  const given: unknown = parse(readFileSync(path, "utf8"), { merge: true, maxAliasCount: 1000 });
  const byPlace = new Map(Object.entries(BY_GROUP).map(([name, place]) => [`agent.${place}`, name]));
  byPlace.set("agent.rules.ownFiles", "own_rules");
  const found: OriginatedSetting[] = [];
  const visit = (keys: readonly string[], value: unknown): void => {
    const places = keys.map((key, at) => (keys[at - 1] === "labels" ? key : snakeCase(key)));
    const isLabels = keys.at(-1) === "labels";
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      const entries = Object.entries(value);
      if (isLabels) entries.sort(([a], [b]) => (a < b ? -1 : 1));
      for (const [key, inner] of entries) visit([...keys, key], inner);
      return;
    }
    const setting = keys[1] === "labels" ? `labels.${keys[2]}` : (byPlace.get(keys.join(".")) ?? "");
    const inFile = places.reduce<unknown>(
      (tree, key) => (tree !== null && typeof tree === "object" ? (tree as Record<string, unknown>)[key] : undefined),
      given,
    );
    const origin = origins.get(setting) ?? (inFile === undefined ? "default" : "fleet");
    found.push({ place: places.join("."), value, origin });
  };
  for (const key of SHOWN) visit([key], fleet[key]);
  return found;
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]|\d+/g, (part) => (/\d/.test(part) ? part : `_${part.toLowerCase()}`));
}
