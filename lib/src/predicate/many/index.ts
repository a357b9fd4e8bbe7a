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

export { asksOf, type Ask, type Predicate } from "./expression.ts";
export type { ValueQuestion } from "./values.ts";

/** Texts of a field in a row; most rows have one or none. */
export type Texts = string | readonly string[] | undefined;

/** Reads a field of a row. */
export type ReadTexts = (block: ColumnBlock, row: number) => Texts;

/** Rows that a subject refers to by one column. */
export interface Source {
  /** True where each event has a row of its own: these are read only once something else has passed. */
  isPerEvent: boolean;
  /** Rows of a subject, by their indexes plus one; 0 for none. `record` is the number of one of its records, or -1. */
  rowsOf: (block: ColumnBlock, event: number, record: number) => number | ArrayLike<number>;
  /** What reads a field, or undefined where the rows do not have it. */
  reader(field: string): ReadTexts | undefined;
  /** Further fields, which only the rows themselves name. */
  others?(block: ColumnBlock, row: number): Iterable<readonly [field: string, text: string]>;
}

/** A kind of subject: what it refers to, and fields whose texts are the same for all of its kind. */
export interface Shape {
  sources: readonly Source[];
  constants: ReadonlyMap<string, readonly string[]>;
}

const NO_ATOMS: Uint32Array = new Uint32Array(0);
const NO_NUMBERS: readonly number[] = [];

type Node =
  | { kind: "ask"; field: number; atom: number }
  | { kind: "pair"; pair: AskPair }
  | { kind: "and" | "or"; parts: readonly Node[] }
  | { kind: "not"; part: Node }
  | { kind: "constant"; value: boolean };

/** A shape with the predicates that can hold for it. */
export interface CompiledShape {
  readonly shape: Shape;
  /** By the number of the source in the index. */
  readonly sources: readonly number[];
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

/** A source with the fields that somebody asks for. */
interface BoundSource {
  source: Source;
  readers: readonly { questions: ValueQuestions; read: ReadTexts }[];
}

export class PredicateIndex {
  readonly #predicates: readonly Predicate[];
  readonly #fields = new Map<string, number>();
  readonly #questions: ValueQuestions[] = [];
  /** Numbers of questions, by field and name. */
  readonly #atoms = new Map<string, number>();
  readonly #automaton: Automaton;
  readonly #sources: BoundSource[] = [];
  readonly #numbers = new Map<Source, number>();

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
    const sources = shape.sources.map((source) => this.#bind(source));
    const byField = Array.from(this.#fields.keys(), (field) =>
      sources.filter((number) => hasField(this.#sources[number]?.source, field)),
    );
    const decide = (ask: Ask): boolean | undefined => this.#decide(ask, shape, byField);
    // What changes from event to event is not looked for in the first place.
    const mayWitness = ({ field }: Ask): boolean =>
      (byField[this.#fields.get(field) ?? -1] ?? []).every(
        (number) => this.#sources[number]?.source.isPerEvent === false,
      );
    const nodes = new Map<number, Node>();
    const byWitness: number[][] = [];
    const always: number[] = [];
    const witnessing = new Set<number>();
    for (const [number, predicate] of this.#predicates.entries()) {
      if (!wanted(number)) continue;
      const open = decided(predicate, decide);
      if (open.kind === "constant" && !open.value) continue;
      nodes.set(number, this.#node(open));
      const witnesses = witnessesOf(open, mayWitness);
      if (witnesses === undefined) always.push(number);
      for (const ask of witnesses?.asks ?? []) {
        const atom = this.#atomOf(ask);
        const known = byWitness[atom];
        if (known === undefined) byWitness[atom] = [number];
        else if (known.at(-1) !== number) known.push(number);
        for (const source of byField[this.#fields.get(ask.field) ?? -1] ?? []) witnessing.add(source);
      }
    }
    return { shape, sources, witnessing: [...witnessing], byField, nodes, byWitness, always };
  }

  /** What the kind of subject decides for all of them: a field that is always the same, or never there. */
  #decide(
    { field, question }: Ask,
    { constants }: Shape,
    byField: readonly (readonly number[])[],
  ): boolean | undefined {
    const texts = constants.get(field);
    if (texts !== undefined) return texts.some((text) => passes(question, text));
    return (byField[this.#fields.get(field) ?? -1] ?? []).length === 0 ? false : undefined;
  }

  #atomOf({ field, name }: Ask): number {
    return this.#atoms.get(`${field}\0${name}`) as number;
  }

  #node(predicate: Predicate): Node {
    switch (predicate.kind) {
      case "ask":
        return { kind: "ask", field: this.#fieldNumber(predicate.field), atom: this.#atomOf(predicate) };
      case "pair":
        return { kind: "pair", pair: predicate };
      case "not":
        return { kind: "not", part: this.#node(predicate.part) };
      case "constant":
        return predicate;
      default:
        return { kind: predicate.kind, parts: predicate.parts.map((part) => this.#node(part)) };
    }
  }

  #bind(source: Source): number {
    let number = this.#numbers.get(source);
    if (number !== undefined) return number;
    number = this.#sources.length;
    this.#numbers.set(source, number);
    const readers = Array.from(this.#fields, ([field, index]) => ({
      questions: this.#questions[index],
      read: source.reader(field),
    }));
    this.#sources.push({ source, readers: readers.filter(isRead) });
    return number;
  }

  /** Begins with a block. */
  begin(block: ColumnBlock): IndexRun {
    return new IndexRun(block, this.#sources, this.#fields, this.#questions, this.#predicates.length);
  }
}

function isRead(reader: {
  questions: ValueQuestions | undefined;
  read: ReadTexts | undefined;
}): reader is { questions: ValueQuestions; read: ReadTexts } {
  return reader.questions !== undefined && reader.read !== undefined;
}

function hasField(source: Source | undefined, field: string): boolean {
  return source !== undefined && (source.reader(field) !== undefined || source.others !== undefined);
}

function passes({ equals, test }: Ask["question"], text: string): boolean {
  const lower = text.toLowerCase();
  return equals === undefined ? test(text, lower) : lower === equals;
}

/** The predicates on one block. */
export class IndexRun {
  readonly #block: ColumnBlock;
  readonly #sources: readonly BoundSource[];
  readonly #fields: ReadonlyMap<string, number>;
  readonly #questions: readonly ValueQuestions[];
  /** Questions that a row passes, by source and row. */
  readonly #passed: (Uint32Array | undefined)[][] = [];
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
  ask(compiled: CompiledShape, event: number, record: number, found: (predicate: number) => void): void {
    this.#subject++;
    for (const number of compiled.always) this.#look(compiled, number, event, record, found);
    for (const number of compiled.witnessing) {
      const rows = (this.#sources[number] as BoundSource).source.rowsOf(this.#block, event, record);
      if (typeof rows === "number") {
        if (rows !== 0) this.#follow(compiled, this.#atomsAt(number, rows - 1), event, record, found);
      } else
        for (let at = 0; at < rows.length; at++)
          this.#follow(compiled, this.#atomsAt(number, (rows[at] ?? 0) - 1), event, record, found);
    }
  }

  #follow(
    compiled: CompiledShape,
    atoms: Uint32Array,
    event: number,
    record: number,
    found: (predicate: number) => void,
  ): void {
    for (let at = 0; at < atoms.length; at++) {
      for (const number of compiled.byWitness[atoms[at] ?? 0] ?? NO_NUMBERS)
        this.#look(compiled, number, event, record, found);
    }
  }

  #look(
    compiled: CompiledShape,
    number: number,
    event: number,
    record: number,
    found: (predicate: number) => void,
  ): void {
    if (this.#looked[number] === this.#subject) return;
    this.#looked[number] = this.#subject;
    const node = compiled.nodes.get(number);
    if (node !== undefined && this.#holds(node, compiled, event, record)) found(number);
  }

  #holds(node: Node, compiled: CompiledShape, event: number, record: number): boolean {
    switch (node.kind) {
      case "ask":
        return this.#passes(compiled.byField[node.field] ?? NO_NUMBERS, node.atom, event, record);
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

  #passes(sources: readonly number[], atom: number, event: number, record: number): boolean {
    for (const number of sources) {
      const rows = (this.#sources[number] as BoundSource).source.rowsOf(this.#block, event, record);
      if (typeof rows === "number") {
        if (rows !== 0 && this.#atomsAt(number, rows - 1).includes(atom)) return true;
      } else
        for (let at = 0; at < rows.length; at++)
          if (this.#atomsAt(number, (rows[at] ?? 0) - 1).includes(atom)) return true;
    }
    return false;
  }

  #passPair({ field, other, test }: AskPair, compiled: CompiledShape, event: number, record: number): boolean {
    const others = this.texts(compiled.shape, other, event, record);
    return this.texts(compiled.shape, field, event, record).some((text) => others.some((second) => test(text, second)));
  }

  /** The texts of any field of a subject. */
  texts({ sources, constants }: Shape, field: string, event: number, record: number): string[] {
    const constant = constants.get(field);
    if (constant !== undefined) return [...constant];
    const texts: string[] = [];
    for (const source of sources) {
      const read = source.reader(field);
      const rows = source.rowsOf(this.#block, event, record);
      for (const row of typeof rows === "number" ? (rows === 0 ? [] : [rows]) : Array.from(rows)) {
        if (read !== undefined) texts.push(...textsOf(read(this.#block, row - 1)));
        if (source.others === undefined) continue;
        for (const [name, text] of source.others(this.#block, row - 1)) if (name === field) texts.push(text);
      }
    }
    return texts;
  }

  #atomsAt(number: number, row: number): Uint32Array {
    let rows = this.#passed[number];
    if (rows === undefined) {
      rows = [];
      this.#passed[number] = rows;
    }
    return (rows[row] ??= this.#decide(number, row));
  }

  #decide(number: number, row: number): Uint32Array {
    const { source, readers } = this.#sources[number] as BoundSource;
    let all: Uint32Array = NO_ATOMS;
    for (const { questions, read } of readers) {
      const texts = read(this.#block, row);
      if (texts === undefined) continue;
      if (typeof texts === "string") all = joinAtoms(all, questions.passedBy(texts));
      else for (const text of texts) all = joinAtoms(all, questions.passedBy(text));
    }
    if (source.others === undefined) return all;
    for (const [field, text] of source.others(this.#block, row)) {
      const questions = this.#questions[this.#fields.get(field) ?? -1];
      if (questions !== undefined) all = joinAtoms(all, questions.passedBy(text));
    }
    return all;
  }
}

function textsOf(texts: Texts): readonly string[] {
  if (texts === undefined) return [];
  return typeof texts === "string" ? [texts] : texts;
}

function joinAtoms(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (b.length === 0) return a;
  if (a.length === 0) return b;
  const joined = new Uint32Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
