/** Which hosts a scope has in it. */
import { type Labels, labelsKey } from "./labels.ts";

/** Hosts that a caller may see; undefined for all. */
export type HostSet = ReadonlySet<string> | undefined;

const CACHE_MS = 2000;
/** Scopes that are remembered; there are a few teams, not thousands. */
const CACHE_MAX = 256;

export class HostScopes {
  readonly #find: (scope: Labels) => Promise<string[]>;
  readonly #known = new Map<string, { readMs: number; hosts: Promise<ReadonlySet<string>> }>();

  /** `find` reads the ids of all hosts that have these labels. */
  constructor(find: (scope: Labels) => Promise<string[]>) {
    this.#find = find;
  }

  /** The hosts of a scope, as they were at most two seconds ago. */
  async hostsOf(scope: Labels): Promise<HostSet> {
    if (Object.keys(scope).length === 0) return undefined;
    const key = labelsKey(scope);
    const now = performance.now();
    let known = this.#known.get(key);
    if (known === undefined || now - known.readMs > CACHE_MS) {
      known = { readMs: now, hosts: this.#find(scope).then((ids) => new Set(ids)) };
      this.#known.delete(key);
      this.#known.set(key, known);
      known.hosts.catch(() => this.#known.delete(key));
      if (this.#known.size > CACHE_MAX) this.#known.delete(this.#known.keys().next().value ?? "");
    }
    return await known.hosts;
  }
}
