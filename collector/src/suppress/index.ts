/** Which suppressions cover an event: asked by the detector for each match, and by the API for what one would have hidden. */
import type { ColumnBlock } from "@hosttrail/lib/block";
import { compileFilter, type Filter, FilterError } from "@hosttrail/lib/predicate";
import type { SuppressionDocument } from "../model/index.ts";

/** A host as suppressions know it: its labels are those of its enrolment, never its own claim. */
export interface CoveredHost {
  id: string;
  labels: Readonly<Record<string, string>>;
}

/** Ids of the suppressions that cover something; of several of a kind the oldest. */
export interface Hidden {
  exception?: string;
  silence?: string;
}

/** A suppression whose filter is not understood; it covers nothing. */
export interface BrokenSuppression {
  id: string;
  message: string;
}

const NOTHING: Hidden = {};

/** A suppression, ready to be asked. */
interface Ready {
  document: SuppressionDocument;
  filter: Filter | undefined;
  ruleKeys: ReadonlySet<string>;
  hostIds: ReadonlySet<string>;
  labels: readonly (readonly [string, string])[];
  tags: readonly (readonly [string, string])[];
}

/** What was decided about a block: for each suppression, which events its filter and its tags leave. */
type Decided = Map<Ready, (event: number) => boolean>;

/** Suppressions together. Their filters and tags are decided once for each block. */
export class Suppressions {
  /** Those that can cover nothing, since their filter is not understood. */
  readonly broken: readonly BrokenSuppression[];
  readonly #ofAll: Ready[] = [];
  readonly #ofRule = new Map<string, Ready[]>();
  readonly #decided = new WeakMap<ColumnBlock, Decided>();

  constructor(documents: readonly SuppressionDocument[]) {
    const broken: BrokenSuppression[] = [];
    for (const document of [...documents].sort((a, b) => (a.id < b.id ? -1 : 1))) {
      const ready = readyOf(document);
      if ("message" in ready) broken.push(ready);
      else this.#add(ready);
    }
    this.broken = broken;
  }

  #add(ready: Ready): void {
    if (ready.ruleKeys.size === 0) this.#ofAll.push(ready);
    for (const key of ready.ruleKeys) {
      const others = this.#ofRule.get(key);
      if (others === undefined) this.#ofRule.set(key, [ready]);
      else others.push(ready);
    }
  }

  /** What hides a rule's match of an event on a host. */
  hiddenBy(ruleKey: string, host: CoveredHost, block: ColumnBlock, event: number): Hidden {
    return this.#first(ruleKey, host, (ready) => this.#leaves(ready, block)(event));
  }

  /** What hides something that has no events, as a finding about a host: suppressions that ask nothing of events. */
  hiddenWithoutEvents(ruleKey: string, host: CoveredHost): Hidden {
    return this.#first(ruleKey, host, ({ filter, tags }) => filter === undefined && tags.length === 0);
  }

  #first(ruleKey: string, host: CoveredHost, covers: (ready: Ready) => boolean): Hidden {
    const candidates = this.#ofRule.get(ruleKey);
    if (candidates === undefined && this.#ofAll.length === 0) return NOTHING;
    const found: Hidden = {};
    for (const ready of [...(candidates ?? []), ...this.#ofAll]) {
      const { id, kind } = ready.document;
      const before = found[kind];
      if ((before === undefined || id < before) && isOn(ready, host) && covers(ready)) found[kind] = id;
    }
    return found;
  }

  #leaves(ready: Ready, block: ColumnBlock): (event: number) => boolean {
    let decided = this.#decided.get(block);
    if (decided === undefined) this.#decided.set(block, (decided = new Map()));
    let leaves = decided.get(ready);
    if (leaves === undefined) decided.set(ready, (leaves = decide(ready, block)));
    return leaves;
  }
}

function readyOf(document: SuppressionDocument): Ready | BrokenSuppression {
  const { id, filter, ruleKeys, hostIds, labels, tags } = document;
  try {
    return {
      document,
      filter: filter === "" ? undefined : compileFilter(filter),
      ruleKeys: new Set(ruleKeys),
      hostIds: new Set(hostIds),
      labels: Object.entries(labels),
      tags: Object.entries(tags),
    };
  } catch (error) {
    // What was understood when it was made may not be after an update; then it must hide nothing.
    if (error instanceof FilterError) return { id, message: error.message };
    throw error;
  }
}

function isOn({ hostIds, labels }: Ready, host: CoveredHost): boolean {
  if (hostIds.size > 0 && !hostIds.has(host.id)) return false;
  return labels.every(([key, value]) => Object.hasOwn(host.labels, key) && host.labels[key] === value);
}

function decide({ filter, tags }: Ready, block: ColumnBlock): (event: number) => boolean {
  const matching = filter && new Set(filter.match(block));
  const tagged = tags.length === 0 ? undefined : block.clouds.rows.map((row) => hasTags(row.tags, tags));
  return (event) => {
    if (matching?.has(event) === false) return false;
    // Events refer to rows by their index plus one; none is 0.
    return tagged === undefined || tagged[(block.columns.cloud[event] ?? 0) - 1] === true;
  };
}

function hasTags(
  own: readonly { key: string; value: string }[],
  wanted: readonly (readonly [string, string])[],
): boolean {
  return wanted.every(([key, value]) => own.some((tag) => tag.key === key && tag.value === value));
}
