/**
 * Finds a host's newest catalog in a database that finds one id quickly, and reads all documents for a range of ids, as the embedded one.
 *
 * Which version is the newest is remembered and made sure of: version n + 1 is inserted before n is removed, and n + 2 not before n is. So
 * where n + 1 is not there, and n still is after that was seen, n is the newest.
 */
import type { Place } from "../model/index.ts";

/** What it needs of the database. */
export interface CatalogDocuments {
  /** Of all catalogs of a place, without what is in them. */
  ids(place: Place): Promise<string[]>;
  /** What is in one of them; undefined where it is not there. */
  bytes(place: Place, id: string): Promise<Uint8Array | undefined>;
  idOf(hostId: string, version: number): string;
  parse(id: string): { hostId: string; version: number };
}

export interface NewestCatalog {
  hostId: string;
  version: number;
  bytes: Uint8Array;
}

/** Versions that are remembered, at most: one for each host and day that was asked for. */
const VERSIONS_MAX = 500_000;
const ATTEMPTS_MAX = 4;

export class NewestCatalogs {
  readonly #documents: CatalogDocuments;
  /** By `<place> <host>`. */
  readonly #versions = new Map<string, number>();

  constructor(documents: CatalogDocuments) {
    this.#documents = documents;
  }

  /** Of those of these hosts that have one; undefined where they change so quickly that none can be got hold of. */
  async find(place: Place, hostIds: readonly string[]): Promise<NewestCatalog[] | undefined> {
    const remembered = await Promise.all(hostIds.map((hostId) => this.#remembered(place, hostId)));
    const found = remembered.filter((catalog) => catalog !== undefined);
    let left = hostIds.filter((_, at) => remembered[at] === undefined);
    for (let attempt = 0; left.length > 0; attempt++) {
      if (attempt === ATTEMPTS_MAX) return undefined;
      const versions = await this.#list(place);
      const listed = left.filter((hostId) => versions.has(hostId));
      const read = await Promise.all(listed.map((hostId) => this.#read(place, hostId, versions.get(hostId) ?? 0)));
      found.push(...read.filter((catalog) => catalog !== undefined));
      // Replaced since they were listed.
      left = listed.filter((_, at) => read[at] === undefined);
    }
    return found;
  }

  async #remembered(place: Place, hostId: string): Promise<NewestCatalog | undefined> {
    const version = this.#versions.get(keyOf(place, hostId));
    if (version === undefined) return undefined;
    const next = await this.#documents.bytes(place, this.#documents.idOf(hostId, version + 1));
    return next === undefined ? await this.#read(place, hostId, version) : undefined;
  }

  async #read(place: Place, hostId: string, version: number): Promise<NewestCatalog | undefined> {
    const bytes = await this.#documents.bytes(place, this.#documents.idOf(hostId, version));
    return bytes && { hostId, version, bytes };
  }

  /** The newest version of each host that has one. */
  async #list(place: Place): Promise<Map<string, number>> {
    const versions = new Map<string, number>();
    for (const id of await this.#documents.ids(place)) {
      const { hostId, version } = this.#documents.parse(id);
      versions.set(hostId, Math.max(version, versions.get(hostId) ?? 0));
    }
    if (this.#versions.size + versions.size > VERSIONS_MAX) this.#versions.clear();
    for (const [hostId, version] of versions) this.#versions.set(keyOf(place, hostId), version);
    return versions;
  }
}

function keyOf(place: Place, hostId: string): string {
  return `${place} ${hostId}`;
}
