/** What can be completed, as the program's own definition says it; the same for every shell. */
import type { Argument, Option } from "commander";
import { EVENT_CATEGORIES, EVENT_TYPES, FIELDS } from "@hosttrail/lib/predicate";
import { COLUMN_NAMES } from "../columns.ts";
import { TIME_WORDS } from "../time.ts";

/** As much of a command as is asked here; commander's is one. */
export interface Described {
  name(): string;
  description(): string;
  readonly parent: unknown;
  readonly commands: readonly Described[];
  readonly options: readonly Option[];
  readonly registeredArguments: readonly Argument[];
}

/** What a value can be. */
export type Values =
  | { kind: "words"; words: readonly string[] }
  | { kind: "files" }
  | { kind: "filter" }
  /** Several of the words, joined by commas. */
  | { kind: "list"; words: readonly string[] };

interface CommandModel {
  /** Its words, as "token create"; "" for the program. */
  path: string;
  inner: readonly { name: string; about: string }[];
  /** Long options, its own and those of all commands. */
  options: readonly { name: string; about: string; values: Values | undefined; takesValue: boolean }[];
  /** What stands behind its words, by place; the last one again and again where it may be. */
  places: readonly (Values | undefined)[];
  repeats: boolean;
}

export interface Model {
  commands: readonly CommandModel[];
  fields: readonly string[];
  /** Words of fields that have few. */
  fieldValues: readonly (readonly [field: string, words: readonly string[]])[];
}

const SEVERITIES = ["informational", "low", "medium", "high", "critical"];
const METRICS = ["distinct:", "min:", "max:", "sum:", "average:"];

/** Values by what stands in <…>, where it has no list of choices. */
function valuesNamed(name: string): Values | undefined {
  const words = (list: readonly string[]): Values => ({ kind: "words", words: list });
  const fields = [...FIELDS.keys()];
  const known: Readonly<Record<string, Values>> = {
    FILE: { kind: "files" },
    DIR: { kind: "files" },
    PATH: { kind: "files" },
    FILTER: { kind: "filter" },
    FIELD: words(fields),
    FIELDS: { kind: "list", words: fields },
    COLUMNS: { kind: "list", words: [...COLUMN_NAMES, ...fields] },
    TIME: words(TIME_WORDS),
    FROM: words(TIME_WORDS),
    TO: words(TIME_WORDS),
    DURATION: words(["15m", "1h", "1d", "7d", "30d"]),
    LEVEL: words([...SEVERITIES, "author"]),
    REASON: words(["true-positive", "false-positive", "benign", "duplicate", "other"]),
    STATES: words(["open", "acknowledged", "closed", "open,acknowledged", "all"]),
    KIND: words(["exception", "silence"]),
    KINDS: { kind: "list", words: ["login", "process", "file", "connection", "account", "audit", "alert", "other"] },
    METRIC: words(METRICS),
    BUDGET: { kind: "list", words: ["time=", "bytes=", "events="] },
    ZONE: words(Intl.supportedValuesOf("timeZone")),
  };
  return Object.hasOwn(known, name) ? known[name] : undefined;
}

function valuesOf(choices: readonly string[] | undefined, name: string): Values | undefined {
  return choices === undefined ? valuesNamed(name) : { kind: "words", words: choices };
}

export function modelOf(program: Described): Model {
  const global = optionsOf(program);
  const visit = (command: Described, path: string): CommandModel[] => {
    const last = command.registeredArguments.at(-1);
    const own: CommandModel = {
      path,
      inner: command.commands.map((inner) => ({ name: inner.name(), about: inner.description() })),
      options: command === program ? global : [...optionsOf(command), ...global],
      places: command.registeredArguments.map((argument) => valuesOf(argument.argChoices, argument.name())),
      repeats: last?.variadic ?? false,
    };
    return [own, ...command.commands.flatMap((inner) => visit(inner, `${path} ${inner.name()}`.trim()))];
  };
  return { commands: visit(program, ""), fields: [...FIELDS.keys()], fieldValues: fieldValues() };
}

function optionsOf(command: Described): CommandModel["options"] {
  const own = command.options.map((option) => {
    const name = /<([^>]+)>/.exec(option.flags)?.[1] ?? "";
    const takesValue = option.required || option.optional;
    return {
      name: option.long ?? "",
      about: option.description,
      takesValue,
      values: valuesOf(option.argChoices, name),
    };
  });
  if (command.parent !== null) return own;
  return [...own, { name: "--help", about: "show help", takesValue: false, values: undefined }];
}

/** A list of words, as types of fields tell what is allowed. */
const WORD_LIST = /^[a-z_]+(?:, [a-z_]+)+$/;

function fieldValues(): [string, readonly string[]][] {
  const known: [string, readonly string[]][] = [
    ["event.category", EVENT_CATEGORIES],
    ["event.type", EVENT_TYPES],
  ];
  const listed = Array.from(FIELDS, ([name, { type }]): [string, readonly string[]] => [
    name,
    WORD_LIST.test(type.allowed) ? type.allowed.split(", ") : [],
  ]);
  return [...new Map([...listed.filter(([, words]) => words.length > 0), ...known])];
}
