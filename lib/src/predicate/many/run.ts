/** The predicates on one block. */
import type { ColumnBlock } from "../../block/index.ts";
import type { BoundSource } from "./bound.ts";
import type { AskPair } from "./expression.ts";
import { type Shape, textsOf } from "./source.ts";
import { type KnownTexts, NO_NUMBERS, type Numbers } from "./texts.ts";
import type { CostlyQuestion } from "./values.ts";

/** A predicate as it is evaluated: fields and questions by their numbers. */
export type Node =
  | { kind: "ask"; field: number; atom: number; isFirst: boolean }
  | { kind: "costly"; field: string; question: CostlyQuestion }
  | { kind: "pair"; pair: AskPair }
  | { kind: "and" | "or"; parts: readonly Node[] }
  | { kind: "not"; part: Node }
  | { kind: "constant"; value: boolean };

/** A shape with the predicates that can hold for it. */
export interface CompiledShape {
  readonly shape: Shape;
  /** Sources whose rows may hold a witness. */
  readonly witnessing: readonly BoundSource[];
  /** For each field, the sources that have it. */
  readonly byField: readonly (readonly BoundSource[])[];
  readonly nodes: ReadonlyMap<number, Node>;
  /** Predicates by the question that is their witness. */
  readonly byWitness: readonly (readonly number[] | undefined)[];
  /** Those without a witness. */
  readonly always: readonly number[];
}

/** Subjects of one kind in a block: filled for each block again. */
export class Subjects {
  count = 0;
  events: Uint32Array = new Uint32Array(16);
  /** For each the place of one of its event's records among all of the block's, or -1 for the event as a whole. */
  records: Int32Array = new Int32Array(16);

  clear(): void {
    this.count = 0;
  }

  add(event: number, record: number): void {
    if (this.count === this.events.length) this.#grow();
    this.events[this.count] = event;
    this.records[this.count++] = record;
  }

  #grow(): void {
    const { events, records } = this;
    this.events = new Uint32Array(events.length * 2);
    this.records = new Int32Array(records.length * 2);
    this.events.set(events);
    this.records.set(records);
  }
}

/** Is told of a predicate that holds for a subject. */
export type Found = (predicate: number, event: number, record: number) => void;

const NO_SOURCES: readonly BoundSource[] = [];

export class IndexRun {
  readonly #texts: KnownTexts;
  #block: ColumnBlock | undefined;
  #round = 0;
  /** The last subject for which a predicate was looked at. */
  readonly #looked: Float64Array;
  /** Subjects that were asked about before. */
  #subjects = 0;

  constructor(texts: KnownTexts, predicates: number) {
    this.#texts = texts;
    this.#looked = new Float64Array(predicates);
  }

  begin(block: ColumnBlock): void {
    this.#block = block;
    this.#round++;
  }

  /** Tells each predicate that holds for one of the subjects; some more than once. */
  ask(compiled: CompiledShape, subjects: Subjects, found: Found): void {
    if (subjects.count === 0) return;
    const { always, witnessing } = compiled;
    for (const number of always)
      for (let at = 0; at < subjects.count; at++) this.#look(compiled, number, subjects, at, found);
    for (const source of witnessing) this.#askSource(compiled, source, subjects, found);
    this.#subjects += subjects.count;
  }

  /** Of most rows nothing passes: so the rows of all subjects are gone through together. */
  #askSource(compiled: CompiledShape, source: BoundSource, subjects: Subjects, found: Found): void {
    const { rows, offsets, byRecord } = source.refs(this.#block as ColumnBlock, this.#round);
    const { count, events, records } = subjects;
    if (offsets === undefined) {
      const places = byRecord === true ? records : events;
      for (let at = 0; at < count; at++) {
        const row = rows[places[at] ?? 0] ?? 0;
        if (row === 0) continue;
        const atoms = source.witnessesAt(row - 1, this.#texts);
        if (atoms.length > 0) this.#follow(compiled, atoms, subjects, at, found);
      }
      return;
    }
    for (let at = 0; at < count; at++) {
      const event = events[at] ?? 0;
      const end = offsets[event + 1] ?? 0;
      for (let place = offsets[event] ?? 0; place < end; place++) {
        const atoms = source.witnessesAt((rows[place] ?? 0) - 1, this.#texts);
        if (atoms.length > 0) this.#follow(compiled, atoms, subjects, at, found);
      }
    }
  }

  #follow(compiled: CompiledShape, atoms: Numbers, subjects: Subjects, at: number, found: Found): void {
    for (const atom of atoms)
      for (const number of compiled.byWitness[atom] ?? NO_NUMBERS) this.#look(compiled, number, subjects, at, found);
  }

  #look(compiled: CompiledShape, number: number, subjects: Subjects, at: number, found: Found): void {
    const subject = this.#subjects + at + 1;
    if (this.#looked[number] === subject) return;
    this.#looked[number] = subject;
    const event = subjects.events[at] ?? 0;
    const record = subjects.records[at] ?? -1;
    const node = compiled.nodes.get(number);
    if (node !== undefined && this.#holds(node, compiled, event, record)) found(number, event, record);
  }

  #holds(node: Node, compiled: CompiledShape, event: number, record: number): boolean {
    switch (node.kind) {
      case "ask":
        return this.#passes(compiled.byField[node.field] ?? NO_SOURCES, node, event, record);
      case "and":
        for (const part of node.parts) if (!this.#holds(part, compiled, event, record)) return false;
        return true;
      case "or":
        for (const part of node.parts) if (this.#holds(part, compiled, event, record)) return true;
        return false;
      case "not":
        return !this.#holds(node.part, compiled, event, record);
      case "costly":
        return this.#passesCostly(node, compiled, event, record);
      case "pair":
        return this.#passPair(node.pair, compiled, event, record);
      default:
        return node.value;
    }
  }

  #passes(
    sources: readonly BoundSource[],
    ask: Extract<Node, { kind: "ask" }>,
    event: number,
    record: number,
  ): boolean {
    for (const source of sources) {
      const { rows, offsets, byRecord } = source.refs(this.#block as ColumnBlock, this.#round);
      if (offsets === undefined) {
        const row = rows[byRecord === true ? record : event] ?? 0;
        if (row !== 0 && this.#passesAt(source, row - 1, ask)) return true;
        continue;
      }
      const end = offsets[event + 1] ?? 0;
      for (let at = offsets[event] ?? 0; at < end; at++)
        if (this.#passesAt(source, (rows[at] ?? 0) - 1, ask)) return true;
    }
    return false;
  }

  #passesAt(source: BoundSource, row: number, { atom, isFirst }: Extract<Node, { kind: "ask" }>): boolean {
    const atoms = isFirst || source.isWhole ? source.firstAt(row, this.#texts) : source.laterAt(row, this.#texts);
    return atoms.includes(atom);
  }

  #passesCostly(
    { field, question }: Extract<Node, { kind: "costly" }>,
    { shape }: CompiledShape,
    event: number,
    record: number,
  ): boolean {
    const texts = textsOf(shape, this.#block as ColumnBlock, field, event, record);
    return texts.some((text) => question.passes(this.#texts.numberOf(text), text));
  }

  #passPair({ field, other, test }: AskPair, { shape }: CompiledShape, event: number, record: number): boolean {
    const block = this.#block as ColumnBlock;
    const others = textsOf(shape, block, other, event, record);
    return textsOf(shape, block, field, event, record).some((text) => others.some((second) => test(text, second)));
  }
}
