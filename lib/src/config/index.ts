/** Configuration: one YAML file, one JSON Schema, complete defaults, errors that say where and what. */
import { readFileSync } from "node:fs";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { LineCounter, parseDocument } from "yaml";

export { absolutePath, address, choice, integer, logLevel, MIB, mapOf, optionalPath } from "./schema.ts";

/** JSON Schema (draft-07) of a config file. */
export type ConfigSchema = Record<string, unknown>;

/** A config file that cannot be used. Each problem names file, line, key, value and what is allowed. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** Reads and checks a config file; the result is frozen. Throws a ConfigError with all problems at once. */
export function loadConfig<Config>(path: string, schema: ConfigSchema): Readonly<Config> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new ConfigError([`${path}: cannot be read (${cause instanceof Error ? cause.message : String(cause)})`]);
  }
  return parseConfig<Config>(text, path, schema);
}

/** As loadConfig, from text. */
export function parseConfig<Config>(text: string, path: string, schema: ConfigSchema): Readonly<Config> {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    // `<<: *name` takes what another map has, as people know it of YAML 1.1.
    merge: true,
    // What is odd in the file is told as an error by the schema; nothing is printed beside it.
    logLevel: "silent",
  } as never);
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((error) => {
        const { line, col } = lines.linePos(error.pos[0]);
        return `${path}:${line}:${col}: ${error.message}`;
      }),
    );
  }
  let value: unknown;
  try {
    // A fleet may name one map in each of its groups; what grows exponentially is far beyond this bound.
    value = unshared(document.toJS({ maxAliasCount: ALIASES_MAX }) ?? {});
  } catch (error) {
    // An alias that leads nowhere, or to too much.
    throw new ConfigError([`${path}: ${error instanceof Error ? error.message : String(error)}`]);
  }
  const validate = validatorOf(schema);
  if (!validate(value)) {
    const place = (error: ErrorObject): string => {
      const keys = error.instancePath.split("/").slice(1).map(unescapePointer);
      const extra: unknown = error.params["additionalProperty"];
      if (typeof extra === "string") keys.push(extra);
      return placeOf(document, lines, path, keys);
    };
    const seen = (validate.errors ?? []).map((error) => `${place(error)}: ${explain(error, value)}`);
    throw new ConfigError([...new Set(seen)]);
  }
  return deepFreeze(camelize(value)) as Readonly<Config>;
}

const ALIASES_MAX = 1000;
/** Far more than any schema has. */
const DEPTH_MAX = 100;

/** What aliases name is one object in several places: each gets its own, since defaults are filled in by place. */
function unshared(value: unknown, depth = 0): unknown {
  // An alias may lead to what it stands in.
  if (depth > DEPTH_MAX)
    throw new Error(`more than ${DEPTH_MAX} maps and lists within each other; an alias that leads to itself?`);
  if (Array.isArray(value)) return value.map((item) => unshared(item, depth + 1));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unshared(inner, depth + 1)]));
}

const validators = new WeakMap<ConfigSchema, ValidateFunction>();

/** Compiling a schema takes much longer than using it. */
function validatorOf(schema: ConfigSchema): ValidateFunction {
  let validate = validators.get(schema);
  if (validate === undefined) {
    const options = { allErrors: true, verbose: true, useDefaults: true, strict: true, allowUnionTypes: true };
    validate = new Ajv(options).compile(schema);
    validators.set(schema, validate);
  }
  return validate;
}

function unescapePointer(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}

function placeOf(document: ReturnType<typeof parseDocument>, lines: LineCounter, path: string, keys: string[]): string {
  // Of a key that is missing, the nearest thing around it that is there.
  for (let length = keys.length; length > 0; length--) {
    const parent: unknown =
      length === 1 ? document.contents : document.getIn(keys.slice(0, length - 1).map(index), true);
    const range = pairRange(parent, keys[length - 1] ?? "");
    if (range === undefined) continue;
    const { line, col } = lines.linePos(range);
    return `${path}:${line}:${col}`;
  }
  return path;
}

function index(key: string): string | number {
  return /^\d+$/.test(key) ? Number(key) : key;
}

function pairRange(parent: unknown, key: string): number | undefined {
  if (parent === null || typeof parent !== "object" || !("items" in parent)) return undefined;
  const items = parent.items as { key?: { value?: unknown; range?: number[] }; range?: number[] }[];
  const item = /^\d+$/.test(key) && items[Number(key)]?.key === undefined ? items[Number(key)] : undefined;
  if (item !== undefined) return item.range?.[0];
  return items.find((pair) => pair.key?.value === key)?.key?.range?.[0];
}

function explain(error: ErrorObject, root: unknown): string {
  const keys = error.instancePath.split("/").slice(1).map(unescapePointer);
  const name = keys.join(".") || "the file";
  const value = JSON.stringify(
    keys.reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], root),
    (_, inner: unknown) => (typeof inner === "string" ? withoutSecrets(inner) : inner),
  );
  const allowed = Object.keys((error.parentSchema?.["properties"] ?? {}) as Record<string, unknown>).join(", ");
  switch (error.keyword) {
    case "additionalProperties":
      return `unknown key "${[...keys, error.params["additionalProperty"]].join(".")}"; allowed are ${allowed}`;
    case "required":
      return `${name} lacks "${String(error.params["missingProperty"])}"`;
    case "enum":
      return `${name} is ${value}; allowed are ${(error.params["allowedValues"] as unknown[]).join(", ")}`;
    case "minProperties":
      return `${name} is ${value}; it must have at least one of ${allowed || "whatever it names"}`;
    case "pattern":
      return `${name} is ${value}; it ${error.message}${meaningOf(error.parentSchema)}`;
    default:
      return `${name} is ${value}; it ${error.message ?? "is not allowed"}`;
  }
}

/** What a pattern means in words, where its schema says so. */
function meaningOf(schema: Record<string, unknown> | undefined): string {
  const comment = schema?.["$comment"];
  return typeof comment === "string" ? ` (${comment})` : "";
}

/** A text as an error may show it, which ends up in logs: a URL without what stands before its @, and without its query. */
function withoutSecrets(text: string): string {
  const named = /:[^]*@/.test(text) ? text.replace(/^([A-Za-z][\w+.-]*:\/\/)?[^]*@/, "$1…@") : text;
  return named.replace(/(:\/\/[^?#]*[?#])[^]+/, "$1…");
}

/** Maps whose keys belong to the user. */
const USERS: ReadonlySet<string> = new Set(["labels", "tag_labels", "scope", "hosts", "tags"]);

/** snake_case keys to camelCase, except in maps of the user. */
function camelize(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => camelize(item));
  if (value === null || typeof value !== "object") return value;
  if (USERS.has(key)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
      camelize(inner, name),
    ]),
  );
}

function deepFreeze<Value>(value: Value): Value {
  if (value !== null && typeof value === "object") {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
