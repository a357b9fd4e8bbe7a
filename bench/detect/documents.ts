/**
 * Events as documents for an engine of others, made without any of our own detection: raw records are taken apart here again, so that
 * what our engine reads from columns is held against what auditd's log says.
 */
import { recordText } from "@hosttrail/lib/audit";
import type { Event, File } from "@hosttrail/proto/event";

export type Document = Record<string, string | boolean | readonly string[]>;

/** A document, and of which kind of rules it is. */
export interface Routed {
  /** A category of Sigma's, or "auditd" for a record or all records of an event. */
  route: string;
  document: Document;
}

const PATHS_MAX = 4;
const UNSET = 0xffff_ffff;

/** All documents of an event. */
export function documentsOf(event: Event): Routed[] {
  return [...categoryDocuments(event), ...recordDocuments(event).map((document) => ({ route: "auditd", document }))];
}

/** Categories about files: which actions are of each, and which records name the file that it is about. */
const FILE_ROUTES: readonly { route: string; actions: string; types?: readonly string[]; nametypes: string }[] = [
  {
    route: "file_event",
    actions: "opened-file renamed hard-linked symlinked created-directory created-device wrote-to-file",
    types: ["creation", "change"],
    nametypes: "CREATE NORMAL",
  },
  { route: "file_access", actions: "opened-file read-file", nametypes: "NORMAL" },
  { route: "file_delete", actions: "deleted", nametypes: "DELETE" },
  { route: "file_rename", actions: "renamed", nametypes: "CREATE" },
];

function categoryDocuments(event: Event): Routed[] {
  const { event: info, process, user, files, destination, source } = event;
  if (info === undefined || info.outcome === "failure") return [];
  const actor = {
    "process.name": process?.name,
    "process.ancestry.executable": process?.ancestry.map(({ executable }) => executable),
    "user.id": user === undefined ? undefined : idOf(user.id),
    "user.effective.id": user === undefined ? undefined : idOf(user.effectiveId),
    "user.audit.id": user === undefined ? undefined : idOf(user.auditId),
    "event.action": info.action,
    "event.type": info.type,
    "container.id": event.container?.id,
    Image: process?.executable,
    ProcessId: process === undefined ? undefined : String(process.pid),
    ProcessGuid: process?.entityId,
    User: user?.name,
  };
  const CommandLine = process?.args.join(" ");
  const parent = process?.parent;
  if (info.action === "executed") {
    const document = clean({
      ...actor,
      CommandLine,
      CurrentDirectory: process?.workingDirectory,
      LogonId: user === undefined ? undefined : String(user.id),
      sha256: process?.executableSha256,
      ParentImage: parent?.executable,
      ParentCommandLine: parent?.args.join(" "),
      ParentProcessId: parent === undefined ? undefined : String(parent.pid),
      ParentProcessGuid: parent?.entityId,
    });
    return [{ route: "process_creation", document }];
  }
  const ofFiles = FILE_ROUTES.filter(
    ({ actions, types }) =>
      actions.split(" ").includes(info.action) &&
      (types === undefined || info.type.some((type) => types.includes(type))),
  );
  if (ofFiles.length > 0)
    return ofFiles.flatMap(({ route, nametypes }) => {
      const paths = files
        .filter(({ path, nametype }) => path !== "" && nametypes.split(" ").includes(nametype))
        .map(({ path }) => path);
      // What is done by a descriptor alone, as ftruncate, names no file, and is of the category all the same.
      return (paths.length === 0 ? [undefined] : paths).map((TargetFilename) => ({
        route,
        document: clean({ ...actor, CommandLine, ParentImage: parent?.executable, TargetFilename }),
      }));
    });
  if (info.action !== "connected-to" && info.action !== "accepted-connection-from") return [];
  const port = (ip: string | undefined, number: number | undefined): string | undefined =>
    ip === undefined || ip === "" ? undefined : String(number);
  const document = clean({
    ...actor,
    CommandLine,
    ParentImage: parent?.executable,
    DestinationIp: destination?.ip,
    DestinationPort: port(destination?.ip, destination?.port),
    SourceIp: source?.ip,
    SourcePort: port(source?.ip, source?.port),
    Initiated: String(info.action === "connected-to"),
  });
  return [{ route: "network_connection", document }];
}

/** Of who has none, the field is not there. */
function idOf(id: number): string | undefined {
  return id === UNSET ? undefined : String(id);
}

function clean(fields: Record<string, string | readonly string[] | undefined>): Document {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value.length > 0),
  ) as Document;
}

/** Values that the kernel writes in quotes or in hex. */
const ENCODED = /^(?:a\d+|comm|exe|name|cwd|proctitle|key|cmd|acct|path|dev_name)$/;

/** Each record by itself, and all of them together once for each file. */
function recordDocuments(event: Event): Document[] {
  const records = (event.audit?.records ?? []).map(({ typeName }, index) => ({
    type: typeName,
    fields: fieldsOf(typeName, recordText(event, index)),
  }));
  const documents: Document[] = [];
  const paths: Document[] = [];
  let whole: Document = {};
  let item = 0;
  for (const { type, fields } of records) {
    const enriched = { ...fields, ...(type === "SYSCALL" ? upperCase(event) : {}) };
    if (type === "PATH") {
      const variants = withPaths(
        enriched,
        event.files.find((file) => file.item === item),
      );
      item++;
      documents.push(...variants.map((variant) => ({ type, ...variant })));
      paths.push(...variants);
      continue;
    }
    documents.push({ type, ...enriched });
    // Registers have the names of arguments.
    const { a0: _a0, a1: _a1, a2: _a2, a3: _a3, ...rest } = enriched as Record<string, string>;
    whole = { ...whole, ...(type === "SYSCALL" ? rest : enriched) };
  }
  const together = paths.slice(0, PATHS_MAX * 2).map((path) => ({ ...whole, ...path }));
  const all = [...documents, ...(together.length === 0 ? [whole] : together)].flatMap(oneKeyEach);
  // Rules about records may also ask whose login it was.
  const { user } = event;
  return user === undefined
    ? all
    : all.map((document) => ({ ...document, ...clean({ "user.audit.id": idOf(user.auditId) }) }));
}

/** The name as it was written, and the path that it stands for. */
function withPaths(fields: Document, file: File | undefined): Document[] {
  if (file === undefined) return [fields];
  const owner = file.hasAttributes
    ? clean({ OUID: nameOr(file.uid, file.owner), OGID: nameOr(file.gid, file.group) })
    : {};
  const names = new Set([file.name, file.path].filter((name) => name !== ""));
  return names.size === 0 ? [{ ...fields, ...owner }] : Array.from(names, (name) => ({ ...fields, ...owner, name }));
}

function oneKeyEach(document: Document): Document[] {
  const { key } = document;
  return typeof key === "string" && key.includes("\u0001")
    ? key.split("\u0001").map((each) => ({ ...document, key: each }))
    : [document];
}

function nameOr(id: number | undefined, name: string | undefined): string | undefined {
  return id === UNSET ? "unset" : name;
}

function upperCase({ user, audit }: Event): Document {
  return clean({
    SYSCALL: audit?.syscall?.name,
    ARCH: audit?.syscall?.archName,
    AUID: nameOr(user?.auditId, user?.auditName),
    UID: nameOr(user?.id, user?.name),
    EUID: nameOr(user?.effectiveId, user?.effectiveName),
    GID: user?.group?.name,
  });
}

/** Words of a record; of a message of user space, its own words instead. */
function fieldsOf(type: string, text: string): Document {
  const fields: Record<string, string> = {};
  const message = /(?:^|\s)msg='([\s\S]*)'\s*$/.exec(text);
  const words = message === null ? text : `${text.slice(0, message.index)} ${message[1]}`;
  for (const [, key = "", quoted, plain = ""] of words.matchAll(/([\w-]+)=(?:"([^"]*)"|(\S*))/g)) {
    const value = quoted ?? (ENCODED.test(key) && !(type === "SYSCALL" && /^a\d$/.test(key)) ? unhex(plain) : plain);
    if (value !== "" && !(key === "key" && value === "(null)")) fields[key] = value;
  }
  if (fields["proctitle"] !== undefined) fields["proctitle"] = fields["proctitle"].replaceAll("\0", " ");
  return fields;
}

function unhex(text: string): string {
  return /^(?:[0-9A-F]{2})+$/.test(text) ? Buffer.from(text, "hex").toString("utf8") : text;
}
