/** Words between query processes: plain subjects, since nothing of them need be kept. */
import { createInbox, type NatsConnection, RequestError, type Subscription } from "@nats-io/transport-node";
import { RetryableError } from "../model/index.ts";
import { PEERS_SUBJECT } from "./names.ts";

/** What somebody answers with; undefined for nothing. */
type Answering = (message: Uint8Array) => Promise<Uint8Array | undefined>;

const RETRY_MS = 1000;

export class PeerSubjects {
  readonly #connection: NatsConnection;
  readonly #inbox: string;

  /** Subjects of answers begin with the prefix; with the client's own where it is empty. */
  constructor(connection: NatsConnection, inboxPrefix: string) {
    this.#connection = connection;
    this.#inbox = inboxPrefix === "" ? createInbox() : createInbox(inboxPrefix);
  }

  /** Bytes of a message that the server takes. */
  get messageBytesMax(): number {
    return this.#connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  }

  /** Asks all processes that listen; what they answer comes to onOffer. */
  call(message: Uint8Array): void {
    this.#connection.publish(PEERS_SUBJECT, message, { reply: this.#inbox });
  }

  onOffer(take: (message: Uint8Array) => void): { close(): void } {
    return closing(
      this.#connection.subscribe(this.#inbox, {
        callback: (error, message) => {
          if (error === null) take(message.data);
        },
      }),
    );
  }

  onCall(answer: Answering): { close(): void } {
    return this.#answer(PEERS_SUBJECT, answer);
  }

  /** Asks one process. Undefined where it is gone; throws a RetryableError where it does not answer in time. */
  async ask(processId: string, message: Uint8Array, timeMs: number): Promise<Uint8Array | undefined> {
    try {
      return (await this.#connection.request(`${PEERS_SUBJECT}.${processId}`, message, { timeout: timeMs })).data;
    } catch (cause) {
      if (cause instanceof RequestError && cause.isNoResponders()) return undefined;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new RetryableError(`query process ${processId} does not answer: ${reason}`, RETRY_MS, { cause });
    }
  }

  onAsk(processId: string, answer: Answering): { close(): void } {
    return this.#answer(`${PEERS_SUBJECT}.${processId}`, answer);
  }

  #answer(subject: string, answer: Answering): { close(): void } {
    const respond = async (data: Uint8Array, reply: string | undefined): Promise<void> => {
      const message = await answer(data);
      if (message !== undefined && reply !== undefined && !this.#connection.isClosed())
        this.#connection.publish(reply, message);
    };
    return closing(
      this.#connection.subscribe(subject, {
        callback: (error, { data, reply }) => {
          if (error === null) void respond(data, reply);
        },
      }),
    );
  }
}

function closing(subscription: Subscription): { close(): void } {
  return { close: () => subscription.unsubscribe() };
}
