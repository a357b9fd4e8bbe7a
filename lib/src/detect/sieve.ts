/**
 * Whether anything that a sieve was told of may match rules. Rules compare without regard to case and a sieve knows texts as they are, so
 * each trigram is asked for in all of its cases. A sieve is not told what records keep for themselves: rules about records match anywhere.
 */
import { FIELDS, mayHaveLower, type Predicate, type SieveAnswers } from "../predicate/index.ts";
import type { SigmaField } from "./events.ts";
import { CATEGORIES, type Category } from "./taxonomy.ts";

/** Asked before something is opened. */
export interface SieveQuestion {
  /** False where nothing in what the sieve was told of can match. */
  mayMatch(sieve: SieveAnswers): boolean;
}

/** A rule's predicate, and the category that it is about; undefined for one about records. */
interface Asking {
  category: string | undefined;
  predicate: Predicate;
}

/** What to ask so that no match of these rules is missed; undefined where a sieve cannot say no. */
export function sieveQuestion(rules: readonly Asking[]): SieveQuestion | undefined {
  const asked: { category: Category; predicate: Predicate }[] = [];
  for (const { category: name, predicate } of rules) {
    const category = name === undefined ? undefined : CATEGORIES.get(name);
    if (category === undefined) return undefined;
    asked.push({ category, predicate });
  }
  const actions = [...new Set(asked.flatMap(({ category }) => category.actions))];
  return {
    mayMatch(sieve) {
      const there = new Set(actions.filter((action) => sieve.mayHaveTerm("event.action", action)));
      return asked.some(
        ({ category, predicate }) =>
          category.actions.some((action) => there.has(action)) && mayHold(predicate, category.fields, sieve),
      );
    },
  };
}

function mayHold(predicate: Predicate, names: ReadonlyMap<string, SigmaField>, sieve: SieveAnswers): boolean {
  switch (predicate.kind) {
    case "and":
      return predicate.parts.every((part) => mayHold(part, names, sieve));
    case "or":
      return predicate.parts.some((part) => mayHold(part, names, sieve));
    case "ask":
      return mayPass(predicate, names, sieve);
    case "constant":
      return predicate.value;
    default:
      // What stands under a `not` holds where something is not there, too.
      return true;
  }
}

type Ask = Extract<Predicate, { kind: "ask" }>;

function mayPass({ field, question }: Ask, names: ReadonlyMap<string, SigmaField>, sieve: SieveAnswers): boolean {
  const name = toldAs(field, names);
  const known = name === undefined ? undefined : FIELDS.get(name);
  if (name === undefined || known === undefined) return true;
  const { equals, part, parts } = question;
  if (equals !== undefined && equals !== "" && known.indexed && isWithoutCase(equals))
    return sieve.mayHaveTerm(name, equals);
  if (parts !== undefined) return parts.some((each) => mayHaveLower(sieve, known.group, each));
  return mayHaveLower(sieve, known.group, equals ?? part ?? "");
}

/** The field under whose name a sieve was told of the texts that the rule asks for; undefined for none. */
function toldAs(field: string, names: ReadonlyMap<string, SigmaField>): string | undefined {
  const sigma = names.get(field);
  if (sigma === undefined) return field;
  return sigma.kind === "field" || (sigma.kind === "read" && sigma.isWhole === true) ? sigma.field : undefined;
}

/** Digits and signs of ASCII are the lower case of nothing but themselves. */
function isWithoutCase(text: string): boolean {
  return /^[\u0020-\u0040\u005b-\u0060\u007b-\u007e]*$/.test(text);
}
