/**
 * Blocks that could not be stored, with the reason: `dead.<reason>.<host id>`. The newest 64 of each host and reason are kept, for 30 days; a
 * person may take one out.
 */
import { type JetStreamClient, type JetStreamManager, JetStreamApiError, type StoredMsg } from "@nats-io/jetstream";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { BlockError, parseBlock } from "@hosttrail/lib/block";
import type { BlockMessage, DeadLetter } from "../model/index.ts";
import { classify } from "./failure.ts";
import { BLOCK_ID_LENGTH } from "./gathering.ts";
import { HEADER, headerText } from "./headers.ts";
import { DEAD } from "./names.ts";

/** JetStream's err_codes of a message that is not there: where it is read, and where it is removed. */
const NOT_FOUND: readonly number[] = [10_037, 10_043];

/** What there is in all. */
export interface DeadState {
  /** When the stream was made, milliseconds since 1970: its places are counted from then on. */
  createdMs: number;
  /** Letters that were ever put there, and those that are there. */
  buried: number;
  kept: number;
}

export class DeadLetterStream {
  readonly #client: JetStreamClient;
  readonly #manager: () => Promise<JetStreamManager>;

  constructor(client: JetStreamClient, manager: () => Promise<JetStreamManager>) {
    this.#client = client;
    this.#manager = manager;
  }

  /** The same block for the same reason is one letter within two minutes. Errors are retryable. */
  async bury(block: BlockMessage, reason: string, detail: string, deliveries: number): Promise<void> {
    const head = headers();
    head.set(HEADER.host, headerText(block.hostName));
    head.set(HEADER.signer, block.signer);
    head.set(HEADER.reason, headerText(`${reason}: ${detail}`));
    head.set(HEADER.deliveries, String(deliveries));
    head.set(HEADER.events, String(eventsIn(block.bytes)));
    if (block.clockOffsetMs !== undefined) head.set(HEADER.clockOffset, String(block.clockOffsetMs));
    const msgID = `${block.id}-${block.headerSha256} ${reason}`;
    await this.#client.publish(`${DEAD.prefix}.${reason}.${block.hostId}`, block.bytes, { msgID, headers: head });
  }

  /** Behind a place, the oldest first; of one host and for one reason, or ("") of all. Errors are retryable. */
  async letters(about: { hostId: string; reason: string }, after: number, limit: number): Promise<DeadLetter[]> {
    const found: DeadLetter[] = [];
    const subject = `${DEAD.prefix}.${about.reason === "" ? "*" : about.reason}.${about.hostId === "" ? "*" : about.hostId}`;
    for (let next = after + 1; found.length < limit; ) {
      const stored = await this.#message({ seq: next, next_by_subj: subject });
      if (stored === undefined) break;
      found.push(letterOf(stored));
      next = stored.seq + 1;
    }
    return found;
  }

  async letter(sequence: number): Promise<DeadLetter | undefined> {
    const stored = await this.#message({ seq: sequence });
    return stored && letterOf(stored);
  }

  /** False where it was not there. */
  async remove(sequence: number): Promise<boolean> {
    try {
      return await (await this.#manager()).streams.deleteMessage(DEAD.stream, sequence, true);
    } catch (error) {
      if (isMissing(error)) return false;
      throw classify(error, "dead letter");
    }
  }

  async state(): Promise<DeadState> {
    try {
      const { created, state } = await (await this.#manager()).streams.info(DEAD.stream);
      return { createdMs: Date.parse(created), buried: state.last_seq, kept: state.messages };
    } catch (error) {
      throw classify(error, "dead letter");
    }
  }

  async #message(query: { seq: number } | { seq: number; next_by_subj: string }): Promise<StoredMsg | undefined> {
    try {
      // Not as a direct read, which may be behind.
      return (await (await this.#manager()).streams.getMessage(DEAD.stream, query)) ?? undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw classify(error, "dead letter");
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && NOT_FOUND.includes(error.code);
}

function letterOf({ seq, subject, time, data, header }: StoredMsg): DeadLetter {
  const [, code = "", hostId = ""] = subject.split(".");
  const messageId = header.get("Nats-Msg-Id");
  const [said = ""] = header.get(HEADER.reason).split(`${code}: `, 2).slice(1);
  const offset = numberIn(header, HEADER.clockOffset);
  return {
    sequence: seq,
    timeMs: time.getTime(),
    reason: code,
    detail: said,
    deliveries: numberIn(header, HEADER.deliveries) ?? 0,
    events: numberIn(header, HEADER.events) ?? eventsIn(data),
    block: {
      id: messageId.slice(0, BLOCK_ID_LENGTH),
      headerSha256: messageId.slice(BLOCK_ID_LENGTH + 1).split(" ", 1)[0] ?? "",
      hostId,
      hostName: header.get(HEADER.host),
      signer: header.get(HEADER.signer),
      ...(offset === undefined ? {} : { clockOffsetMs: offset }),
      bytes: data,
    },
  };
}

function numberIn(header: MsgHdrs, name: string): number | undefined {
  const value = Number.parseInt(header.get(name), 10);
  return Number.isNaN(value) ? undefined : value;
}

/** As its header says; 0 where that cannot be read. */
function eventsIn(bytes: Uint8Array): number {
  try {
    return parseBlock(bytes).header.count;
  } catch (error) {
    if (error instanceof BlockError) return 0;
    throw error;
  }
}
