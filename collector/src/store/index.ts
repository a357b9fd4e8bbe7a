/**
 * Takes blocks from the stream in batches, verifies and indexes them, writes them, and tells *stored*. A block whose
 * id is there already is stored; one that cannot be decoded goes to the dead letters with its reason.
 */
import {
  BlockError,
  checkPayloadHash,
  eventId,
  openBlock,
  type ParsedBlock,
  parseBlock,
  parseEventId,
} from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { termsOf } from "@hosttrail/lib/filter";
import type { Logger } from "@hosttrail/lib/log";
import { type BlockReference, StoredNotice } from "@hosttrail/proto/ingest";
import { metrics } from "../metrics/index.ts";
import type { BlockDocument, BlockMessage, HostDocument, TakenBlock } from "../model/index.ts";

/** What the step needs of the stream. */
export interface BlockFeed {
  consume(
    options: { batchMax: number; lingerMs: number; signal: AbortSignal },
    take: (blocks: TakenBlock[]) => Promise<void>,
    logger: Logger,
  ): Promise<void>;
  bury(block: BlockMessage, reason: string, detail: string): Promise<void>;
  tellStored(hostId: string, notice: Uint8Array): void;
  onAskStored(take: (hostId: string, notice: Uint8Array) => void): { close: () => void };
}

/** What the step needs of the database. */
export interface BlockArchive {
  insertBlocks(
    blocks: readonly BlockDocument[],
  ): Promise<{ stored: string[]; failed: { id: string; error: string }[] }>;
  noteHosts(hosts: readonly HostDocument[]): Promise<void>;
  storedIds(ids: readonly string[]): Promise<string[]>;
}

export interface StoreOptions {
  batchMax: number;
  lingerMs: number;
}

const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 30_000;

interface Prepared {
  taken: TakenBlock;
  document: BlockDocument;
  host: HostDocument;
}

export class Storer {
  readonly #feed: BlockFeed;
  readonly #archive: BlockArchive;
  readonly #logger: Logger;

  constructor(feed: BlockFeed, archive: BlockArchive, logger: Logger) {
    this.#feed = feed;
    this.#archive = archive;
    this.#logger = logger;
  }

  /** Works until the signal ends it; what was taken is settled first. */
  async run(options: StoreOptions, signal: AbortSignal): Promise<void> {
    const questions = this.#feed.onAskStored((hostId, notice) => void this.#confirm(hostId, notice));
    try {
      await this.#feed.consume({ ...options, signal }, (blocks) => this.#store(blocks), this.#logger);
    } finally {
      questions.close();
    }
  }

  async #store(blocks: readonly TakenBlock[]): Promise<void> {
    const done = metrics.storeBatchSeconds.startTimer();
    const prepared: Prepared[] = [];
    for (const taken of blocks) {
      const block = await this.#prepare(taken);
      if (block !== undefined) prepared.push(block);
    }
    if (prepared.length > 0) await this.#write(prepared);
    done();
  }

  async #prepare(taken: TakenBlock): Promise<Prepared | undefined> {
    try {
      return { taken, ...indexBlock(taken.message) };
    } catch (error) {
      // Also what we did not foresee: a block that is taken again and again would stop all others.
      const reason =
        error instanceof BlockError ? error : new BlockError("PAYLOAD_MALFORMED", "payload", String(error));
      await this.#bury(taken, reason);
      return undefined;
    }
  }

  async #bury(taken: TakenBlock, error: BlockError): Promise<void> {
    const { message } = taken;
    try {
      await this.#feed.bury(message, error.code, error.message);
    } catch (cause) {
      this.#logger.warn({ block: message.id, error: String(cause) }, "a dead letter could not be kept yet");
      taken.retry(RETRY_MIN_MS);
      return;
    }
    metrics.storeBlocks.inc({ result: "dead" });
    this.#logger.error({ block: message.id, code: error.code, place: error.place }, "a block went to the dead letters");
    taken.terminate(error.code);
    // It is kept, though not where queries look: the agent need not send it for ever.
    this.#tell([message.id]);
  }

  async #write(prepared: readonly Prepared[]): Promise<void> {
    let result: { stored: string[]; failed: { id: string; error: string }[] };
    try {
      result = await this.#archive.insertBlocks(prepared.map(({ document }) => document));
      const stored = new Set(result.stored);
      await this.#archive.noteHosts(latestHosts(prepared.filter(({ document }) => stored.has(document.id))));
    } catch (error) {
      this.#logger.warn({ blocks: prepared.length, error: String(error) }, "the database does not take blocks");
      metrics.storeBlocks.inc({ result: "retried" }, prepared.length);
      for (const { taken } of prepared) taken.retry(retryDelay(taken.deliveries));
      return;
    }
    const failed = new Map(result.failed.map(({ id, error }) => [id, error]));
    for (const { taken, document } of prepared) {
      const error = failed.get(document.id);
      if (error === undefined) {
        taken.ack();
        metrics.storeBlocks.inc({ result: "stored" });
        metrics.storeEvents.inc(document.count);
      } else {
        this.#logger.warn({ block: document.id, error }, "the database refuses a block");
        metrics.storeBlocks.inc({ result: "retried" });
        taken.retry(retryDelay(taken.deliveries));
      }
    }
    this.#tell(result.stored);
  }

  /** Tells *stored*, host by host. */
  #tell(ids: readonly string[]): void {
    const byHost = new Map<string, BlockReference[]>();
    for (const id of ids) {
      const parts = parseEventId(id);
      if (parts === undefined) continue;
      const list = byHost.get(parts.hostId) ?? [];
      list.push({ epoch: parts.epoch, firstSeq: parts.seq });
      byHost.set(parts.hostId, list);
    }
    for (const [hostId, references] of byHost) {
      this.#feed.tellStored(hostId, StoredNotice.encode({ blocks: references }).finish());
    }
  }

  async #confirm(hostId: string, notice: Uint8Array): Promise<void> {
    try {
      const { blocks } = StoredNotice.decode(notice);
      const ids = blocks.map(({ epoch, firstSeq }) => eventId(hostId, epoch, firstSeq));
      this.#tell(await this.#archive.storedIds(ids));
    } catch (error) {
      // The agent sends the block again after a while, which leads here again.
      this.#logger.warn({ host: hostId, error: String(error) }, "a question for stored blocks went unanswered");
    }
  }
}

function retryDelay(deliveries: number): number {
  return Math.min(RETRY_MIN_MS * 2 ** Math.min(deliveries - 1, 10), RETRY_MAX_MS);
}

/** Opens a block and notes what is inside. */
function indexBlock(message: BlockMessage): { document: BlockDocument; host: HostDocument } {
  const parsed = parseBlock(message.bytes);
  checkPayloadHash(parsed, nodePrimitives);
  const columns = openBlock(parsed, nodePrimitives);
  const actions = new Map<string, number>();
  for (const kind of columns.columns.kind) {
    const action = columns.kinds.row(kind, "events.kind")?.action ?? "";
    actions.set(action, (actions.get(action) ?? 0) + 1);
  }
  // Building every event shows that all of the block can be read, before anybody relies on it.
  const events = columns.events();
  const { terms, overflow } = termsOf(columns);
  const { header } = parsed;
  const facts = events.at(-1)?.host;
  return {
    document: {
      id: eventId(header.hostId, header.epoch, header.firstSeq),
      hostId: header.hostId,
      epoch: header.epoch,
      firstSeq: header.firstSeq,
      count: header.count,
      firstTimeNano: header.firstTimeUnixNano,
      lastTimeNano: header.lastTimeUnixNano,
      actions: Array.from(actions, ([action, count]) => ({ action, count })),
      terms,
      termsOverflow: overflow,
      chain: chainOf(parsed),
      signer: message.signer,
      agentVersion: header.agentVersion,
      bytes: message.bytes,
    },
    host: {
      hostId: header.hostId,
      name: facts?.name ?? message.hostName,
      bootId: header.bootId,
      agentVersion: header.agentVersion,
      kernel: facts?.kernel ?? "",
      osName: facts?.osName ?? "",
      osVersion: facts?.osVersion ?? "",
      architecture: facts?.architecture ?? "",
      firstEventNano: header.firstTimeUnixNano,
      lastEventNano: header.lastTimeUnixNano,
    },
  };
}

function chainOf({ block, header }: ParsedBlock): { hash: string; previous: string } {
  return {
    hash: Buffer.from(nodePrimitives.sha256(block.header)).toString("hex"),
    previous: Buffer.from(header.previousHeaderSha256).toString("hex"),
  };
}

/** One note a host, with the facts of its newest block and the range of all. */
function latestHosts(prepared: readonly Prepared[]): HostDocument[] {
  const hosts = new Map<string, HostDocument>();
  for (const { host } of prepared) {
    const known = hosts.get(host.hostId);
    if (known === undefined) {
      hosts.set(host.hostId, host);
      continue;
    }
    const newer = host.lastEventNano >= known.lastEventNano ? host : known;
    const older = newer === host ? known : host;
    const firstEventNano = newer.firstEventNano < older.firstEventNano ? newer.firstEventNano : older.firstEventNano;
    hosts.set(host.hostId, { ...newer, firstEventNano });
  }
  return [...hosts.values()];
}
