/** Messages between their wire form and proto3 JSON, by the descriptors of the protos. */
import { readFileSync } from "node:fs";
import {
  createFileRegistry,
  type DescMessage,
  type DescService,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** Finds services by their full names, as in the protos. */
export function readServices(): (name: string) => DescService | undefined {
  const bytes = readFileSync(new URL(import.meta.resolve("@hosttrail/proto/descriptors.binpb")));
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
  return (name) => registry.getService(name);
}

/**
 * The wire form of a message that came as JSON. Throws an Error that names the field where it is none of this kind: a key that is not there,
 * a value of another type, a number out of range.
 */
export function wireOf(message: DescMessage, json: unknown): Uint8Array {
  return toBinary(message, fromJson(message, json as JsonValue));
}

/** The same message as JSON: without what has its default, 64-bit numbers as texts, times in RFC 3339, bytes in base64. */
export function jsonOf(message: DescMessage, wire: Uint8Array): JsonValue {
  return toJson(message, fromBinary(message, wire));
}
