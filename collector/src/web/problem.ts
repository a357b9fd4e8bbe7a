/** Errors of the API as HTTP and JSON have them: the status of their code, and their details by name. */
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { ProviderUnavailable, UnknownCaller } from "../access/index.ts";
import { asServiceError, serviceError } from "../serve/index.ts";

export interface Problem {
  /** Of HTTP. */
  status: number;
  /** As google.rpc.Status in JSON, but with the code's name. */
  body: { code: string; message: string; details: Readonly<Record<string, unknown>>[] };
}

/** As google/rpc/code.proto says; what is not here is 500. */
const HTTP: Readonly<Partial<Record<status, number>>> = {
  [status.INVALID_ARGUMENT]: 400,
  [status.FAILED_PRECONDITION]: 400,
  [status.OUT_OF_RANGE]: 400,
  [status.UNAUTHENTICATED]: 401,
  [status.PERMISSION_DENIED]: 403,
  [status.NOT_FOUND]: 404,
  [status.ALREADY_EXISTS]: 409,
  [status.ABORTED]: 409,
  [status.RESOURCE_EXHAUSTED]: 429,
  [status.CANCELLED]: 499,
  [status.UNIMPLEMENTED]: 501,
  [status.UNAVAILABLE]: 503,
  [status.DEADLINE_EXCEEDED]: 504,
};
const RETRY_MS = 1000;

/** What callers are told of an error: one that was made for them, or that we cannot answer now. */
export function problemOf(error: unknown): Problem {
  const { code, details: message, metadata } = errorOf(error);
  return {
    status: HTTP[code] ?? 500,
    body: { code: status[code] ?? "UNKNOWN", message, details: detailsOf(metadata) },
  };
}

/** True for what is no fault of the caller. */
export function isOurs(error: unknown): boolean {
  return asServiceError(error) === undefined && !(error instanceof UnknownCaller);
}

function errorOf(error: unknown): ServiceError {
  if (error instanceof UnknownCaller) return serviceError(status.UNAUTHENTICATED, "CALLER_UNKNOWN", error.message);
  if (error instanceof ProviderUnavailable)
    return serviceError(status.UNAVAILABLE, "IDENTITY_PROVIDER_UNAVAILABLE", error.message, {}, RETRY_MS);
  return (
    asServiceError(error) ??
    serviceError(status.UNAVAILABLE, "DATABASE_UNAVAILABLE", "the database did not answer", {}, RETRY_MS)
  );
}

const ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo";
const RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo";

/** Reads what serve/error.ts writes: a google.rpc.Status; any other detail is named by its type alone. */
function detailsOf(metadata: Metadata): Record<string, unknown>[] {
  const [bytes] = metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(bytes)) return [];
  const details: Record<string, unknown>[] = [];
  each(bytes, {
    3: (reader) => {
      let type = "";
      let value: Uint8Array = new Uint8Array(0);
      each(reader.bytes(), {
        1: (inner) => (type = inner.string()),
        2: (inner) => (value = inner.bytes()),
      });
      details.push({ "@type": type, ...fieldsOf(type, value) });
    },
  });
  return details;
}

function fieldsOf(type: string, bytes: Uint8Array): Record<string, unknown> {
  if (type === ERROR_INFO) {
    const metadata: [string, string][] = [];
    const info = { reason: "", domain: "" };
    each(bytes, {
      1: (reader) => (info.reason = reader.string()),
      2: (reader) => (info.domain = reader.string()),
      3: (reader) => {
        let [key, value] = ["", ""];
        each(reader.bytes(), {
          1: (inner) => (key = inner.string()),
          2: (inner) => (value = inner.string()),
        });
        metadata.push([key, value]);
      },
    });
    return { ...info, metadata: Object.fromEntries(metadata) };
  }
  if (type !== RETRY_INFO) return {};
  let [seconds, nanos] = [0, 0];
  each(bytes, {
    1: (reader) =>
      each(reader.bytes(), {
        1: (inner) => (seconds = Number(inner.int64())),
        2: (inner) => (nanos = inner.int32()),
      }),
  });
  return { retryDelay: `${seconds + nanos / 1_000_000_000}s` };
}

/** Calls what is there for a field's number, for each field of a message. */
function each(bytes: Uint8Array, fields: Readonly<Record<number, (reader: BinaryReader) => unknown>>): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const read = fields[number];
    if (read === undefined) reader.skip(type);
    else read(reader);
  }
}
