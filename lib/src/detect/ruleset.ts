/** Rules held against the events of blocks. */
import type { ColumnBlock } from "../block/index.ts";
import {
  asksOf,
  type CompiledShape,
  type Found,
  FIELDS,
  type IndexRun,
  type Predicate,
  PredicateIndex,
  type Shape,
  type Source,
  textsOf,
} from "../predicate/index.ts";
import { type DetectionRule, itemsOf, nearest, type Problem, SigmaError } from "../sigma/index.ts";
import { eventSources, type SigmaField, TIMES } from "./events.ts";
import { predicateOf } from "./question.ts";
import { RECORD_FIELDS, recordShape, wholeShape } from "./records.ts";
import { type SieveQuestion, sieveQuestion } from "./sieve.ts";
import { CATEGORIES, type Category, readLogsource } from "./taxonomy.ts";

/** A rule that matched an event. */
export interface Match {
  rule: DetectionRule;
  /** Number of the event in its block. */
  event: number;
  /** Place of the record that the rule matched among all records of the block; -1 where it is the event as a whole. */
  record: number;
}

/** A rule that no event can match, and why. */
export interface Inert {
  rule: DetectionRule;
  why: string;
}

/** A rule that asks for what is beyond what can be asked. */
export interface NotCompiled extends Problem {
  rule: DetectionRule;
}

const NO_FIELDS: ReadonlyMap<string, SigmaField> = new Map();

/** A category of events, with the rules about it. */
interface Route {
  category: Category;
  shape: Shape;
  compiled: CompiledShape;
}

/** A rule with what it asks. */
export interface Entry {
  rule: DetectionRule;
  /** Its category; undefined for rules about records. */
  category: string | undefined;
  predicate: Predicate;
  /** Of rules about records: whether it is held against each by itself, against all together, or both. */
  about: "record" | "event" | "both";
}

/** Rules that belong together, compiled once for any number of blocks. */
export class RuleSet {
  readonly #entries: readonly Entry[];
  readonly #index: PredicateIndex;
  readonly #routes: readonly Route[];
  readonly #ofEvent: readonly Source[] = eventSources(NO_FIELDS);
  readonly #byType = new Map<number, CompiledShape>();
  readonly #whole: CompiledShape;
  readonly #hasRecordRules: boolean;
  readonly #lastEvent: Uint32Array;
  /** Rules whose log source has no events here. */
  readonly inert: readonly Inert[];
  readonly notCompiled: readonly NotCompiled[];
  /** What to ask a sieve so that no match is missed; undefined where a sieve cannot say no. */
  readonly sieve: SieveQuestion | undefined;

  constructor(rules: readonly DetectionRule[]) {
    const { entries, inert, notCompiled } = compileRules(rules);
    this.#entries = entries;
    this.inert = inert;
    this.notCompiled = notCompiled;
    this.#index = new PredicateIndex(entries.map(({ predicate }) => predicate));
    this.#routes = this.#compileRoutes();
    this.#hasRecordRules = entries.some(({ category }) => category === undefined);
    this.#whole = this.#index.compile(wholeShape(this.#ofEvent), (number) => {
      const { category, about } = entries[number] as Entry;
      return category === undefined && about !== "record";
    });
    this.#lastEvent = new Uint32Array(entries.length);
    this.sieve = sieveQuestion(entries);
  }

  /** Rules that are held against events. */
  get rules(): DetectionRule[] {
    return this.#entries.map(({ rule }) => rule);
  }

  #compileRoutes(): Route[] {
    const named = new Set(this.#entries.flatMap(({ category }) => category ?? []));
    return [...named].map((name) => {
      const category = CATEGORIES.get(name) as Category;
      const shape: Shape = { sources: eventSources(category.fields, true), constants: new Map() };
      const compiled = this.#index.compile(shape, (number) => this.#entries[number]?.category === name);
      return { category, shape, compiled };
    });
  }

  #isAboutRecords(number: number): boolean {
    const { category, about } = this.#entries[number] as Entry;
    return category === undefined && about !== "event";
  }

  #shapeOf(type: number): CompiledShape {
    let compiled = this.#byType.get(type);
    if (compiled === undefined) {
      compiled = this.#index.compile(recordShape(type, this.#ofEvent), (number) => this.#isAboutRecords(number));
      this.#byType.set(type, compiled);
    }
    return compiled;
  }

  /** For each row of records its shape; undefined where no rule is about such a record. */
  #shapesOf(block: ColumnBlock): (CompiledShape | undefined)[] {
    return block.records.views.map(({ type }) => {
      const shape = this.#shapeOf(type);
      return isAsked(shape) ? shape : undefined;
    });
  }

  /** Every rule that matches an event, once for each event. */
  match(block: ColumnBlock): Match[] {
    const run = this.#index.begin(block);
    const matches: Match[] = [];
    const routes = routesOf(block, this.#routes);
    const last = this.#lastEvent.fill(0);
    const found: Found = (number, event, record) => {
      if (last[number] === event + 1) return;
      last[number] = event + 1;
      matches.push({ rule: (this.#entries[number] as Entry).rule, event, record });
    };
    const { kind } = block.columns;
    const shapes = this.#hasRecordRules ? this.#shapesOf(block) : undefined;
    for (let event = 0; event < block.count; event++) {
      for (const { compiled } of routes[(kind[event] ?? 0) - 1] ?? NO_ROUTES) run.ask(compiled, event, -1, found);
      if (shapes !== undefined) this.#askRecords(run, block, shapes, event, found);
    }
    return matches;
  }

  /** `shapes` are those of the block's rows of records. */
  #askRecords(
    run: IndexRun,
    block: ColumnBlock,
    shapes: readonly (CompiledShape | undefined)[],
    event: number,
    found: Found,
  ): void {
    const { offsets, values } = block.columns.records;
    const end = offsets[event + 1] ?? 0;
    const rows = values[0];
    for (let at = offsets[event] ?? 0; at < end; at++) {
      const shape = shapes[(rows?.[at] ?? 0) - 1];
      if (shape !== undefined) run.ask(shape, event, at, found);
    }
    if (isAsked(this.#whole)) run.ask(this.#whole, event, -1, found);
  }

  /** The texts of a rule's field in an event that it matched, under the names that the rule itself uses. */
  textsOf(block: ColumnBlock, { rule, event, record }: Match, field: string): string[] {
    const reading = readLogsource(rule.logsource);
    if (reading.kind === "category") {
      const route = this.#routes.find(({ category }) => category === CATEGORIES.get(reading.name));
      return route === undefined ? [] : textsOf(route.shape, block, field, event, -1);
    }
    const type = block.records.views[(block.columns.records.values[0]?.[record] ?? 0) - 1]?.type;
    const own = type === undefined ? [] : textsOf(this.#shapeOf(type).shape, block, field, event, record);
    // What the record itself does not say is asked of its event.
    return own.length > 0 ? own : textsOf(this.#whole.shape, block, field, event, -1);
  }
}

const NO_ROUTES: readonly Route[] = [];

function isAsked({ nodes }: CompiledShape): boolean {
  return nodes.size > 0;
}

/** For each kind of event in the block, the categories that it is of. */
export function routesOf<Of extends { category: Category }>(block: ColumnBlock, routes: readonly Of[]): Of[][] {
  return block.kinds.views.map(({ action, type, outcome }) =>
    outcome === "failure"
      ? []
      : routes.filter(
          ({ category }) =>
            category.actions.includes(action) &&
            (category.types === undefined || category.types.some((each) => type.includes(each))),
        ),
  );
}

export function compileRules(rules: readonly DetectionRule[]): {
  entries: Entry[];
  inert: Inert[];
  notCompiled: NotCompiled[];
} {
  const entries: Entry[] = [];
  const inert: Inert[] = [];
  const notCompiled: NotCompiled[] = [];
  for (const rule of rules) {
    const reading = readLogsource(rule.logsource);
    const category = reading.kind === "category" ? reading.name : undefined;
    try {
      const predicate = predicateOf(rule.condition, (field) => nameField(field, category));
      if (reading.kind === "none") inert.push({ rule, why: reading.why });
      else {
        entries.push({ rule, category, predicate, about: aboutOf(predicate) });
      }
    } catch (error) {
      if (!(error instanceof SigmaError)) throw error;
      notCompiled.push({ rule, file: rule.file, line: error.line, message: error.message });
    }
  }
  return { entries, inert, notCompiled };
}

/** A rule that names the type of a record is about one; what keywords alone find is found in all records together as well as in each. */
function aboutOf(predicate: Predicate): Entry["about"] {
  const asks = [...asksOf(predicate)];
  if (asks.some(({ field }) => field === "type")) return "record";
  if (asks.every(({ field }) => field === "")) return "event";
  // Some events have no record, and what is asked of the event is asked of them as well.
  return isAnyOf(predicate) && !asks.some(({ field }) => field.includes(".")) ? "record" : "both";
}

/** True where one question alone decides: what passes it in all records together passes it in one of them. */
function isAnyOf(predicate: Predicate): boolean {
  return predicate.kind === "ask" || (predicate.kind === "or" && predicate.parts.every(isAnyOf));
}

/** Of records every name may be that of a field; of events only those that are known. */
function nameField(field: string, category: string | undefined): string | undefined {
  return category === undefined || fieldOf(field, category) !== undefined ? field : undefined;
}

/** What a field of a category is; undefined where no event of it has it. */
function fieldOf(field: string, category: string): string | undefined {
  const sigma = CATEGORIES.get(category)?.fields.get(field);
  if (sigma !== undefined) return sigma.kind === "never" ? undefined : sigma.field;
  return FIELDS.has(field) || TIMES.has(field) ? field : undefined;
}

/** A field that no event of a rule's log source has, and what is known of it. */
export interface MissingField {
  field: string;
  line: number;
  why: string;
}

/** The fields of a rule that no event has. */
export function missingFields(rule: DetectionRule): MissingField[] {
  const reading = readLogsource(rule.logsource);
  const missing = new Map<string, MissingField>();
  for (const { field, line, test } of itemsOf(rule.condition)) {
    for (const name of test.kind === "field" ? [field, test.field] : [field]) {
      if (name === "" || missing.has(name)) continue;
      const why = whyMissing(name, reading.kind === "category" ? reading.name : undefined);
      if (why !== undefined) missing.set(name, { field: name, line, why });
    }
  }
  return [...missing.values()];
}

function whyMissing(field: string, category: string | undefined): string | undefined {
  if (category === undefined) {
    // Names of records are the writers' own; those with a point are ECS's.
    if (!field.includes(".") || FIELDS.has(field)) return undefined;
    return `no field is called that${nearest(field, FIELDS.keys())}`;
  }
  if (fieldOf(field, category) !== undefined) return undefined;
  const fields = CATEGORIES.get(category)?.fields ?? NO_FIELDS;
  const known = fields.get(field);
  if (known?.kind === "never") return known.why;
  const readable = Array.from(fields).flatMap(([name, { kind }]) => (kind === "never" ? [] : [name]));
  const near = nearest(field, [...readable, ...FIELDS.keys()]);
  return `no event of category ${category} has a field of this name${near}${RECORD_FIELDS.includes(field) ? "; it is one of audit records, for service: auditd" : ""}`;
}
