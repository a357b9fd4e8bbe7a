/** Expressions as the index of many takes them. */
import type { ValueQuestion } from "./values.ts";

/** A question to one field. The same field and `name` are the same question, whoever asks. */
export interface Ask {
  kind: "ask";
  field: string;
  name: string;
  question: ValueQuestion;
  /** How often a value passes, about, between 0 and 1: of several that must pass the rarest is looked for. */
  weight: number;
}

/** A question to two fields of the same subject: one value of each must pass together. */
export interface AskPair {
  kind: "pair";
  field: string;
  other: string;
  test: (value: string, other: string) => boolean;
}

export type Predicate =
  | Ask
  | AskPair
  | { kind: "and" | "or"; parts: readonly Predicate[] }
  | { kind: "not"; part: Predicate }
  | { kind: "constant"; value: boolean };

/** The predicate where some questions are decided already; undefined from `decide` leaves one open. */
export function decided(predicate: Predicate, decide: (ask: Ask) => boolean | undefined): Predicate {
  switch (predicate.kind) {
    case "ask": {
      const value = decide(predicate);
      return value === undefined ? predicate : { kind: "constant", value };
    }
    case "not": {
      const part = decided(predicate.part, decide);
      return part.kind === "constant" ? { kind: "constant", value: !part.value } : { kind: "not", part };
    }
    case "and":
    case "or":
      return joined(
        predicate.kind,
        predicate.parts.map((part) => decided(part, decide)),
      );
    default:
      return predicate;
  }
}

function joined(kind: "and" | "or", parts: readonly Predicate[]): Predicate {
  const deciding = kind === "or";
  if (parts.some((part) => part.kind === "constant" && part.value === deciding))
    return { kind: "constant", value: deciding };
  const left = parts.filter(({ kind: part }) => part !== "constant");
  const [only] = left;
  if (only === undefined) return { kind: "constant", value: !deciding };
  return left.length === 1 ? only : { kind, parts: left };
}

/** Every question to one field. */
export function* asksOf(predicate: Predicate): Generator<Ask> {
  if (predicate.kind === "ask") yield predicate;
  else if (predicate.kind === "not") yield* asksOf(predicate.part);
  else if (predicate.kind === "and" || predicate.kind === "or") for (const part of predicate.parts) yield* asksOf(part);
}

/** Questions of which one at least passes wherever the predicate holds, and how often one does, about. */
interface Witnesses {
  asks: readonly Ask[];
  weight: number;
}

/**
 * The witnesses of a predicate that cost least; undefined where nothing must pass, as under a `not`.
 */
export function witnessesOf(predicate: Predicate, costOf: (ask: Ask) => number): Witnesses | undefined {
  switch (predicate.kind) {
    case "ask":
      return predicate.question.isCostly === true ? undefined : { asks: [predicate], weight: costOf(predicate) };
    case "and": {
      let best: Witnesses | undefined;
      for (const part of predicate.parts) {
        const found = witnessesOf(part, costOf);
        if (found !== undefined && (best === undefined || found.weight < best.weight)) best = found;
      }
      return best;
    }
    case "or": {
      const asks: Ask[] = [];
      let weight = 0;
      for (const part of predicate.parts) {
        const found = witnessesOf(part, costOf);
        if (found === undefined) return undefined;
        asks.push(...found.asks);
        weight += found.weight;
      }
      return { asks, weight };
    }
    case "not":
      return throughNot(predicate.part, costOf);
    default:
      return undefined;
  }
}

/** By De Morgan, for what stands under two of them. */
function throughNot(part: Predicate, costOf: (ask: Ask) => number): Witnesses | undefined {
  if (part.kind === "not") return witnessesOf(part.part, costOf);
  if (part.kind !== "and" && part.kind !== "or") return undefined;
  const parts = part.parts.map((inner): Predicate => ({ kind: "not", part: inner }));
  return witnessesOf({ kind: part.kind === "and" ? "or" : "and", parts }, costOf);
}
