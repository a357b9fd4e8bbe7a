/** Rule files together: rules by their names, correlations with the rules they name, filters added to theirs. */
import { type CorrelationRule, type ParsedCorrelation, readCorrelation } from "./correlation.ts";
import { compileDetection } from "./detection.ts";
import { and, type Expression } from "./expression.ts";
import { coversLogsource, type FilterRule, readFilter } from "./filter.ts";
import type { Placeholders, ValueContext } from "./modifiers.ts";
import { nearest } from "../spelling/index.ts";
import { type Problem, SigmaError } from "./problem.ts";
import {
  type DetectionRule,
  type DocumentKind,
  DOCUMENT_KEYS,
  mapOf,
  readInfo,
  readLogsource,
  type RuleInfo,
} from "./rule.ts";
import { entryOf, kindOf, type MapNode, readDocuments } from "./source.ts";

export interface RuleFile {
  /** As errors name it. */
  path: string;
  text: string;
}

export interface CollectionOptions {
  /** What stands for placeholders, by their names. */
  placeholders?: Placeholders;
}

export type AnyRule = DetectionRule | CorrelationRule;

/** A rule that cannot be used, by what is known of it. */
export interface Rejected extends Problem {
  title: string;
  id: string;
}

export interface RuleCollection {
  /** Rules that can be used, in the order of the files. */
  rules: readonly AnyRule[];
  filters: readonly FilterRule[];
  rejected: readonly Rejected[];
  /** What is odd in rules that are used. */
  warnings: readonly Problem[];
  /** Rules that only serve a correlation, and alert of nothing by themselves. */
  silent: ReadonlySet<AnyRule>;
}

/** A warning for every line would hide what matters. */
const WARNINGS_MAX = 10_000;

/** Reads rule files. Nothing is left out without a word: a document is in `rules`, in `filters` or in `rejected`. */
export function readRules(files: readonly RuleFile[], options: CollectionOptions = {}): RuleCollection {
  const collector = new Collector(options.placeholders ?? new Map());
  for (const file of files) collector.read(file);
  return collector.finish();
}

class Collector {
  readonly #placeholders: Placeholders;
  readonly #detections: DetectionRule[] = [];
  readonly #correlations: ParsedCorrelation[] = [];
  readonly #filters: FilterRule[] = [];
  readonly #rejected: Rejected[] = [];
  readonly #warnings: Problem[] = [];
  /** Who has a name or an id. */
  readonly #named = new Map<string, RuleInfo>();
  /** Files in the order in which they came. */
  readonly #order = new Map<string, number>();

  constructor(placeholders: Placeholders) {
    this.#placeholders = placeholders;
  }

  read({ path, text }: RuleFile): void {
    if (!this.#order.has(path)) this.#order.set(path, this.#order.size);
    for (const document of readDocuments(text)) {
      if ("error" in document) {
        this.#reject(path, document.error, "", "");
        continue;
      }
      const { root } = document;
      try {
        if (root.kind !== "map") throw new SigmaError(root.line, `a rule is a map and not ${kindOf(root)}`);
        this.#document(path, root);
      } catch (error) {
        if (!(error instanceof SigmaError)) throw error;
        const known = root.kind === "map" ? root : undefined;
        this.#reject(path, error, scalarOf(known, "title"), scalarOf(known, "id"));
      }
    }
  }

  #reject(file: string, { line, message }: SigmaError, title: string, id: string): void {
    this.#rejected.push({ file, line, message, title, id });
  }

  #document(file: string, root: MapNode): void {
    const kind = kindOfDocument(root);
    const warnings: Problem[] = [];
    const warn = (line: number, message: string): void => {
      warnings.push({ file, line, message });
    };
    const info = readInfo(root, kind, file, warn);
    const context: ValueContext = { placeholders: this.#placeholders, warn };
    const names = [info.id, info.name].filter((name) => name !== "");
    for (const name of names) {
      const other = this.#named.get(name);
      if (other !== undefined)
        throw new SigmaError(
          root.line,
          `"${name}" is the name or id of another rule, too: ${other.file}:${other.line}`,
        );
    }
    if (kind === "detection") {
      const logsource = readLogsource(root, warn);
      const condition = compileDetection(mapOf(root, "detection"), context);
      this.#detections.push({ ...info, kind, logsource, condition });
    } else if (kind === "correlation") this.#correlations.push(readCorrelation(root, info));
    else this.#filters.push(readFilter(root, info, context));
    for (const name of names) this.#named.set(name, info);
    for (const warning of warnings) this.#warn(warning);
  }

  #warn(warning: Problem): void {
    if (this.#warnings.length < WARNINGS_MAX) this.#warnings.push(warning);
  }

  finish(): RuleCollection {
    const filtered = this.#applyFilters();
    const correlations = this.#resolve(filtered);
    const rules = [...filtered, ...correlations].sort(
      (a, b) => (this.#order.get(a.file) ?? 0) - (this.#order.get(b.file) ?? 0) || a.line - b.line,
    );
    return {
      rules,
      filters: this.#filters,
      rejected: this.#rejected,
      warnings: this.#warnings,
      silent: silentOf(correlations),
    };
  }

  #applyFilters(): DetectionRule[] {
    const added = new Map<DetectionRule, Expression[]>();
    for (const filter of this.#filters) {
      const wanted = this.#wantedBy(filter);
      if (wanted.length === 0)
        this.#warn({ file: filter.file, line: filter.line, message: "the filter is of no rule" });
      for (const rule of wanted) added.set(rule, [...(added.get(rule) ?? []), filter.condition]);
    }
    return this.#detections.map((rule) => {
      const conditions = added.get(rule);
      return conditions === undefined ? rule : { ...rule, condition: and([rule.condition, ...conditions]) };
    });
  }

  #wantedBy({ ruleNames, logsource, file, title }: FilterRule): DetectionRule[] {
    if (ruleNames === undefined) return this.#detections.filter((rule) => coversLogsource(logsource, rule.logsource));
    return ruleNames.flatMap(({ name, line }) => {
      const rule = this.#detections.find((other) => other.id === name || other.name === name);
      if (rule === undefined)
        this.#warn({ file, line, message: `the filter "${title}" names the rule "${name}", which is not there` });
      else if (!coversLogsource(logsource, rule.logsource))
        this.#warn({
          file,
          line,
          message: `the filter "${title}" is of another logsource than its rule "${name}" and is not added`,
        });
      else return [rule];
      return [];
    });
  }

  /** Finds the rules that correlations name, those of others first; one that leads back to itself is rejected. */
  #resolve(detections: readonly DetectionRule[]): CorrelationRule[] {
    const known = new Map<string, AnyRule>();
    const learn = (rule: AnyRule): void => {
      for (const name of [rule.id, rule.name]) if (name !== "") known.set(name, rule);
    };
    for (const rule of detections) learn(rule);
    const resolved: CorrelationRule[] = [];
    let waiting = [...this.#correlations];
    for (;;) {
      const ready = waiting.filter(({ ruleNames }) => ruleNames.every(({ name }) => known.has(name)));
      if (ready.length === 0) break;
      waiting = waiting.filter((parsed) => !ready.includes(parsed));
      for (const parsed of ready) {
        try {
          const rule = withRules(parsed, known);
          resolved.push(rule);
          learn(rule);
        } catch (error) {
          if (!(error instanceof SigmaError)) throw error;
          this.#reject(parsed.file, error, parsed.title, parsed.id);
        }
      }
    }
    for (const parsed of waiting) this.#rejectWaiting(parsed, waiting, known);
    return resolved;
  }

  #rejectWaiting(
    parsed: ParsedCorrelation,
    waiting: readonly ParsedCorrelation[],
    known: ReadonlyMap<string, AnyRule>,
  ): void {
    const missing = parsed.ruleNames.find(({ name }) => !known.has(name));
    if (missing === undefined) return;
    const { name, line } = missing;
    const isWaiting = waiting.some((other) => other.id === name || other.name === name);
    const refused = this.#rejected.some(({ id }) => id === name);
    const why = isWaiting
      ? `the rule "${name}" leads back to this one, or to one that cannot be used`
      : refused
        ? `the rule "${name}" cannot be used itself`
        : `no rule has the name or id "${name}"${nearest(name, known.keys())}`;
    this.#reject(parsed.file, new SigmaError(line, why), parsed.title, parsed.id);
  }
}

/** Kinds of documents by the key that makes them one. */
function kindOfDocument(root: MapNode): DocumentKind {
  const keys = root.entries.map(({ key }) => key);
  if (keys.includes("action"))
    throw new SigmaError(
      root.line,
      "action: global, reset and repeat are of Sigma 1; each document is a rule of its own",
    );
  const kinds = (["detection", "correlation", "filter"] as const).filter((kind) => keys.includes(kind));
  const [kind] = kinds;
  if (kind !== undefined && kinds.length === 1) return kind;
  if (kind !== undefined) throw new SigmaError(root.line, `a rule with ${kinds.join(" and ")}; it has one of them`);
  const near = keys.map((key) => nearest(key, Object.keys(DOCUMENT_KEYS))).find((text) => text !== "") ?? "";
  throw new SigmaError(root.line, `a rule has detection, correlation or filter; this has none of them${near}`);
}

function scalarOf(root: MapNode | undefined, key: string): string {
  const node = root && entryOf(root, key);
  return node?.kind === "scalar" && node.value !== null ? String(node.value) : "";
}

function withRules(parsed: ParsedCorrelation, known: ReadonlyMap<string, AnyRule>): CorrelationRule {
  const { ruleNames, aliasNames, ...rest } = parsed;
  const rules = ruleNames.map(({ name }) => known.get(name) as AnyRule);
  const aliases = new Map(
    Array.from(aliasNames, ([alias, names]) => {
      const fields = names.map(({ rule: name, field, line }): [AnyRule, string] => {
        const rule = rules.find((other) => other.name === name || other.id === name);
        if (rule !== undefined) return [rule, field];
        throw new SigmaError(
          line,
          `the alias "${alias}" names the rule "${name}", which is none of this correlation's`,
        );
      });
      return [alias, new Map(fields)] as const;
    }),
  );
  return { ...rest, rules, aliases };
}

/** The rules that a correlation without `generate` names, unless another one names them with it. */
function silentOf(correlations: readonly CorrelationRule[]): Set<AnyRule> {
  const silent = new Set<AnyRule>();
  for (const { rules, generate } of correlations) if (!generate) for (const rule of rules) silent.add(rule);
  for (const { rules, generate } of correlations) if (generate) for (const rule of rules) silent.delete(rule);
  return silent;
}
