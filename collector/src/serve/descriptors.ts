/** What reflection tells of: of all our protos those that a server's services are made of. */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Fields of google.protobuf.FileDescriptorSet, FileDescriptorProto and ServiceDescriptorProto. */
const SET_FILE = 1;
const FILE = { name: 1, package: 2, dependency: 3, service: 6 } as const;
const SERVICE_NAME = 1;

interface ProtoFile {
  bytes: Uint8Array;
  name: string;
  imports: string[];
  /** Full names. */
  services: string[];
}

/**
 * The files of a serialized FileDescriptorSet that define the services, and those that they import, as such a set. Reflection holds on to some
 * 24 MiB for all of ours, and an ingest process serves one service of one file. Throws where a service is in no file.
 */
export function descriptorsOf(set: Uint8Array, services: readonly string[]): Uint8Array {
  const files = filesIn(set);
  const byName = new Map(files.map((file) => [file.name, file]));
  const wanted = new Set<string>();
  const want = (name: string): void => {
    if (wanted.has(name)) return;
    wanted.add(name);
    for (const imported of byName.get(name)?.imports ?? []) want(imported);
  };
  for (const service of services) {
    const file = files.find((each) => each.services.includes(service));
    if (file === undefined) throw new Error(`the service ${service} is in no file of the descriptors`);
    want(file.name);
  }
  const writer = new BinaryWriter();
  for (const { name, bytes } of files)
    if (wanted.has(name)) writer.tag(SET_FILE, WireType.LengthDelimited).bytes(bytes);
  return writer.finish();
}

function filesIn(set: Uint8Array): ProtoFile[] {
  const files: ProtoFile[] = [];
  for (const { field, bytes } of fieldsOf(set)) if (field === SET_FILE) files.push(fileOf(bytes));
  return files;
}

function fileOf(bytes: Uint8Array): ProtoFile {
  const names = new Map<number, string[]>();
  const services: string[] = [];
  for (const { field, bytes: content } of fieldsOf(bytes)) {
    if (field === FILE.service) {
      for (const part of fieldsOf(content)) if (part.field === SERVICE_NAME) services.push(textOf(part.bytes));
    } else if (field === FILE.name || field === FILE.package || field === FILE.dependency)
      names.set(field, [...(names.get(field) ?? []), textOf(content)]);
  }
  const [scope = ""] = names.get(FILE.package) ?? [];
  return {
    bytes,
    name: names.get(FILE.name)?.[0] ?? "",
    imports: names.get(FILE.dependency) ?? [],
    services: services.map((name) => (scope === "" ? name : `${scope}.${name}`)),
  };
}

/** The fields of a message that have a length: all that is looked at here. */
function* fieldsOf(message: Uint8Array): Generator<{ field: number; bytes: Uint8Array }> {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited) yield { field, bytes: reader.bytes() };
    else reader.skip(type, field);
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}
