/** The predicates on one block. */
import type { ColumnBlock } from "../../block/index.ts";
import type { BoundSource } from "./bound.ts";
import type { AskPair } from "./expression.ts";
import { type Shape, textsOf } from "./source.ts";
import type { KnownTexts } from "./texts.ts";

/** A predicate as it is evaluated: fields and questions by their numbers. */
export type Node =
  | { kind: "ask"; field: number; atom: number; isFirst: boolean }
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

/** Is told of a predicate that holds for a subject. */
export type Found = (predicate: number, event: number, record: number) => void;

const NO_SOURCES: readonly BoundSource[] = [];
const NO_NUMBERS: readonly number[] = [];

export class IndexRun {
  readonly #texts: KnownTexts;
  #block: ColumnBlock | undefined;
  #round = 0;
  /** The last subject for which a predicate was looked at. */
  readonly #looked: Float64Array;
  #subject = 0;

  constructor(texts: KnownTexts, predicates: number) {
    this.#texts = texts;
    this.#looked = new Float64Array(predicates);
  }

  begin(block: ColumnBlock): void {
    this.#block = block;
    this.#round++;
  }

  /**
   * Tells each predicate that holds for the subject, once. `record` is the place of one of the event's records among all of the block's,
   * or -1 for the event as a whole.
   */
  ask(compiled: CompiledShape, event: number, record: number, found: Found): void {
    this.#subject++;
    const { always, witnessing } = compiled;
    for (let at = 0; at < always.length; at++) this.#look(compiled, always[at] ?? 0, event, record, found);
    for (let at = 0; at < witnessing.length; at++)
      this.#askSource(compiled, witnessing[at] as BoundSource, event, record, found);
  }

  #askSource(compiled: CompiledShape, source: BoundSource, event: number, record: number, found: Found): void {
    const { rows, offsets, byRecord } = source.refs(this.#block as ColumnBlock, this.#round);
    if (offsets === undefined) {
      const row = rows[byRecord === true ? record : event] ?? 0;
      if (row !== 0) this.#follow(compiled, source.witnessesAt(row - 1, this.#texts), event, record, found);
      return;
    }
    const end = offsets[event + 1] ?? 0;
    for (let at = offsets[event] ?? 0; at < end; at++)
      this.#follow(compiled, source.witnessesAt((rows[at] ?? 0) - 1, this.#texts), event, record, found);
  }

  #follow(compiled: CompiledShape, atoms: Uint32Array, event: number, record: number, found: Found): void {
    for (let at = 0; at < atoms.length; at++) {
      const numbers = compiled.byWitness[atoms[at] ?? 0] ?? NO_NUMBERS;
      for (const number of numbers) this.#look(compiled, number, event, record, found);
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
        return this.#passes(compiled.byField[node.field] ?? NO_SOURCES, node, event, record);
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

  #passPair({ field, other, test }: AskPair, { shape }: CompiledShape, event: number, record: number): boolean {
    const block = this.#block as ColumnBlock;
    const others = textsOf(shape, block, other, event, record);
    return textsOf(shape, block, field, event, record).some((text) => others.some((second) => test(text, second)));
  }
}
