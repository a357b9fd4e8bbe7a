/** What a failure of the database means: it is away, or it will never take this document, or nobody knows. */
import {
  MongoBulkWriteError,
  MongoError,
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
  MongoWriteConcernError,
} from "mongodb";
import { PermanentError, RetryableError } from "../model/index.ts";

export const DUPLICATE_KEY = 11_000;

/**
 * Codes of a server that cannot work now, whatever it is asked: it is starting, stepping down, shutting down, overloaded, its disk is full, or our
 * login is not known (yet). Source: src/mongo/base/error_codes.yml of MongoDB.
 */
const AWAY: ReadonlySet<number> = new Set([
  6, 7, 13, 18, 24, 46, 50, 64, 89, 91, 100, 107, 112, 189, 202, 262, 317, 358, 365, 9001, 10107, 11600, 11602, 13388,
  13435, 13436, 14031,
]);
/** Codes of a document that is refused for what it is: bad value, types, size, validation, an index key that is too long. */
const REFUSED: ReadonlySet<number> = new Set([2, 14, 17, 22, 121, 146, 10_334, 17_280, 17_419, 17_420]);
const RETRY_DELAY_MS = 1000;

/** A RetryableError, a PermanentError, or the error itself. */
export function classify(error: unknown): Error {
  if (isAway(error)) {
    return new RetryableError(`the database is away: ${textOf(error)}`, RETRY_DELAY_MS, { cause: error });
  }
  if (isRefused(error)) return new PermanentError(`the database refuses it: ${textOf(error)}`, { cause: error });
  return error instanceof Error ? error : new Error(String(error));
}

/** The same for one write of several. */
export function classifyWrite(code: number, message: string): Error {
  const error = new MongoServerError({ message, code });
  return classify(error);
}

function isAway(error: unknown): boolean {
  if (
    error instanceof MongoNetworkError ||
    error instanceof MongoServerSelectionError ||
    error instanceof MongoNotConnectedError ||
    error instanceof MongoTopologyClosedError ||
    error instanceof MongoWriteConcernError
  )
    return true;
  if (error instanceof MongoBulkWriteError) {
    // A write concern that was not met says nothing of single documents: none is known to be durable.
    if (error.result.getWriteConcernError() !== undefined) return true;
    // The driver puts whatever broke a bulk write into this, a broken connection too, and then the server said nothing.
    if (error.code === undefined && [error.writeErrors].flat().length === 0) return true;
  }
  if (error instanceof MongoError && error.hasErrorLabel("RetryableWriteError")) return true;
  return error instanceof MongoServerError && AWAY.has(Number(error.code));
}

/** What the driver cannot even write down is refused as well: it throws a RangeError where its buffer ends. */
function isRefused(error: unknown): boolean {
  if (error instanceof RangeError || error instanceof MongoInvalidArgumentError) return true;
  if (error instanceof Error && error.name === "BSONError") return true;
  return error instanceof MongoServerError && REFUSED.has(Number(error.code));
}

function textOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 512);
}
