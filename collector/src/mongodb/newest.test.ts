import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type NewestCatalog, NewestCatalogs } from "./newest.ts";

const HOSTS = ["a", "b", "c"];

/**
 * Catalogs of a place, and writers that change them between any two questions as `replaceCatalog` does, some of them ended between their
 * two steps: what they leave is removed before the version after it is inserted.
 */
class Written {
  readonly ids = new Set<string>();
  readonly newest = new Map<string, number>();
  readonly #left = new Map<string, number>();
  #open: (() => void) | undefined;

  step(number: number): void {
    if (this.#open !== undefined && number % 4 !== 0) {
      this.#open();
      this.#open = undefined;
      return;
    }
    const hostId = HOSTS[number % HOSTS.length] ?? "";
    const version = this.newest.get(hostId) ?? 0;
    const left = this.#left.get(hostId);
    if (left !== undefined) {
      this.ids.delete(`${hostId}-${left}`);
      this.#left.delete(hostId);
      return;
    }
    this.ids.add(`${hostId}-${version + 1}`);
    this.newest.set(hostId, version + 1);
    this.#left.set(hostId, version);
    // Ended here where another one begins before this is done.
    this.#open = () => {
      this.ids.delete(`${hostId}-${version}`);
      this.#left.delete(hostId);
    };
  }
}

describe("newest catalogs", () => {
  it("are those that were the newest at some moment of the look, whatever writers do meanwhile", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.nat(1000), { maxLength: 6 }), { maxLength: 60 }), async (steps) => {
        const written = new Written();
        let at = 0;
        const meanwhile = (): void => {
          for (const number of steps[at++] ?? []) written.step(number);
        };
        let asked = 0;
        const look = async <Value>(value: () => Value): Promise<Value> => {
          asked++;
          meanwhile();
          const found = value();
          meanwhile();
          return found;
        };
        const catalogs = new NewestCatalogs({
          ids: () => look(() => [...written.ids].sort()),
          bytes: (_, id) => look(() => (written.ids.has(id) ? new TextEncoder().encode(id) : undefined)),
          idOf: (hostId, version) => `${hostId}-${version}`,
          parse: (id) => ({ hostId: id.slice(0, 1), version: Number(id.slice(2)) }),
        });
        for (let turn = 0; turn < 6; turn++) {
          const before = new Map(written.newest);
          const found: NewestCatalog[] | undefined = await catalogs.find("20260102", HOSTS);
          if (found === undefined) continue;
          for (const hostId of HOSTS) {
            const catalog: NewestCatalog | undefined = found.find((each) => each.hostId === hostId);
            const version: number = catalog?.version ?? 0;
            assert.ok(version >= (before.get(hostId) ?? 0), `${hostId}: ${version} was replaced before`);
            assert.ok(version <= (written.newest.get(hostId) ?? 0));
            if (catalog !== undefined) assert.equal(new TextDecoder().decode(catalog.bytes), `${hostId}-${version}`);
          }
        }
        // Nothing changes any more: what is remembered is made sure of, and nothing is listed again.
        at = steps.length;
        await catalogs.find("20260102", HOSTS);
        asked = 0;
        await catalogs.find("20260102", HOSTS);
        assert.ok(asked <= 2 * HOSTS.length + 1);
      }),
      { numRuns: 2000 },
    );
  });
});
