/** Rules held against the events of blocks. */
import type { ColumnBlock } from "../block/index.ts";
import {
  asksOf,
  type CompiledShape,
  FIELDS,
  type Found,
  type Predicate,
  PredicateIndex,
  type Shape,
  type Source,
  Subjects,
  textsOf,
  RECORD_FIELDS,
  recordShape,
  wholeShape,
} from "../predicate/index.ts";
import { type DetectionRule, itemsOf, type Problem, SigmaError } from "../sigma/index.ts";
import { nearest } from "../spelling/index.ts";
import { eventSources, type SigmaField, TIMES } from "./events.ts";
import { predicateOf } from "./question.ts";
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
  /** The events of a block that are of it. */
  subjects: Subjects;
}

/** Records of one type, with the rules about them. */
type RecordKind = Pick<Route, "compiled" | "subjects">;

/** What matched in a block. */
class Matches {
  readonly #count: number;
  readonly #entries: readonly Entry[];
  readonly #found = new Map<number, Match>();

  constructor(count: number, entries: readonly Entry[]) {
    this.#count = count;
    this.#entries = entries;
  }

  readonly found: Found = (number, event, record) => {
    const key = number * this.#count + event;
    const known = this.#found.get(key);
    if (known === undefined) this.#found.set(key, { rule: (this.#entries[number] as Entry).rule, event, record });
    else if (record >= 0 && record < known.record) known.record = record;
  };

  all(): Match[] {
    return [...this.#found.values()].sort((one, other) => one.event - other.event);
  }
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
  readonly #byType = new Map<number, RecordKind>();
  readonly #whole: CompiledShape;
  readonly #hasRecordRules: boolean;
  readonly #wholeEvents = new Subjects();
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
      return { category, shape, compiled, subjects: new Subjects() };
    });
  }

  #isAboutRecords(number: number): boolean {
    const { category, about } = this.#entries[number] as Entry;
    return category === undefined && about !== "event";
  }

  #shapeOf(type: number): RecordKind {
    let known = this.#byType.get(type);
    if (known === undefined) {
      const compiled = this.#index.compile(recordShape(type, this.#ofEvent), (number) => this.#isAboutRecords(number));
      known = { compiled, subjects: new Subjects() };
      this.#byType.set(type, known);
    }
    return known;
  }

  /** Every rule that matches an event, once for each event; of records that it matches the first. In the order of events. */
  match(block: ColumnBlock): Match[] {
    const run = this.#index.begin(block);
    const matches = new Matches(block.count, this.#entries);
    const { found } = matches;
    this.#sortEvents(block);
    for (const { compiled, subjects } of this.#routes) run.ask(compiled, subjects, found);
    if (!this.#hasRecordRules) return matches.all();
    this.#sortRecords(block);
    for (const { compiled, subjects } of this.#byType.values()) run.ask(compiled, subjects, found);
    // Last, since it is the records that are told where both match.
    run.ask(this.#whole, this.#wholeEvents, found);
    return matches.all();
  }

  /** Puts the block's events to the categories that they are of. */
  #sortEvents(block: ColumnBlock): void {
    for (const { subjects } of this.#routes) subjects.clear();
    if (this.#routes.length === 0) return;
    const routes = routesOf(block, this.#routes);
    const { kind } = block.columns;
    for (let event = 0; event < block.count; event++)
      for (const { subjects } of routes[(kind[event] ?? 0) - 1] ?? NO_ROUTES) subjects.add(event, -1);
  }

  /** Puts the block's records to what they are, and events to those that are asked about as a whole. */
  #sortRecords(block: ColumnBlock): void {
    for (const { subjects } of this.#byType.values()) subjects.clear();
    this.#wholeEvents.clear();
    const kinds = block.records.views.map(({ type }) => {
      const kind = this.#shapeOf(type);
      return isAsked(kind.compiled) ? kind.subjects : undefined;
    });
    const { offsets, values } = block.columns.records;
    const [rows = NO_ROWS] = values;
    const isWholeAsked = isAsked(this.#whole);
    for (let event = 0; event < block.count; event++) {
      const end = offsets[event + 1] ?? 0;
      for (let at = offsets[event] ?? 0; at < end; at++) kinds[(rows[at] ?? 0) - 1]?.add(event, at);
      if (isWholeAsked) this.#wholeEvents.add(event, -1);
    }
  }

  /** The texts of a rule's field in an event that it matched, under the names that the rule itself uses. */
  textsOf(block: ColumnBlock, { rule, event, record }: Match, field: string): string[] {
    const reading = readLogsource(rule.logsource);
    if (reading.kind === "category") {
      const route = this.#routes.find(({ category }) => category === CATEGORIES.get(reading.name));
      return route === undefined ? [] : textsOf(route.shape, block, field, event, -1);
    }
    const type = block.records.views[(block.columns.records.values[0]?.[record] ?? 0) - 1]?.type;
    const own = type === undefined ? [] : textsOf(this.#shapeOf(type).compiled.shape, block, field, event, record);
    // What the record itself does not say is asked of its event.
    return own.length > 0 ? own : textsOf(this.#whole.shape, block, field, event, -1);
  }
}

const NO_ROWS = new Uint32Array(0);
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
