/** Errors as AIP-193 wants them: a status with a google.rpc.ErrorInfo in its details. */
import { Metadata, type ServiceError, type status as Status } from "@grpc/grpc-js";
import { BinaryWriter } from "@bufbuild/protobuf/wire";

const DOMAIN = "hosttrail";
const ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo";
const RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo";

/**
 * A gRPC error. `reason` is in UPPER_SNAKE_CASE and stays the same over versions; `metadata` says more for
 * programs; `retryDelayMs` tells that the same call may work later.
 */
export function serviceError(
  code: Status,
  reason: string,
  message: string,
  metadata: Readonly<Record<string, string>> = {},
  retryDelayMs?: number,
): ServiceError {
  const trailer = new Metadata();
  trailer.set("grpc-status-details-bin", Buffer.from(encodeStatus(code, reason, message, metadata, retryDelayMs)));
  return Object.assign(new Error(message), { code, details: message, metadata: trailer });
}

// google/rpc/status.proto and error_details.proto, the few fields that we fill.
function encodeStatus(
  code: number,
  reason: string,
  message: string,
  metadata: Readonly<Record<string, string>>,
  retryDelayMs: number | undefined,
): Uint8Array {
  const info = new BinaryWriter().uint32(10).string(reason).uint32(18).string(DOMAIN);
  for (const [key, value] of Object.entries(metadata)) {
    info.uint32(26).fork().uint32(10).string(key).uint32(18).string(value).join();
  }
  const result = new BinaryWriter().uint32(8).int32(code).uint32(18).string(message);
  const detail = (type: string, bytes: Uint8Array): void => {
    result.uint32(26).fork().uint32(10).string(type).uint32(18).bytes(bytes).join();
  };
  detail(ERROR_INFO, info.finish());
  if (retryDelayMs !== undefined) {
    const retry = new BinaryWriter().uint32(10).fork();
    retry.uint32(8).int64(Math.floor(retryDelayMs / 1000));
    retry
      .uint32(16)
      .int32((retryDelayMs % 1000) * 1_000_000)
      .join();
    detail(RETRY_INFO, retry.finish());
  }
  return result.finish();
}

/** A gRPC error that somebody made on purpose, or undefined. */
export function asServiceError(error: unknown): ServiceError | undefined {
  return error instanceof Error && "code" in error && "details" in error && "metadata" in error
    ? (error as ServiceError)
    : undefined;
}
