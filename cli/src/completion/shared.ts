/** What the completions of all shells have in common: tables of commands, and patterns for them. */
import type { Model, Values } from "./model.ts";

/** Lines of a `case`: what to do, and for which texts. */
export interface Arm {
  patterns: readonly string[];
  values: Values;
}

function keyOf(values: Values): string {
  return JSON.stringify(values);
}

function grouped(pairs: readonly (readonly [pattern: string, values: Values])[]): Arm[] {
  const groups = Map.groupBy(pairs, ([, values]) => keyOf(values));
  return Array.from(groups.values(), (group) => ({
    patterns: [...new Set(group.map(([pattern]) => pattern))],
    values: group[0]?.[1] ?? { kind: "words", words: [] },
  }));
}

/** By "command --option": the values of the option. */
export function optionArms({ commands }: Model): Arm[] {
  return grouped(
    commands.flatMap(({ path, options }) =>
      options.flatMap(({ name, values }) => (values === undefined ? [] : [[`${path} ${name}`, values] as const])),
    ),
  );
}

/** By "command#place": what stands there, counted from 0; "command#*" where it goes on. */
export function placeArms({ commands }: Model): Arm[] {
  return grouped(
    commands.flatMap(({ path, places, repeats }) =>
      places.flatMap((values, at) => {
        if (values === undefined) return [];
        const isLast = at === places.length - 1;
        return [[`${path}#${isLast && repeats ? "*" : at}`, values] as const];
      }),
    ),
  );
}

/** Options that have a value behind them. */
export function valuedOptions({ commands }: Model): string[] {
  const valued = commands.flatMap(({ options }) => options.filter(({ takesValue }) => takesValue));
  return [...new Set(valued.map(({ name }) => name))].sort();
}
