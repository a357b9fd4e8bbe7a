/** Which of many questions to a field a value passes: decided once for each text, and remembered from block to block. */
import type { Automaton, AutomatonBuilder } from "./automaton.ts";

/** A question to a value's text. */
export interface ValueQuestion {
  /** The text in lower case that a value must equal, where that is all. */
  equals?: string;
  /** A text in lower case that stands in every value that passes; the longer, the less often the question is asked. */
  part?: string;
  /** Decides; `lower` is the value in lower case. */
  test: (value: string, lower: string) => boolean;
}

const NO_ATOMS = new Uint32Array(0);
/** Values that are remembered, and up to which length. */
const KNOWN_MAX = 16_384;
const KNOWN_LENGTH_MAX = 512;

/** The questions to one field, each by its number. */
export class ValueQuestions {
  readonly #equal = new Map<string, number[]>();
  readonly #byPart = new Map<number, { atom: number; question: ValueQuestion }[]>();
  readonly #others: { atom: number; question: ValueQuestion }[] = [];
  #automaton: Automaton | undefined;
  #asked = new Uint32Array(0);
  #round = 0;
  /** The value that is decided on. */
  #value = "";
  #lower = "";
  #passed: number[] = [];
  /** What was decided lately, and before that: the older half is forgotten at once. */
  #known = new Map<string, Uint32Array>();
  #knownBefore = new Map<string, Uint32Array>();

  add(atom: number, question: ValueQuestion, automaton: AutomatonBuilder): void {
    const { equals, part } = question;
    if (equals !== undefined) {
      const atoms = this.#equal.get(equals);
      if (atoms === undefined) this.#equal.set(equals, [atom]);
      else atoms.push(atom);
    } else if (part !== undefined && part !== "") {
      const number = automaton.add(part);
      const questions = this.#byPart.get(number);
      if (questions === undefined) this.#byPart.set(number, [{ atom, question }]);
      else questions.push({ atom, question });
    } else this.#others.push({ atom, question });
  }

  /** All questions are there. */
  seal(automaton: Automaton): void {
    if (this.#byPart.size === 0) return;
    this.#automaton = automaton;
    this.#asked = new Uint32Array(automaton.count);
  }

  /** Numbers of the questions that a value passes which will hardly come again: it is not remembered, and displaces no other. */
  passedByRare(value: string): Uint32Array {
    return this.#decide(value);
  }

  /** Numbers of the questions that the value passes. */
  passedBy(value: string): Uint32Array {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const before = this.#knownBefore.get(value);
    const atoms = before ?? this.#decide(value);
    if (value.length > KNOWN_LENGTH_MAX) return atoms;
    if (this.#known.size >= KNOWN_MAX / 2) {
      this.#knownBefore = this.#known;
      this.#known = new Map();
    }
    this.#known.set(value, atoms);
    return atoms;
  }

  #decide(value: string): Uint32Array {
    const lower = value.toLowerCase();
    const found: number[] = [];
    const equal = this.#equal.get(lower);
    if (equal !== undefined) found.push(...equal);
    this.#value = value;
    this.#lower = lower;
    this.#passed = found;
    this.#round++;
    this.#automaton?.search(lower, this.#askPart);
    for (const { atom, question } of this.#others) if (question.test(value, lower)) found.push(atom);
    return found.length === 0 ? NO_ATOMS : Uint32Array.from(found);
  }

  /** Asks the questions of a part that stands in the value, once. */
  readonly #askPart = (number: number): void => {
    if (this.#asked[number] === this.#round) return;
    this.#asked[number] = this.#round;
    const questions = this.#byPart.get(number);
    if (questions === undefined) return;
    for (const { atom, question } of questions) if (question.test(this.#value, this.#lower)) this.#passed.push(atom);
  };
}
