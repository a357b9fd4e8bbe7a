/** Conditions: `selection and not 1 of filter_*`. From loosest to tightest: or, and, not, `x of`, brackets. */
import { and, type Expression, not, or } from "./expression.ts";
import { ANY, joinPatterns, matcherOf, type Pattern } from "./pattern.ts";
import { nearest } from "../spelling/index.ts";
import { SigmaError } from "./problem.ts";

/** What the names of a detection stand for. */
export interface Detections {
  /** By their names, in the order of the file. */
  expressions: ReadonlyMap<string, Expression>;
  /** Told of each name that a condition uses. */
  used: (name: string) => void;
}

const LENGTH_MAX = 16_384;
const DEPTH_MAX = 64;

interface Token {
  text: string;
  /** Counted from 1. */
  column: number;
}

/** Reads a condition. Throws a SigmaError that says at which column. */
export function compileCondition(text: string, detections: Detections, line: number): Expression {
  if (text.length > LENGTH_MAX)
    throw new SigmaError(line, `a condition of ${text.length} characters; at most ${LENGTH_MAX} are allowed`);
  return new Parser(tokenize(text, line), text, detections, line).whole();
}

/** What may stand in a name, and in a pattern of names. */
const WORD = /[\w*.\-?]+/y;

function tokenize(text: string, line: number): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const character = text[at] as string;
    if (/\s/.test(character)) at++;
    else if (character === "(" || character === ")") {
      tokens.push({ text: character, column: at + 1 });
      at++;
    } else {
      WORD.lastIndex = at;
      const [word] = WORD.exec(text) ?? [];
      if (word === undefined) throw new SigmaError(line, `condition, column ${at + 1}: ${strangeCharacter(character)}`);
      tokens.push({ text: word, column: at + 1 });
      at += word.length;
    }
  }
  return tokens;
}

function strangeCharacter(character: string): string {
  if (character === "|")
    return "aggregations behind | are the old form; allowed is a correlation rule (event_count, value_count, temporal)";
  return `"${character}" is not allowed; allowed are names, and, or, not, 1 of, all of, and brackets`;
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #text: string;
  readonly #detections: Detections;
  readonly #line: number;
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], text: string, detections: Detections, line: number) {
    this.#tokens = tokens;
    this.#text = text;
    this.#detections = detections;
    this.#line = line;
  }

  whole(): Expression {
    const expression = this.#or();
    const left = this.#tokens[this.#at];
    if (left !== undefined) this.#fail(left, `"${left.text}" where and, or, or the end is expected`);
    return expression;
  }

  #fail(token: Token | undefined, message: string): never {
    throw new SigmaError(this.#line, `condition, column ${token?.column ?? this.#text.length + 1}: ${message}`);
  }

  #or(): Expression {
    if (++this.#depth > DEPTH_MAX)
      this.#fail(this.#tokens[this.#at], `more than ${DEPTH_MAX} brackets within each other`);
    const parts = [this.#and()];
    while (this.#takes("or")) parts.push(this.#and());
    this.#depth--;
    return or(parts);
  }

  #and(): Expression {
    const parts = [this.#not()];
    while (this.#takes("and")) parts.push(this.#not());
    return and(parts);
  }

  #not(): Expression {
    let isNot = false;
    while (this.#takes("not")) isNot = !isNot;
    const part = this.#simple();
    return isNot ? not(part) : part;
  }

  #simple(): Expression {
    const token = this.#tokens[this.#at++];
    if (token === undefined) return this.#fail(token, "ends where a name is expected");
    if (token.text === "(") {
      const inner = this.#or();
      if (this.#tokens[this.#at++]?.text !== ")")
        this.#fail(this.#tokens[this.#at - 1], "a bracket that is never closed");
      return inner;
    }
    if (token.text === ")" || /^(?:and|or|not|of)$/i.test(token.text))
      this.#fail(token, `"${token.text}" where a name is expected`);
    if (this.#tokens[this.#at]?.text.toLowerCase() === "of") return this.#several(token);
    return this.#named(token);
  }

  /** Takes the next word where it is this one; a name goes before a word of the language. */
  #takes(word: string): boolean {
    const isThere = this.#tokens[this.#at]?.text.toLowerCase() === word;
    if (isThere) this.#at++;
    return isThere;
  }

  #named(token: Token): Expression {
    const { expressions, used } = this.#detections;
    const expression = expressions.get(token.text);
    if (expression === undefined) {
      const known = [...expressions.keys()];
      return this.#fail(
        token,
        `no selection "${token.text}"${nearest(token.text, known)}; there are ${known.join(", ")}`,
      );
    }
    used(token.text);
    return expression;
  }

  /** `1 of selection_*`, `all of them`. */
  #several(count: Token): Expression {
    this.#at++;
    const pattern = this.#tokens[this.#at++];
    if (pattern === undefined) return this.#fail(pattern, "ends where them or a pattern of names is expected");
    const word = count.text.toLowerCase();
    if (word !== "1" && word !== "any" && word !== "all")
      this.#fail(count, `"${count.text} of"; allowed are 1 of, any of and all of`);
    const { expressions, used } = this.#detections;
    const names = [...expressions.keys()].filter(matcherOfNames(pattern.text));
    if (names.length === 0)
      this.#fail(pattern, `no selection is called ${pattern.text}; there are ${[...expressions.keys()].join(", ")}`);
    for (const name of names) used(name);
    const parts = names.map((name) => expressions.get(name) as Expression);
    return word === "all" ? and(parts) : or(parts);
  }
}

/** Names that begin with an underscore are meant only where the pattern does. */
function matcherOfNames(pattern: string): (name: string) => boolean {
  if (pattern.toLowerCase() === "them") return (name) => !name.startsWith("_");
  const parts = pattern.split("*").flatMap((part, at): Pattern => {
    const plain: Pattern = part === "" ? [] : [part];
    return at === 0 ? plain : [ANY, ...plain];
  });
  const matches = matcherOf(joinPatterns(parts));
  return (name) => (pattern.startsWith("_") || !name.startsWith("_")) && matches(name);
}
