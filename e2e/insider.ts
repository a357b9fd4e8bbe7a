/** Somebody with the database's password and all of our code, who changes what is stored. Everything can be undone. */
import { randomInt } from "node:crypto";
import { compactArchive } from "@hosttrail/collector/archives";
import { compact } from "@hosttrail/collector/compact";
import type { Catalog, CatalogEntry, Place } from "@hosttrail/collector/model";
import { Archive } from "@hosttrail/collector/mongodb";
import { columnsOf, parseBlock, sealBlock, SegmentReader } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { Block, Codec } from "@hosttrail/proto/block";
import { Binary, type Db, type Document, Long, MongoClient } from "mongodb";

type Row = Document & { _id: string };

/** Takes back what was done. */
export type Undo = () => Promise<void>;

/** What was changed, and of what. */
export interface Deed {
  what: string;
  undo: Undo;
}

/** Fields of an arrival that its block has as well. When it came nobody signed; see docs/verify.md. */
const FIELDS = [
  "block",
  "block",
  "block",
  "block",
  "host",
  "epoch",
  "first_seq",
  "count",
  "t0",
  "t1",
  "signer",
  "hash",
];

export class Insider {
  readonly archive: Archive;
  readonly #client: MongoClient;
  readonly #database: Db;

  private constructor(client: MongoClient, url: string, database: string) {
    this.#client = client;
    this.#database = client.db(database);
    this.archive = Archive.open({ url, database });
  }

  static async open(url: string, database: string): Promise<Insider> {
    return new Insider(await MongoClient.connect(url), url, database);
  }

  async close(): Promise<void> {
    await this.archive.close();
    await this.#client.close();
  }

  async rows(collection: string): Promise<Row[]> {
    return await this.#database.collection<Row>(collection).find({}).toArray();
  }

  async #replace(collection: string, before: Row, after: Row): Promise<Undo> {
    const all = this.#database.collection<Row>(collection);
    await all.replaceOne({ _id: before._id }, after);
    return async () => void (await all.replaceOne({ _id: before._id }, before));
  }

  async #remove(collection: string, rows: readonly Row[]): Promise<Undo> {
    const all = this.#database.collection<Row>(collection);
    for (const { _id } of rows) await all.deleteOne({ _id });
    return async () => {
      for (const row of rows) await all.insertOne(row);
    };
  }

  /** Flips a bit in a field of a block that was not yet compacted. */
  async flipArrival(hostId: string): Promise<Deed> {
    const row = anyOf(await this.#arrivals(hostId));
    const field = anyOf(FIELDS);
    const after = structuredCloneOf(row);
    if (field === "block") after["block"] = new Binary(altered(bytesOf(row["block"])));
    else if (field === "hash") after["chain"] = { ...after["chain"], hash: flippedHex(row["chain"].hash) };
    else if (field === "count") after["count"] = row["count"] ^ (1 << randomInt(8));
    else if (field === "t0" || field === "t1") after[field] = longOf(row[field]).xor(Long.ONE.shiftLeft(randomInt(62)));
    else after[field] = flippedHex(String(row[field]));
    return { what: `${field} of ${row._id}`, undo: await this.#replace("arrivals", row, after) };
  }

  async #arrivals(hostId: string): Promise<Row[]> {
    return (await this.rows("arrivals")).filter(({ _id }) => _id.startsWith(hostId));
  }

  /** Flips a bit in a segment, or in the catalog that lists it. */
  async flipHistory(hostId: string): Promise<Deed> {
    const days = await this.archive.history.days();
    for (;;) {
      const collection = `${anyOf(["segments", "segments", "catalog"])}_${anyOf(days)}`;
      const rows = (await this.rows(collection)).filter(({ _id }) => _id.startsWith(hostId));
      if (rows.length === 0) continue;
      const row = anyOf(rows);
      const after = structuredCloneOf(row);
      if (typeof row["text"] === "string") after["text"] = flippedText(row["text"]);
      else after["bytes"] = new Binary(flipped(bytesOf(row["bytes"])));
      return { what: `${collection} ${row._id}`, undo: await this.#replace(collection, row, after) };
    }
  }

  async removeArrival(id: string): Promise<Deed> {
    const rows = (await this.rows("arrivals")).filter(({ _id }) => _id === id);
    return { what: id, undo: await this.#remove("arrivals", rows) };
  }

  /** Each in the place of the other. */
  async swapArrivals(ids: readonly [string, string]): Promise<Deed> {
    const rows = await this.rows("arrivals");
    const [one, two] = ids.map((id) => rows.find(({ _id }) => _id === id) as Row) as [Row, Row];
    const undone = [
      await this.#replace("arrivals", one, { ...one, block: two["block"] }),
      await this.#replace("arrivals", two, { ...two, block: one["block"] }),
    ];
    return { what: ids.join(" and "), undo: () => undoAll(undone) };
  }

  /** Two segments of a day, each in the place of the other; what their catalog lists of them goes along, where that is asked for. */
  async swapSegments(hostId: string, isThorough: boolean): Promise<Deed | undefined> {
    for (const place of await this.archive.history.days()) {
      const [catalog] = await this.archive.history.catalogs(place, [hostId]);
      const [one, two] = catalog?.entries ?? [];
      if (catalog === undefined || one === undefined || two === undefined) continue;
      const rows = await this.rows(`segments_${place}`);
      const [first, second] = [one, two].map(({ id }) => rows.find(({ _id }) => _id === id) as Row) as [Row, Row];
      const undone = [
        await this.#replace(`segments_${place}`, first, { ...second, _id: first._id }),
        await this.#replace(`segments_${place}`, second, { ...first, _id: second._id }),
      ];
      if (isThorough) {
        const hashed = (entry: CatalogEntry, like: CatalogEntry): CatalogEntry => ({
          ...entry,
          sha256: like.sha256,
          bytes: like.bytes,
        });
        const entries = catalog.entries.map((each) =>
          each === one ? hashed(one, two) : each === two ? hashed(two, one) : each,
        );
        undone.unshift(await this.#putCatalog(catalog, entries));
      }
      return { what: `${one.id} and ${two.id}`, undo: () => undoAll(undone) };
    }
    return undefined;
  }

  /** A catalog with other entries. */
  async #putCatalog({ hostId, place }: Catalog, entries: CatalogEntry[]): Promise<Undo> {
    const name = `catalog_${place}`;
    const rows = (await this.rows(name)).filter(({ _id }) => _id.startsWith(hostId));
    const removed = await this.#remove(name, rows);
    await this.archive.history.replaceCatalog({ hostId, place, version: 1, entries });
    return async () => {
      await this.#remove(
        name,
        (await this.rows(name)).filter(({ _id }) => _id.startsWith(hostId)),
      );
      await removed();
    };
  }

  /** Makes a segment anew without some of its blocks, as one who has all of our code does: everything fits but what is missing. */
  async removeFromHistory(hostId: string, isGone: (block: { epoch: bigint; first: bigint }) => boolean): Promise<Deed> {
    const undone: Undo[] = [];
    let count = 0;
    for (const place of await this.archive.history.days()) {
      const [catalog] = await this.archive.history.catalogs(place, [hostId]);
      if (catalog === undefined) continue;
      const entries: CatalogEntry[] = [];
      for (const entry of catalog.entries) {
        const made = await this.#without(place, entry, isGone);
        count += made === undefined ? 0 : entry.blocks - made.reduce((sum, each) => sum + each.blocks, 0);
        entries.push(...(made ?? [entry]));
      }
      if (entries.some((entry) => !catalog.entries.includes(entry)) || entries.length !== catalog.entries.length)
        undone.push(await this.#putCatalog(catalog, entries));
    }
    return { what: `${count} blocks of history`, undo: () => undoAll(undone) };
  }

  /** Changes an event of a block in history, as one does who has all of our code: only the signature does not fit. */
  async changeHistory(hostId: string, isIt: (block: { epoch: bigint; first: bigint }) => boolean): Promise<Deed> {
    for (const place of await this.archive.history.days()) {
      const [catalog] = await this.archive.history.catalogs(place, [hostId]);
      for (const entry of catalog?.entries ?? []) {
        const bytes = await this.archive.history.payload(place, entry.id);
        const made = changed(new SegmentReader(bytes ?? new Uint8Array(0), nodePrimitives), entry, isIt);
        if (catalog === undefined || made === undefined) continue;
        const id = `${entry.id}c`;
        await compactArchive(this.archive).addPayloads(place, [{ ...made, id }]);
        const entries = catalog.entries.map((each) => (each === entry ? { ...made.entry, id } : each));
        return { what: entry.id, undo: await this.#putCatalog(catalog, entries) };
      }
    }
    throw new Error("there is no such block in history");
  }

  async #without(
    place: Place,
    entry: CatalogEntry,
    isGone: (block: { epoch: bigint; first: bigint }) => boolean,
  ): Promise<CatalogEntry[] | undefined> {
    const bytes = await this.archive.history.payload(place, entry.id);
    const reader = new SegmentReader(bytes ?? new Uint8Array(0), nodePrimitives);
    const numbers = Array.from({ length: reader.count }, (_, at) => at);
    const isLeft = (at: number): boolean => !isGone({ epoch: entry.epoch, first: reader.block(at).firstSeq });
    if (numbers.every(isLeft)) return undefined;
    const blocks = numbers.filter(isLeft).map((at) => {
      const { receivedMs, signer, status } = reader.block(at);
      const { headerBytes: header, signature, columns } = reader.rebuild(at);
      const block = { header, signature, payload: nodePrimitives.compress(columns), codec: Codec.ZSTD };
      return { receivedMs, signer, status, bytes: Block.encode(block).finish() };
    });
    const made = compact({ hostId: reader.hostId, epoch: entry.epoch, blocks, segments: [] });
    const named = made.map((each, at) => ({ ...each, id: `${entry.id}${at}${randomInt(1_000_000)}` }));
    await compactArchive(this.archive).addPayloads(place, named);
    return named.map((each) => ({ ...each.entry, id: each.id }));
  }

  /** Takes blocks away wherever they are, and has the host's document say that there were no more. */
  async cutTail(hostId: string, epoch: bigint, from: { first: bigint; hash: string }): Promise<Deed> {
    const isGone = (block: { epoch: bigint; first: bigint }): boolean =>
      block.epoch === epoch && block.first >= from.first;
    const history = await this.removeFromHistory(hostId, isGone);
    const arrivals = (await this.#arrivals(hostId)).filter((row) => {
      const { header } = parseBlock(bytesOf(row["block"]));
      return isGone({ epoch: header.epoch, first: header.firstSeq });
    });
    const removed = await this.#remove("arrivals", arrivals);
    const document = await this.#changeTrail(hostId, (trail) =>
      trail.flatMap((each) => {
        if (each["epoch"] !== epoch.toString(16).padStart(16, "0")) return [each];
        const next = from.first.toString(16).padStart(16, "0");
        const ranges = each["ranges"].map((range: Document) => ({ ...range, next, last: from.hash }));
        return from.first === 0n ? [] : [{ ...each, ranges }];
      }),
    );
    return {
      what: `${arrivals.length} arrivals, ${history.what}`,
      undo: () => undoAll([history.undo, removed, document]),
    };
  }

  async #changeTrail(hostId: string, change: (trail: Document[]) => Document[]): Promise<Undo> {
    const row = (await this.rows("hosts")).find(({ _id }) => _id === hostId) as Row;
    return await this.#replace("hosts", row, { ...row, trail: change(row["trail"]) });
  }

  /** All that was kept of a day, and the word of the host's document. */
  async dropDay(hostId: string, place: Place): Promise<Deed> {
    const undone: Undo[] = [];
    for (const kind of ["catalog", "segments", "sieves"])
      undone.push(await this.#remove(`${kind}_${place}`, await this.rows(`${kind}_${place}`)));
    undone.push(
      await this.#remove(
        "arrivals",
        (await this.rows("arrivals")).filter((row) => row["place"] === place),
      ),
    );
    undone.push(await this.#changeTrail(hostId, () => []));
    return { what: place, undo: () => undoAll(undone) };
  }
}

function changed(
  reader: SegmentReader,
  { epoch }: CatalogEntry,
  isIt: (block: { epoch: bigint; first: bigint }) => boolean,
): ReturnType<typeof compact>[number] | undefined {
  const numbers = Array.from({ length: reader.count }, (_, at) => at);
  if (!numbers.some((at) => isIt({ epoch, first: reader.block(at).firstSeq }))) return undefined;
  const blocks = numbers.map((at) => {
    const { receivedMs, signer, status, firstSeq, firstEvent, count } = reader.block(at);
    const { header, headerBytes, signature, columns } = reader.rebuild(at);
    const sealed = { header: headerBytes, signature, payload: nodePrimitives.compress(columns), codec: Codec.ZSTD };
    if (!isIt({ epoch, first: firstSeq })) return { receivedMs, signer, status, bytes: Block.encode(sealed).finish() };
    const events = Array.from({ length: count }, (_, index) => {
      const event = reader.events.event(firstEvent + index);
      return index > 0 ? event : { ...event, event: event.event && { ...event.event, outcome: "changed" } };
    });
    const { bytes } = sealBlock(events, header, nodePrimitives, () => signature);
    return { receivedMs, signer, status, bytes };
  });
  return compact({ hostId: reader.hostId, epoch, blocks, segments: [] })[0];
}

async function undoAll(undone: readonly Undo[]): Promise<void> {
  for (const undo of undone) await undo();
}

export function anyOf<Item>(items: readonly Item[]): Item {
  return items[randomInt(items.length)] as Item;
}

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Binary ? value.buffer.subarray(0, value.position) : new Uint8Array(0);
}

function longOf(value: unknown): Long {
  return Long.isLong(value) ? value : Long.fromNumber(Number(value));
}

function structuredCloneOf(row: Row): Row {
  return { ...row };
}

export function flipped(bytes: Uint8Array): Uint8Array {
  const after = Uint8Array.from(bytes);
  const at = randomInt(after.length);
  after[at] = (after[at] ?? 0) ^ (1 << randomInt(8));
  return after;
}

/** Another block: compression has bits that mean nothing, and nobody signs how columns are compressed. */
function altered(bytes: Uint8Array): Uint8Array {
  const before = contentOf(bytes);
  for (;;) {
    const after = flipped(bytes);
    if (contentOf(after) !== before) return after;
  }
}

function contentOf(bytes: Uint8Array): string {
  try {
    const parsed = parseBlock(bytes);
    const parts = [parsed.block.header, parsed.block.signature, columnsOf(parsed, nodePrimitives)];
    return parts.map((part) => Buffer.from(part).toString("base64")).join(" ");
  } catch {
    return "";
  }
}

function flippedHex(text: string): string {
  const at = randomInt(text.length);
  const digit = (Number.parseInt(text[at] ?? "0", 16) ^ (1 << randomInt(4))).toString(16);
  return text.slice(0, at) + digit + text.slice(at + 1);
}

/** Another character of the same text. */
function flippedText(text: string): string {
  for (;;) {
    const [at, from] = [randomInt(text.length), randomInt(text.length)];
    if (text[at] !== text[from]) return text.slice(0, at) + text[from] + text.slice(at + 1);
  }
}
