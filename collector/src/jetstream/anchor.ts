/** The newest checkpoint of a log, in a stream that keeps one message of each: another place than the database, which may be set back. */
import { JetStreamApiError, type JetStreamClient, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { LogAnchor } from "../model/index.ts";
import { classify } from "./failure.ts";
import { LOG } from "./names.ts";

/** JetStream's err_code of a message that is not there, and of one that is not the last any more. */
const MESSAGE_NOT_FOUND = 10_037;
const WRONG_LAST_SEQUENCE = 10_071;

export class AnchorStream {
  readonly #connection: NatsConnection;
  readonly #client: JetStreamClient;

  constructor(connection: NatsConnection, client: JetStreamClient) {
    this.#connection = connection;
    this.#client = client;
  }

  /** Undefined where there is none. Throws a RetryableError where JetStream is away. */
  async read(logId: string): Promise<LogAnchor | undefined> {
    try {
      const manager = await jetstreamManager(this.#connection, { checkAPI: false });
      const message = await manager.streams.getMessage(LOG.stream, { last_by_subj: `${LOG.prefix}.${logId}` });
      return message === null ? undefined : { note: message.data, sequence: message.seq };
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === MESSAGE_NOT_FOUND) return undefined;
      throw classify(error, "checkpoint");
    }
  }

  /** Replaces the one with this sequence, 0 for none; false where another process was first. Throws as `read`. */
  async replace(logId: string, { note, sequence }: LogAnchor): Promise<boolean> {
    try {
      await this.#client.publish(`${LOG.prefix}.${logId}`, note, { expect: { lastSubjectSequence: sequence } });
      return true;
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE) return false;
      throw classify(error, "checkpoint");
    }
  }
}
