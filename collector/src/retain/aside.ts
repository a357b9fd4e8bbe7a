/**
 * Puts what is about to be dropped aside, as one file for each host and day: a tar with the stored segments and their sieves byte for byte,
 * a manifest that has their catalog, the host's certificates, and SHA256SUMS, so that standard tools can read and check it.
 */
import { createHash } from "node:crypto";
import { mkdir, open, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { hex64 } from "@hosttrail/lib/block";
import { syncDirectory } from "@hosttrail/lib/files";
import type { Catalog, CatalogEntry, Place } from "../model/index.ts";
import { tarEnd, tarMember } from "./tar.ts";

/** What is put aside, and where it is read. Each throws a RetryableError where the database is away. */
export interface AsideSource {
  payload(place: Place, id: string): Promise<Uint8Array | undefined>;
  sieve(place: Place, id: string): Promise<Uint8Array | undefined>;
  /** Of the host, as PEM; empty where none is known. */
  certificates(hostId: string): Promise<string>;
}

const README = `What retention of Hosttrail put aside of one day of one host before it was dropped.

manifest.json   the host, the day, and each segment: epoch, numbers, times (nanoseconds since 1970), counts, SHA-256
segments/       segments as they were stored (proto/hosttrail/v1/segment.proto, zstd): each block is made again from them
sieves/         which values are in them
certificates.pem  with which the host came
SHA256SUMS      sha256sum --check SHA256SUMS
`;

export class FileAside {
  readonly #directory: string;
  readonly #source: AsideSource;

  constructor(directory: string, source: AsideSource) {
    this.#directory = directory;
    this.#source = source;
  }

  /** The file of what goes of a host's place in the go that began at `timeMs`. */
  pathOf({ hostId, place }: Pick<Catalog, "hostId" | "place">, timeMs: number): string {
    return join(this.#directory, place, `${hostId}-${timeMs.toString(16)}.tar`);
  }

  /**
   * Writes the file and makes it durable; one that is there stays. Throws an Error of the file system, and as the source does: then
   * nothing may be dropped.
   */
  async put(catalog: Pick<Catalog, "hostId" | "place">, goes: readonly CatalogEntry[], timeMs: number): Promise<void> {
    const path = this.pathOf(catalog, timeMs);
    const isThere = await stat(path).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    const folder = join(this.#directory, catalog.place);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = await open(`${path}.part`, "w", 0o600);
    try {
      for await (const bytes of this.#members(catalog, goes, timeMs)) await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.part`, path);
    syncDirectory(folder);
    syncDirectory(this.#directory);
  }

  async *#members(
    { hostId, place }: Pick<Catalog, "hostId" | "place">,
    goes: readonly CatalogEntry[],
    timeMs: number,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const sums: string[] = [];
    const member = (name: string, bytes: Uint8Array): Uint8Array => {
      if (name !== "SHA256SUMS") sums.push(`${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`);
      return tarMember(name, bytes, timeMs);
    };
    yield member("README", Buffer.from(README));
    const manifest = { host: hostId, day: place, dropTime: new Date(timeMs).toISOString(), segments: goes.map(shown) };
    yield member("manifest.json", Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`));
    yield member("certificates.pem", Buffer.from(await this.#source.certificates(hostId)));
    for (const { id } of goes) {
      // What is damaged or gone is as it is: the manifest has the hash that it had.
      const payload = await this.#source.payload(place, id);
      if (payload !== undefined) yield member(`segments/${id}`, payload);
      const sieve = await this.#source.sieve(place, id);
      if (sieve !== undefined) yield member(`sieves/${id}`, sieve);
    }
    yield member("SHA256SUMS", Buffer.from(sums.join("")));
    yield tarEnd();
  }
}

/** All of an entry, so that a catalog can be made of it again. */
function shown({ epoch, ranges, firstTimeNano, lastTimeNano, sha256, sieveSha256, ...rest }: CatalogEntry): object {
  return {
    ...rest,
    epoch: hex64(epoch),
    ranges: ranges.map(({ first, next }) => [String(first), String(next)]),
    firstTime: String(firstTimeNano),
    lastTime: String(lastTimeNano),
    sha256: Buffer.from(sha256).toString("hex"),
    sieveSha256: Buffer.from(sieveSha256).toString("hex"),
  };
}
