/**
 * Rules held against events one by one, each by itself: slow, and simple enough to be seen to be right. The rule set must say the same,
 * which tests and the benchmark hold against each other.
 */
import type { ColumnBlock } from "../block/index.ts";
import { passes, type Predicate, type Shape, textsOf, recordShape, wholeShape } from "../predicate/index.ts";
import type { DetectionRule } from "../sigma/index.ts";
import { eventSources } from "./events.ts";
import { compileRules, type Match, routesOf } from "./ruleset.ts";
import { CATEGORIES, type Category } from "./taxonomy.ts";

/** Which rules match which events: of the records that match, the first. */
export class PlainRules {
  readonly #rules: readonly {
    rule: DetectionRule;
    category: Category | undefined;
    predicate: Predicate;
    about: "record" | "event" | "both";
  }[];
  readonly #shapes = new Map<Category, Shape>();
  readonly #ofEvent = eventSources(new Map());
  readonly #whole = wholeShape(this.#ofEvent);
  readonly #byType = new Map<number, Shape>();

  constructor(rules: readonly DetectionRule[]) {
    this.#rules = compileRules(rules).entries.map(({ category, ...entry }) => ({
      ...entry,
      category: category === undefined ? undefined : CATEGORIES.get(category),
    }));
    for (const { category } of this.#rules)
      if (category !== undefined && !this.#shapes.has(category))
        this.#shapes.set(category, { sources: eventSources(category.fields, true), constants: new Map() });
  }

  match(block: ColumnBlock): Match[] {
    const categories = Array.from(this.#shapes.keys(), (category) => ({ category }));
    const routes = routesOf(block, categories);
    const matches: Match[] = [];
    for (let event = 0; event < block.count; event++) {
      const own = new Set((routes[(block.columns.kind[event] ?? 0) - 1] ?? []).map(({ category }) => category));
      for (const { rule, category, predicate, about } of this.#rules) {
        const record = category === undefined ? this.#record(predicate, block, event, about) : undefined;
        const shape = category !== undefined && own.has(category) ? this.#shapes.get(category) : undefined;
        if (record !== undefined) matches.push({ rule, event, record });
        else if (shape !== undefined && holds(predicate, shape, block, event, -1))
          matches.push({ rule, event, record: -1 });
      }
    }
    return matches;
  }

  #record(
    predicate: Predicate,
    block: ColumnBlock,
    event: number,
    about: "record" | "event" | "both",
  ): number | undefined {
    const { offsets, values } = block.columns.records;
    const start = offsets[event] ?? 0;
    const end = about === "event" ? start : (offsets[event + 1] ?? 0);
    for (let at = start; at < end; at++) {
      const type = block.records.views[(values[0]?.[at] ?? 0) - 1]?.type ?? 0;
      if (holds(predicate, this.#shapeOf(type), block, event, at)) return at;
    }
    return about !== "record" && holds(predicate, this.#whole, block, event, -1) ? -1 : undefined;
  }

  #shapeOf(type: number): Shape {
    const shape = this.#byType.get(type) ?? recordShape(type, this.#ofEvent);
    this.#byType.set(type, shape);
    return shape;
  }
}

function holds(predicate: Predicate, shape: Shape, block: ColumnBlock, event: number, record: number): boolean {
  switch (predicate.kind) {
    case "and":
      return predicate.parts.every((part) => holds(part, shape, block, event, record));
    case "or":
      return predicate.parts.some((part) => holds(part, shape, block, event, record));
    case "not":
      return !holds(predicate.part, shape, block, event, record);
    case "constant":
      return predicate.value;
    case "pair": {
      const others = textsOf(shape, block, predicate.other, event, record);
      return textsOf(shape, block, predicate.field, event, record).some((text) =>
        others.some((other) => predicate.test(text, other)),
      );
    }
    default:
      return textsOf(shape, block, predicate.field, event, record).some((text) => passes(predicate.question, text));
  }
}
