/**
 * Many predicates held against the events of a block at once.
 *
 * A subject (an event, or one of its records) refers to rows of the block's tables; each row's fields are put to the questions of all
 * predicates together, once a block, and texts that come again from block to block are remembered. Of each predicate some questions are
 * its witnesses: only where one of them passed is the predicate itself looked at. So most predicates cost most events nothing.
 */
import type { ColumnBlock } from "../../block/index.ts";
import { type Ask, asksOf, decided, type Predicate, witnessesOf } from "./expression.ts";
import { type CompiledShape, IndexRun, type Node } from "./run.ts";
import { hasField, type Shape, type Source } from "./source.ts";
import { BoundSource, type Reader } from "./bound.ts";
import { KnownTexts } from "./texts.ts";
import { CostlyQuestion, passes, ValueQuestions } from "./values.ts";

export { asksOf, type Predicate } from "./expression.ts";
export { type CompiledShape, type Found, type IndexRun, Subjects } from "./run.ts";
export { type ReadTexts, type Refs, type Shape, type Source, type Texts, textsOf } from "./source.ts";
export { passes, type ValueQuestion } from "./values.ts";

/** Reading a field of each event costs as much as looking at a predicate at so many of them, about. */
const PER_EVENT_WEIGHT = 0.3;

export class PredicateIndex {
  readonly #predicates: readonly Predicate[];
  readonly #fields = new Map<string, number>();
  readonly #texts = new KnownTexts();
  readonly #questions: ValueQuestions[] = [];
  /** Numbers of questions, by field and name. */
  readonly #atoms = new Map<string, number>();
  /** Those to some texts of a field alone. */
  readonly #narrowed: ValueQuestions[] = [];
  /** Questions that are not asked with the others, by field and name. */
  readonly #costly = new Map<string, CostlyQuestion>();
  readonly #run: IndexRun;

  constructor(predicates: readonly Predicate[]) {
    this.#predicates = predicates;
    for (const predicate of predicates) for (const ask of asksOf(predicate)) this.#learn(ask);
    this.#run = new IndexRun(this.#texts, predicates.length);
  }

  #learn({ field, name, question }: Ask): void {
    const key = `${field}\0${name}`;
    if (this.#atoms.has(key)) return;
    const atom = this.#atoms.size;
    this.#atoms.set(key, atom);
    if (question.isCostly === true) {
      this.#costly.set(key, new CostlyQuestion(question));
      this.#fieldNumber(field);
      return;
    }
    this.#questions[this.#fieldNumber(field)]?.add(atom, question);
  }

  #fieldNumber(field: string): number {
    let number = this.#fields.get(field);
    if (number === undefined) {
      number = this.#fields.size;
      this.#fields.set(field, number);
      this.#questions.push(new ValueQuestions(this.#texts));
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
      for (const { field, question } of asksOf(left)) if (question.isCostly !== true) asked.add(field);
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
    const bound = new Map(shape.sources.map((source) => [source, this.#bind(source, asked, first, byWitness)]));
    return {
      shape,
      witnessing: [...bound.values()].filter(({ mayWitness }) => mayWitness && first.size > 0),
      byField: having.map((sources) => sources.map((source) => bound.get(source) as BoundSource)),
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
      case "ask": {
        const costly = this.#costly.get(`${predicate.field}\0${predicate.name}`);
        if (costly !== undefined) return { kind: "costly", field: predicate.field, question: costly };
        return {
          kind: "ask",
          field: this.#fieldNumber(predicate.field),
          atom: this.#atomOf(predicate),
          isFirst: first.has(predicate.field),
        };
      }
      case "pair":
        return { kind: "pair", pair: predicate };
      case "not":
        return { kind: "not", part: this.#node(predicate.part, first) };
      case "constant":
        return predicate;
      default:
        return { kind: predicate.kind, parts: costlyLast(predicate.parts).map((part) => this.#node(part, first)) };
    }
  }

  #bind(
    source: Source,
    asked: ReadonlySet<string>,
    first: ReadonlySet<string>,
    byWitness: CompiledShape["byWitness"],
  ): BoundSource {
    const readers = (isWanted: (field: string) => boolean): Reader[] =>
      [...asked].filter(isWanted).flatMap((field) => {
        const questions = this.#questionsTo(source, field);
        const read = source.reader(field);
        if (read === undefined || questions.isEmpty) return [];
        return [{ questions, read, strings: source.strings?.(field), numbers: undefined }];
      });
    // Where rows themselves name further fields, all are read together.
    const isFirst = (field: string): boolean => source.others !== undefined || first.has(field);
    return new BoundSource(source, {
      first: readers(isFirst),
      later: readers((field) => !isFirst(field)),
      others: new Map(Array.from(asked, (field) => [field, this.#questionsOf(field)])),
      byWitness,
    });
  }

  #questionsOf(field: string): ValueQuestions {
    return this.#questions[this.#fieldNumber(field)] as ValueQuestions;
  }

  #questionsTo(source: Source, field: string): ValueQuestions {
    const questions = this.#questionsOf(field);
    const characters = source.charactersOf?.(field);
    if (characters === undefined) return questions;
    const narrowed = questions.among(characters);
    this.#narrowed.push(narrowed);
    return narrowed;
  }

  /** Begins with a block, and ends with the one before. */
  begin(block: ColumnBlock): IndexRun {
    if (this.#texts.begin(block))
      for (const questions of [...this.#questions, ...this.#narrowed, ...this.#costly.values()]) questions.forget();
    this.#run.begin(block);
    return this.#run;
  }
}

/** What the kind of subject decides for all of them: a field that is always the same, or never there. */
function decide({ field, question }: Ask, { constants }: Shape, sources: readonly Source[]): boolean | undefined {
  const texts = constants.get(field);
  if (texts !== undefined) return texts.some((text) => passes(question, text));
  return sources.length === 0 ? false : undefined;
}

function costlyLast(parts: readonly Predicate[]): Predicate[] {
  const isCostly = (part: Predicate): boolean => [...asksOf(part)].some(({ question }) => question.isCostly === true);
  return [...parts.filter((part) => !isCostly(part)), ...parts.filter(isCostly)];
}
