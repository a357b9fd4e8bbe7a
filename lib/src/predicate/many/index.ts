/**
 * Many predicates held against the events of a block at once.
 *
 * A subject (an event, or one of its records) refers to rows of the block's tables; each row's fields are put to the questions of all
 * predicates together, once a block, and texts that come again from block to block are remembered. Of each predicate some questions are
 * its witnesses: only where one of them passed is the predicate itself looked at. So most predicates cost most events nothing.
 */
import type { ColumnBlock } from "../../block/index.ts";
import { type Automaton, AutomatonBuilder } from "./automaton.ts";
import { type Ask, asksOf, type AskPair, decided, type Predicate, witnessesOf } from "./expression.ts";
import { ValueQuestions } from "./values.ts";

export { asksOf, type Predicate } from "./expression.ts";
export type { ValueQuestion } from "./values.ts";

/** Texts of a field in a row; most rows have one or none. */
export type Texts = string | readonly string[] | undefined;

/** Reads a field of a row. */
export type ReadTexts = (block: ColumnBlock, row: number) => Texts;

/** The rows of event n are those from offsets[n] to before offsets[n + 1]. */
export interface RowLists {
  offsets: Uint32Array;
  rows: Uint32Array;
}

/** Rows that a subject refers to by one column. */
export interface Source {
  /** True where each event has a row of its own: these are read only where it must be, or once something else has passed. */
  isPerEvent: boolean;
  /**
   * The row of a subject, by its index plus one; 0 for none. `record` is the place of one of its records among all of the block's, or
   * -1. Of sources that give lists it says whether the subject has them at all: 0 for no.
   */
  rowOf: (block: ColumnBlock, event: number, record: number) => number;
  /** Where an event may refer to several rows: for each event where its rows begin, and all rows by their indexes plus one. */
  lists?(block: ColumnBlock): RowLists;
  /** What reads a field, or undefined where the rows do not have it. */
  reader(field: string): ReadTexts | undefined;
  /** Further fields, which only the rows themselves name. Each is a text of the row as well, as the field without a name is. */
  others?(block: ColumnBlock, row: number): readonly (readonly [field: string, text: string])[];
}

/** A kind of subject: what it refers to, and fields whose texts are the same for all of its kind. */
export interface Shape {
  sources: readonly Source[];
  constants: ReadonlyMap<string, readonly string[]>;
}

const NO_ATOMS: Uint32Array = new Uint32Array(0);
const NO_NUMBERS: readonly number[] = [];
/** Reading a field of each event costs as much as looking at a predicate at so many of them, about. */
const PER_EVENT_WEIGHT = 0.3;
/** Stands for none, where it was asked for already. */
const NO_LISTS: RowLists = { offsets: new Uint32Array(0), rows: new Uint32Array(0) };

type Node =
  | { kind: "ask"; field: number; atom: number; isFirst: boolean }
  | { kind: "pair"; pair: AskPair }
  | { kind: "and" | "or"; parts: readonly Node[] }
  | { kind: "not"; part: Node }
  | { kind: "constant"; value: boolean };

/** A shape with the predicates that can hold for it. */
export interface CompiledShape {
  readonly shape: Shape;
  /** Sources whose rows may hold a witness. */
  readonly witnessing: readonly number[];
  /** For each field, the sources that have it. */
  readonly byField: readonly (readonly number[])[];
  readonly nodes: ReadonlyMap<number, Node>;
  /** Predicates by the question that is their witness. */
  readonly byWitness: readonly (readonly number[] | undefined)[];
  /** Those without a witness. */
  readonly always: readonly number[];
}

interface Reader {
  questions: ValueQuestions;
  read: ReadTexts;
}

/** A source of one kind of subject, with the fields that somebody asks for. */
interface BoundSource {
  source: Source;
  /** Fields in which witnesses are looked for. */
  first: readonly Reader[];
  /** Fields that are read once there is a witness. */
  later: readonly Reader[];
}

export class PredicateIndex {
  readonly #predicates: readonly Predicate[];
  readonly #fields = new Map<string, number>();
  readonly #questions: ValueQuestions[] = [];
  /** Numbers of questions, by field and name. */
  readonly #atoms = new Map<string, number>();
  readonly #automaton: Automaton;
  /** Those of all kinds of subjects. */
  readonly #sources: BoundSource[] = [];

  constructor(predicates: readonly Predicate[]) {
    this.#predicates = predicates;
    const builder = new AutomatonBuilder();
    for (const predicate of predicates) for (const ask of asksOf(predicate)) this.#learn(ask, builder);
    this.#automaton = builder.build();
    for (const questions of this.#questions) questions.seal(this.#automaton);
  }

  #learn({ field, name, question }: Ask, builder: AutomatonBuilder): void {
    const key = `${field}\0${name}`;
    if (this.#atoms.has(key)) return;
    const atom = this.#atoms.size;
    this.#atoms.set(key, atom);
    this.#questions[this.#fieldNumber(field)]?.add(atom, question, builder);
  }

  #fieldNumber(field: string): number {
    let number = this.#fields.get(field);
    if (number === undefined) {
      number = this.#fields.size;
      this.#fields.set(field, number);
      this.#questions.push(new ValueQuestions());
    }
    return number;
  }

  /** Prepares a kind of subject; `wanted` says which predicates are about it. */
  compile(shape: Shape, wanted: (predicate: number) => boolean): CompiledShape {
    const having = Array.from(this.#fields.keys(), (field) =>
      shape.sources.filter((source) => hasField(source, field)),
    );
    const sourcesOf = ({ field }: Ask): readonly Source[] => having[this.#fields.get(field) ?? -1] ?? [];
    // What changes from event to event is looked for where there is nothing else.
    const costOf = (ask: Ask): number =>
      ask.weight + (sourcesOf(ask).some(({ isPerEvent }) => isPerEvent) ? PER_EVENT_WEIGHT : 0);
    const open = new Map<number, Predicate>();
    const byWitness: number[][] = [];
    const always: number[] = [];
    const first = new Set<string>();
    const asked = new Set<string>();
    for (const [number, predicate] of this.#predicates.entries()) {
      if (!wanted(number)) continue;
      const left = decided(predicate, (ask) => decide(ask, shape, sourcesOf(ask)));
      if (left.kind === "constant" && !left.value) continue;
      open.set(number, left);
      for (const { field } of asksOf(left)) asked.add(field);
      const witnesses = witnessesOf(left, costOf);
      if (witnesses === undefined) always.push(number);
      for (const ask of witnesses?.asks ?? []) {
        first.add(ask.field);
        const atom = this.#atomOf(ask);
        const known = byWitness[atom];
        if (known === undefined) byWitness[atom] = [number];
        else if (known.at(-1) !== number) known.push(number);
      }
    }
    const numbers = new Map(shape.sources.map((source) => [source, this.#bind(source, asked, first)]));
    const byField = having.map((sources) => sources.map((source) => numbers.get(source) as number));
    const witnessing = shape.sources.filter((source) => [...first].some((field) => hasField(source, field)));
    return {
      shape,
      witnessing: witnessing.map((source) => numbers.get(source) as number),
      byField,
      nodes: new Map(Array.from(open, ([number, predicate]) => [number, this.#node(predicate, first)])),
      byWitness,
      always,
    };
  }

  #atomOf({ field, name }: Ask): number {
    return this.#atoms.get(`${field}\0${name}`) as number;
  }

  #node(predicate: Predicate, first: ReadonlySet<string>): Node {
    switch (predicate.kind) {
      case "ask":
        return {
          kind: "ask",
          field: this.#fieldNumber(predicate.field),
          atom: this.#atomOf(predicate),
          isFirst: first.has(predicate.field),
        };
      case "pair":
        return { kind: "pair", pair: predicate };
      case "not":
        return { kind: "not", part: this.#node(predicate.part, first) };
      case "constant":
        return predicate;
      default:
        return { kind: predicate.kind, parts: predicate.parts.map((part) => this.#node(part, first)) };
    }
  }

  #bind(source: Source, asked: ReadonlySet<string>, first: ReadonlySet<string>): number {
    const readers = (isWanted: (field: string) => boolean): Reader[] =>
      Array.from(this.#fields).flatMap(([field, index]) => {
        const read = asked.has(field) && isWanted(field) ? source.reader(field) : undefined;
        const questions = this.#questions[index];
        return read === undefined || questions === undefined ? [] : [{ questions, read }];
      });
    // Where rows themselves name further fields, all are read together.
    const isFirst = (field: string): boolean => source.others !== undefined || first.has(field);
    return this.#sources.push({ source, first: readers(isFirst), later: readers((field) => !isFirst(field)) }) - 1;
  }

  /** Begins with a block. */
  begin(block: ColumnBlock): IndexRun {
    return new IndexRun(block, this.#sources, this.#fields, this.#questions, this.#predicates.length);
  }
}

/** What the kind of subject decides for all of them: a field that is always the same, or never there. */
function decide({ field, question }: Ask, { constants }: Shape, sources: readonly Source[]): boolean | undefined {
  const texts = constants.get(field);
  if (texts !== undefined) return texts.some((text) => passes(question, text));
  return sources.length === 0 ? false : undefined;
}

function hasField(source: Source, field: string): boolean {
  return source.reader(field) !== undefined || source.others !== undefined;
}

/** Whether one text passes a question. */
export function passes({ equals, test }: Ask["question"], text: string): boolean {
  const lower = text.toLowerCase();
  return equals === undefined ? test(text, lower) : lower === equals;
}

/** Is told of a predicate that holds for a subject. */
export type Found = (predicate: number, event: number, record: number) => void;

/** The predicates on one block. */
export class IndexRun {
  readonly #block: ColumnBlock;
  readonly #sources: readonly BoundSource[];
  readonly #fields: ReadonlyMap<string, number>;
  readonly #questions: readonly ValueQuestions[];
  /** Questions that a row passes, by source and row. */
  readonly #passed: (Uint32Array | undefined)[][] = [];
  /** The same of fields that are read later. */
  readonly #passedLater: (Uint32Array | undefined)[][] = [];
  /** The lists of each source, or NO_LISTS. */
  readonly #lists: (RowLists | undefined)[] = [];
  /** The last subject for which a predicate was looked at. */
  readonly #looked: Uint32Array;
  #subject = 0;

  constructor(
    block: ColumnBlock,
    sources: readonly BoundSource[],
    fields: ReadonlyMap<string, number>,
    questions: readonly ValueQuestions[],
    predicates: number,
  ) {
    this.#block = block;
    this.#sources = sources;
    this.#fields = fields;
    this.#questions = questions;
    this.#looked = new Uint32Array(predicates);
  }

  /** Tells each predicate that holds for the subject, once. */
  ask(compiled: CompiledShape, event: number, record: number, found: Found): void {
    if (compiled.nodes.size === 0) return;
    this.#subject++;
    for (const number of compiled.always) this.#look(compiled, number, event, record, found);
    for (const number of compiled.witnessing) {
      const row = this.#rowOf(number, event, record);
      if (row === 0) continue;
      const lists = this.#listsOf(number);
      if (lists === undefined) this.#follow(compiled, this.#atomsAt(number, row - 1), event, record, found);
      else {
        const end = lists.offsets[event + 1] ?? 0;
        for (let at = lists.offsets[event] ?? 0; at < end; at++)
          this.#follow(compiled, this.#atomsAt(number, (lists.rows[at] ?? 0) - 1), event, record, found);
      }
    }
  }

  #rowOf(number: number, event: number, record: number): number {
    return (this.#sources[number] as BoundSource).source.rowOf(this.#block, event, record);
  }

  #listsOf(number: number): RowLists | undefined {
    const known = this.#lists[number];
    if (known !== undefined) return known === NO_LISTS ? undefined : known;
    const { source } = this.#sources[number] as BoundSource;
    const lists = source.lists?.(this.#block);
    this.#lists[number] = lists ?? NO_LISTS;
    return lists;
  }

  #follow(compiled: CompiledShape, atoms: Uint32Array, event: number, record: number, found: Found): void {
    for (let at = 0; at < atoms.length; at++) {
      for (const number of compiled.byWitness[atoms[at] ?? 0] ?? NO_NUMBERS)
        this.#look(compiled, number, event, record, found);
    }
  }

  #look(compiled: CompiledShape, number: number, event: number, record: number, found: Found): void {
    if (this.#looked[number] === this.#subject) return;
    this.#looked[number] = this.#subject;
    const node = compiled.nodes.get(number);
    if (node !== undefined && this.#holds(node, compiled, event, record)) found(number, event, record);
  }

  #holds(node: Node, compiled: CompiledShape, event: number, record: number): boolean {
    switch (node.kind) {
      case "ask":
        return this.#passes(compiled.byField[node.field] ?? NO_NUMBERS, node, event, record);
      case "and":
        for (const part of node.parts) if (!this.#holds(part, compiled, event, record)) return false;
        return true;
      case "or":
        for (const part of node.parts) if (this.#holds(part, compiled, event, record)) return true;
        return false;
      case "not":
        return !this.#holds(node.part, compiled, event, record);
      case "pair":
        return this.#passPair(node.pair, compiled, event, record);
      default:
        return node.value;
    }
  }

  #passes(sources: readonly number[], ask: Extract<Node, { kind: "ask" }>, event: number, record: number): boolean {
    for (const number of sources) {
      const row = this.#rowOf(number, event, record);
      if (row === 0) continue;
      const lists = this.#listsOf(number);
      if (lists === undefined) {
        if (this.#passesAt(number, row - 1, ask)) return true;
        continue;
      }
      const end = lists.offsets[event + 1] ?? 0;
      for (let at = lists.offsets[event] ?? 0; at < end; at++)
        if (this.#passesAt(number, (lists.rows[at] ?? 0) - 1, ask)) return true;
    }
    return false;
  }

  #passPair({ field, other, test }: AskPair, compiled: CompiledShape, event: number, record: number): boolean {
    const others = textsOf(compiled.shape, this.#block, other, event, record);
    return textsOf(compiled.shape, this.#block, field, event, record).some((text) =>
      others.some((second) => test(text, second)),
    );
  }

  #passesAt(number: number, row: number, { atom, isFirst }: Extract<Node, { kind: "ask" }>): boolean {
    if (isFirst || this.#sources[number]?.source.others !== undefined) return this.#atomsAt(number, row).includes(atom);
    const rows = (this.#passedLater[number] ??= []);
    const { source, later } = this.#sources[number] as BoundSource;
    const known = (rows[row] ??= this.#read(later, row, source.isPerEvent));
    return known.includes(atom);
  }

  #atomsAt(number: number, row: number): Uint32Array {
    const rows = (this.#passed[number] ??= []);
    return (rows[row] ??= this.#decide(number, row));
  }

  #read(readers: readonly Reader[], row: number, isRare: boolean): Uint32Array {
    let all: Uint32Array = NO_ATOMS;
    for (const { questions, read } of readers) {
      const texts = read(this.#block, row);
      if (texts === undefined) continue;
      if (typeof texts === "string")
        all = joinAtoms(all, isRare ? questions.passedByRare(texts) : questions.passedBy(texts));
      else for (const text of texts) all = joinAtoms(all, questions.passedBy(text));
    }
    return all;
  }

  #decide(number: number, row: number): Uint32Array {
    const { source, first } = this.#sources[number] as BoundSource;
    let all = this.#read(first, row, source.isPerEvent);
    if (source.others === undefined) return all;
    const anywhere = this.#questions[this.#fields.get("") ?? -1];
    for (const [field, text] of source.others(this.#block, row)) {
      const questions = field === "" ? undefined : this.#questions[this.#fields.get(field) ?? -1];
      if (questions !== undefined) all = joinAtoms(all, questions.passedBy(text));
      if (anywhere !== undefined) all = joinAtoms(all, anywhere.passedBy(text));
    }
    return all;
  }
}

/** The texts of any field of a subject. */
export function textsOf(shape: Shape, block: ColumnBlock, field: string, event: number, record: number): string[] {
  const constant = shape.constants.get(field);
  if (constant !== undefined) return [...constant];
  const texts: string[] = [];
  for (const source of shape.sources) {
    const read = source.reader(field);
    if (read === undefined && source.others === undefined) continue;
    for (const row of rowsOf(source, block, event, record)) {
      const own = read?.(block, row - 1);
      if (own !== undefined) texts.push(...(typeof own === "string" ? [own] : own));
      for (const [name, text] of source.others?.(block, row - 1) ?? [])
        if (name === field || field === "") texts.push(text);
    }
  }
  return texts;
}

function rowsOf(source: Source, block: ColumnBlock, event: number, record: number): readonly number[] {
  const row = source.rowOf(block, event, record);
  if (row === 0) return NO_NUMBERS;
  const lists = source.lists?.(block);
  return lists === undefined ? [row] : Array.from(lists.rows.subarray(lists.offsets[event], lists.offsets[event + 1]));
}

function joinAtoms(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (b.length === 0) return a;
  if (a.length === 0) return b;
  const joined = new Uint32Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
