/** Why a call failed: for people, and for programs by google.rpc.ErrorInfo in the details of its status (AIP-193). */
import { BinaryReader } from "@bufbuild/protobuf/wire";
import type { ServiceError } from "@grpc/grpc-js";
import { connectionFailure } from "@hosttrail/lib/tls";

/** google.rpc.Status.details, Any.value, ErrorInfo.reason: field numbers of google/rpc/status.proto and error_details.proto. */
const FIELD = { details: 3, value: 2, reason: 1 } as const;
const ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo";

/** The reason in words; `certificate` is the host's own, PEM, which the collector may have refused. */
export function failureOf(error: Error & Partial<ServiceError>, certificate: string): string {
  const { details = "", message } = error;
  const failure = connectionFailure(details, certificate);
  return failure === details ? message : failure;
}

/** The reason in a google.rpc.Status (`grpc-status-details-bin`), or an empty text where there is none. */
export function reasonOf(status: Uint8Array): string {
  try {
    for (const any of fieldsOf(status, FIELD.details)) {
      const [type] = fieldsOf(any, 1);
      const [value] = fieldsOf(any, FIELD.value);
      if (type === undefined || value === undefined || Buffer.from(type).toString() !== ERROR_INFO) continue;
      const [reason] = fieldsOf(value, FIELD.reason);
      return reason === undefined ? "" : Buffer.from(reason).toString();
    }
  } catch {
    // What is in between may have made it up.
  }
  return "";
}

/** All values of a field that has a length. */
function fieldsOf(message: Uint8Array, field: number): Uint8Array[] {
  const reader = new BinaryReader(message);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === field) found.push(reader.bytes());
    else reader.skip(type);
  }
  return found;
}
