/** Rows of one kind of subject, with what their fields pass: decided once for each row of a block. */
import type { ColumnBlock } from "../../block/index.ts";
import type { ReadTexts, Refs, Source } from "./source.ts";
import { type KnownTexts, NO_NUMBERS, type Numbers } from "./texts.ts";
import type { ValueQuestions } from "./values.ts";

/** A field that somebody asks for. */
export interface Reader {
  questions: ValueQuestions;
  read: ReadTexts;
  /** See Source. */
  strings: ((block: ColumnBlock) => Uint32Array) | undefined;
  /** What `strings` gave for the block. */
  numbers: Uint32Array | undefined;
}

/** What is asked of a source. */
interface Asked {
  /** Fields in which witnesses are looked for. */
  first: readonly Reader[];
  /** Fields that are read once there is a witness. */
  later: readonly Reader[];
  /** Questions to fields that only rows name; those to the field without a name are asked of all of them. */
  others: ReadonlyMap<string, ValueQuestions>;
  byWitness: readonly (readonly number[] | undefined)[];
}

/** What was decided of rows, by their indexes, each with the round in which it was: doubles, which never come round. */
class Decisions {
  #rounds = new Float64Array(64);
  readonly atoms: Numbers[] = [];

  has(row: number, round: number): boolean {
    return this.#rounds[row] === round;
  }

  set(row: number, round: number, atoms: Numbers): void {
    if (row >= this.#rounds.length) {
      const larger = new Float64Array(Math.max(this.#rounds.length * 2, row + 1));
      larger.set(this.#rounds);
      this.#rounds = larger;
    }
    while (this.atoms.length < row) this.atoms.push(NO_NUMBERS);
    this.#rounds[row] = round;
    this.atoms[row] = atoms;
  }
}

export class BoundSource {
  readonly #source: Source;
  readonly #asked: Asked;
  readonly #anywhere: ValueQuestions | undefined;
  #block: ColumnBlock | undefined;
  #round = 0;
  #refs: Refs | undefined;
  readonly #first = new Decisions();
  readonly #witnesses = new Decisions();
  readonly #later = new Decisions();
  /** The block's numbers of strings, for readers of later fields as well, are there. */
  #hasLaterNumbers = false;

  constructor(source: Source, asked: Asked) {
    this.#source = source;
    this.#asked = asked;
    this.#anywhere = asked.others.get("");
  }

  get mayWitness(): boolean {
    return this.#asked.first.length > 0 || this.#source.others !== undefined;
  }

  /** True where all fields are looked at for witnesses, since only the rows know which ones they have. */
  get isWhole(): boolean {
    return this.#source.others !== undefined;
  }

  /** The rows of subjects of a block; `round` is another one for each. */
  refs(block: ColumnBlock, round: number): Refs {
    if (this.#round === round && this.#refs !== undefined) return this.#refs;
    this.#block = block;
    this.#round = round;
    this.#hasLaterNumbers = false;
    openReaders(this.#asked.first, block);
    this.#refs = this.#source.refs(block);
    return this.#refs;
  }

  /** Witnesses among what a row passes, after `refs`. */
  witnessesAt(row: number, texts: KnownTexts): Numbers {
    if (this.#witnesses.has(row, this.#round)) return this.#witnesses.atoms[row] as Numbers;
    const { byWitness } = this.#asked;
    const atoms = this.firstAt(row, texts);
    let found = NO_NUMBERS;
    for (const atom of atoms) if (byWitness[atom] !== undefined) found = found.length === 0 ? [atom] : [...found, atom];
    this.#witnesses.set(row, this.#round, found);
    return found;
  }

  /** Questions to fields with witnesses that a row passes. */
  firstAt(row: number, texts: KnownTexts): Numbers {
    if (this.#first.has(row, this.#round)) return this.#first.atoms[row] as Numbers;
    const atoms = joinAtoms(this.#read(this.#asked.first, row, texts), this.#readOthers(row, texts));
    this.#first.set(row, this.#round, atoms);
    return atoms;
  }

  /** Questions to other fields that a row passes. */
  laterAt(row: number, texts: KnownTexts): Numbers {
    if (this.#later.has(row, this.#round)) return this.#later.atoms[row] as Numbers;
    if (!this.#hasLaterNumbers) openReaders(this.#asked.later, this.#block as ColumnBlock);
    this.#hasLaterNumbers = true;
    const atoms = this.#read(this.#asked.later, row, texts);
    this.#later.set(row, this.#round, atoms);
    return atoms;
  }

  #read(readers: readonly Reader[], row: number, known: KnownTexts): Numbers {
    const block = this.#block as ColumnBlock;
    let all: Numbers = NO_NUMBERS;
    for (let at = 0; at < readers.length; at++) {
      const { questions, read, numbers } = readers[at] as Reader;
      if (numbers !== undefined) {
        const string = numbers[row] ?? 0;
        if (string === 0) continue;
        const text = block.strings.text(string, "strings");
        all = joinAtoms(all, questions.passedBy(known.numberOfString(string, text), text));
        continue;
      }
      const texts = read(block, row);
      if (texts === undefined) continue;
      if (typeof texts === "string") all = joinAtoms(all, this.#passed(questions, texts, known));
      else for (const text of texts) all = joinAtoms(all, this.#passed(questions, text, known));
    }
    return all;
  }

  #passed(questions: ValueQuestions, text: string, known: KnownTexts): Numbers {
    return this.#source.isPerEvent ? questions.passedByRare(text) : questions.passedBy(known.numberOf(text), text);
  }

  #readOthers(row: number, known: KnownTexts): Numbers {
    let all = NO_NUMBERS;
    if (this.#source.others === undefined) return all;
    const { others } = this.#asked;
    const wanted = this.#anywhere === undefined ? others : undefined;
    for (const [field, text] of this.#source.others(this.#block as ColumnBlock, row, wanted)) {
      const questions = field === "" ? undefined : others.get(field);
      if (questions === undefined && this.#anywhere === undefined) continue;
      const number = known.numberOf(text);
      if (questions !== undefined) all = joinAtoms(all, questions.passedBy(number, text));
      if (this.#anywhere !== undefined) all = joinAtoms(all, this.#anywhere.passedBy(number, text));
    }
    return all;
  }
}

function openReaders(readers: readonly Reader[], block: ColumnBlock): void {
  for (const reader of readers) reader.numbers = reader.strings?.(block);
}

function joinAtoms(a: Numbers, b: Numbers): Numbers {
  if (b.length === 0) return a;
  if (a.length === 0) return b;
  return [...a, ...b];
}
