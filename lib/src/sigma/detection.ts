/** The detection of a rule: selections by name, and a condition that joins them. */
import { compileCondition } from "./condition.ts";
import { and, type Expression, or } from "./expression.ts";
import { compileItem, type ValueContext } from "./modifiers.ts";
import { SigmaError } from "./problem.ts";
import { kindOf, type ListNode, type MapNode, type Node } from "./source.ts";

/** Keys of a detection that are no selections. */
const NO_SELECTIONS: ReadonlySet<string> = new Set(["condition", "timeframe"]);
/** What a rule may ask in all. */
const ITEMS_MAX = 20_000;

/** Compiles a detection; its conditions, where it has several, are alternatives. */
export function compileDetection(detection: MapNode, context: ValueContext): Expression {
  const compiler = new Selections(context);
  const selections = detection.entries.filter(({ key }) => !NO_SELECTIONS.has(key));
  const timeframe = detection.entries.find(({ key }) => key === "timeframe");
  if (timeframe !== undefined)
    throw new SigmaError(timeframe.line, "timeframe is the old form; allowed is a correlation rule with timespan");
  const expressions = new Map(selections.map(({ key, node, line }) => [key, compiler.selection(key, node, line)]));
  const condition = detection.entries.find(({ key }) => key === "condition");
  if (condition === undefined) throw new SigmaError(detection.line, "detection has no condition");
  if (expressions.size === 0) throw new SigmaError(detection.line, "detection has no selection beside its condition");
  const used = new Set<string>();
  const compiled = conditionsOf(condition.node).map(({ text, line }) =>
    compileCondition(text, { expressions, used: (name) => used.add(name) }, line),
  );
  for (const { key, line } of selections)
    if (!used.has(key) && !key.startsWith("_")) context.warn(line, `the selection "${key}" is in no condition`);
  return or(compiled);
}

function conditionsOf(node: Node): { text: string; line: number }[] {
  const nodes = node.kind === "list" ? node.items : [node];
  if (nodes.length === 0) throw new SigmaError(node.line, "an empty list of conditions");
  return nodes.map((inner) => {
    if (inner.kind === "scalar" && typeof inner.value === "string") return { text: inner.value, line: inner.line };
    throw new SigmaError(inner.line, `a condition is a text and not ${kindOf(inner)}`);
  });
}

class Selections {
  readonly #context: ValueContext;
  #items = 0;

  constructor(context: ValueContext) {
    this.#context = context;
  }

  selection(name: string, node: Node, line: number): Expression {
    if (node.kind === "map") return this.#map(name, node);
    if (node.kind === "list") return this.#list(name, node);
    if (node.value === null) throw new SigmaError(line, `the selection "${name}" is empty`);
    return this.#item("", node, line);
  }

  #map(name: string, { entries, line }: MapNode): Expression {
    if (entries.length === 0) throw new SigmaError(line, `the selection "${name}" is empty`);
    return and(entries.map((entry) => this.#item(entry.key, entry.node, entry.line)));
  }

  /** Maps are alternatives, and so are keywords. */
  #list(name: string, { items, line }: ListNode): Expression {
    if (items.length === 0) throw new SigmaError(line, `the selection "${name}" is an empty list`);
    return or(
      items.map((inner) => {
        if (inner.kind === "map") return this.#map(name, inner);
        if (inner.kind === "list") throw new SigmaError(inner.line, `the selection "${name}" has a list in its list`);
        if (inner.value === null) throw new SigmaError(inner.line, `the selection "${name}" has an empty keyword`);
        return this.#item("", inner, inner.line);
      }),
    );
  }

  #item(key: string, node: Node, line: number): Expression {
    this.#items += node.kind === "list" ? node.items.length : 1;
    if (this.#items > ITEMS_MAX) throw new SigmaError(line, `more than ${ITEMS_MAX} values in a rule`);
    return compileItem(key, node, this.#context, line);
  }
}
