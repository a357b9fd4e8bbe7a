/** What errors of the API carry besides their words. */
import type { ServiceError } from "@grpc/grpc-js";
import protobuf from "protobufjs";

const { Reader } = protobuf;

export interface ErrorInfo {
  reason: string;
  metadata: Readonly<Record<string, string>>;
}

/** Fields of a message by their numbers, as bytes. */
function fieldsOf(bytes: Uint8Array): [number, Uint8Array][] {
  const reader = Reader.create(bytes);
  const fields: [number, Uint8Array][] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if ((tag & 7) === 2) fields.push([tag >>> 3, reader.bytes()]);
    else reader.skipType(tag & 7);
  }
  return fields;
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("utf8");

/** google.rpc.ErrorInfo of a google.rpc.Status. Throws where there is none. */
export function errorInfoOf(error: ServiceError): ErrorInfo {
  const trailer = error.metadata.get("grpc-status-details-bin")[0];
  if (!Buffer.isBuffer(trailer)) throw new Error(`no details: ${error.message}`);
  for (const [number, detail] of fieldsOf(trailer)) {
    const any = new Map(number === 3 ? fieldsOf(detail) : []);
    if (!text(any.get(1)).endsWith("/google.rpc.ErrorInfo")) continue;
    const info = fieldsOf(any.get(2) ?? new Uint8Array(0));
    const metadata = info
      .filter(([field]) => field === 3)
      .map(([, entry]) => {
        const pair = new Map(fieldsOf(entry));
        return [text(pair.get(1)), text(pair.get(2))];
      });
    return { reason: text(info.find(([field]) => field === 1)?.[1]), metadata: Object.fromEntries(metadata) };
  }
  throw new Error(`no ErrorInfo: ${error.message}`);
}
