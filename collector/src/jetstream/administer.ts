/** What `hosttrail-collector nats …` does: its own connection, for as long as it takes. */
import { jetstreamManager } from "@nats-io/jetstream";
import type { BlockStreamsOptions } from "./blockstreams.ts";
import { type ConnectOptions, openConnection } from "./connect.ts";
import { type Finding, Survey } from "./survey.ts";

/** Looks at the server, without waiting for one that is not there; throws where it cannot be reached. */
export async function surveyNats(options: ConnectOptions & BlockStreamsOptions): Promise<Finding[]> {
  return await withSurvey(options, (survey) => survey.look());
}

/** Makes streams and consumers as planned; what was done. */
export async function applyNats(options: ConnectOptions & BlockStreamsOptions): Promise<string[]> {
  return await withSurvey(options, (survey) => survey.apply());
}

/** What time it is for NATS, between two looks at our clock; milliseconds since 1970. Undefined where it has no stream yet, with which it tells. */
export async function readNatsClock(
  options: ConnectOptions,
): Promise<{ beforeMs: number; theirMs: number; afterMs: number } | undefined> {
  const connection = await openConnection(options, false);
  try {
    const manager = await jetstreamManager(connection);
    const [name] = await manager.streams.names().next();
    if (name === undefined) return undefined;
    const beforeMs = Date.now();
    const { ts } = await manager.streams.info(name);
    return ts === undefined ? undefined : { beforeMs, theirMs: Date.parse(ts), afterMs: Date.now() };
  } finally {
    await connection.close();
  }
}

async function withSurvey<Answer>(
  options: ConnectOptions & BlockStreamsOptions,
  ask: (survey: Survey) => Promise<Answer>,
): Promise<Answer> {
  const connection = await openConnection(options, false);
  try {
    return await ask(new Survey(connection, options));
  } finally {
    await connection.close();
  }
}
