/** Documents held against the Elastic Common Schema as Elastic publishes it (https://github.com/elastic/ecs, by its package `@elastic/ecs`). */
import { isIP } from "node:net";
import { EcsFlat, EcsVersion } from "@elastic/ecs";

/** What the published schema says of a field, as far as a document can differ from it. */
interface EcsField {
  type: string;
  normalize: readonly string[];
  required?: boolean;
  pattern?: string;
  allowed_values?: readonly { name: string; expected_event_types?: readonly string[] }[];
  expected_values?: readonly string[];
}

const FIELDS = new Map(Object.entries(EcsFlat as unknown as Readonly<Record<string, EcsField>>));
export const ECS_VERSION: string = EcsVersion;
/** Below these everything is allowed: of the schema's own making, whatever keys there are. */
const OBJECTS: ReadonlySet<string> = new Set(["object", "flattened", "nested"]);
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

/** What is wrong with a document, field by field; `own` names fields that are not the schema's, exactly or with all below them (`audit.`). */
export function ecsProblems(document: unknown, own: readonly string[]): string[] {
  const problems: string[] = [];
  const seen = new Map<string, unknown>();
  const isOwn = (name: string): boolean =>
    own.some((each) => (each.endsWith(".") ? name.startsWith(each) : name === each));
  const walk = (name: string, value: unknown): void => {
    const field = FIELDS.get(name);
    if (isOwn(`${name}.`) || isOwn(name)) {
      if (field !== undefined) problems.push(`${name}: is the schema's, and named as our own`);
      return;
    }
    if (field !== undefined && name !== "") {
      seen.set(name, value);
      problems.push(...valueProblems(name, field, value));
      return;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      problems.push(`${name}: not in the schema`);
      return;
    }
    for (const [key, part] of Object.entries(value)) walk(name === "" ? key : `${name}.${key}`, part);
  };
  walk("", document);
  for (const [name, { required }] of FIELDS)
    if (required === true && !seen.has(name)) problems.push(`${name}: is missing`);
  return [...problems, ...categoryProblems(seen)];
}

function valueProblems(name: string, field: EcsField, value: unknown): string[] {
  const { type, normalize, pattern, allowed_values: allowed = [], expected_values: expected = [] } = field;
  if (OBJECTS.has(type)) return typeof value === "object" && value !== null ? [] : [`${name}: no object`];
  if (value === "") return [`${name}: empty, where nothing says the same`];
  if (normalize.includes("array") !== Array.isArray(value))
    return [`${name}: ${Array.isArray(value) ? "a list where one value is due" : "one value where a list is due"}`];
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const words = new Set([...allowed.map((each) => each.name), ...expected]);
  return values.flatMap((each) => {
    const shown = JSON.stringify(each)?.slice(0, 100);
    if (!isOfType(type, each)) return [`${name}: ${shown} is no ${type}`];
    if (words.size > 0 && !words.has(String(each))) return [`${name}: ${shown} is not allowed`];
    if (pattern !== undefined && !new RegExp(pattern, "u").test(String(each)))
      return [`${name}: ${shown} is not as ${pattern}`];
    return [];
  });
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case "keyword":
    case "constant_keyword":
    case "wildcard":
    case "text":
    case "match_only_text":
      return typeof value === "string" && value.isWellFormed();
    case "date":
      return typeof value === "string" && DATE.test(value) && !Number.isNaN(Date.parse(value));
    case "long":
    case "unsigned_long":
      return Number.isSafeInteger(value);
    case "float":
    case "scaled_float":
      return typeof value === "number" && Number.isFinite(value);
    case "boolean":
      return typeof value === "boolean";
    case "ip":
      return typeof value === "string" && isIP(value) !== 0;
    default:
      throw new Error(`a type of ECS that is not looked at here: ${type}`);
  }
}

/** Which event.type goes with which event.category. */
function categoryProblems(seen: ReadonlyMap<string, unknown>): string[] {
  const categories = listOf(seen.get("event.category"));
  const known = FIELDS.get("event.category")?.allowed_values ?? [];
  const types = new Set(
    known.filter(({ name }) => categories.includes(name)).flatMap((each) => each.expected_event_types ?? []),
  );
  if (categories.length === 0) return [];
  return listOf(seen.get("event.type"))
    .filter((type) => !types.has(type))
    .map((type) => `event.type: ${type} does not go with ${categories.join()}`);
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
