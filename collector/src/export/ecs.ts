/**
 * Events as documents of the Elastic Common Schema 9.4 (https://www.elastic.co/docs/reference/ecs). What the schema has no field for stands under
 * `audit`; only who logged in is `user.audit`, as in Elastic's own Auditbeat. A host whose administrator means harm can claim whatever it likes: a
 * value that is none of its field's type is left out, since a database that keeps such documents would refuse the whole one.
 */
import { isIP } from "node:net";
import { recordText } from "@hosttrail/lib/audit";
import { commandLineOf } from "@hosttrail/lib/predicate";
import type {
  Audit,
  Cloud,
  Container,
  Endpoint,
  Event,
  File,
  Host,
  Process,
  ProcessReference,
  User,
} from "@hosttrail/proto/event";
import { isoTime } from "./cells.ts";

const ECS_VERSION = "9.4.0";
const UNSET = 0xffff_ffff;
const PORT_MAX = 65_535;

type Document = { [name: string]: unknown };

export function ecsDocument(event: Event): Document {
  const { event: info, host, process, user, files, source, destination, container, cloud, audit } = event;
  const [file] = files;
  const timeNano = info?.timeUnixNano ?? 0n;
  return clean({
    "@timestamp": isoTime(timeNano),
    ecs: { version: ECS_VERSION },
    event: {
      id: event.id,
      kind: info?.kind,
      category: info?.category,
      type: info?.type,
      action: info?.action,
      outcome: info?.outcome,
      sequence: info === undefined ? undefined : numberOf(info.sequence),
      module: "hosttrail",
      dataset: "hosttrail.audit",
    },
    host: host && ofHost(host),
    labels: host && labelsOf(host),
    process: process && ofProcess(process),
    user: user && ofUser(user),
    group: user?.group && clean({ id: idOf(user.group.id), name: user.group.name }),
    file: file && ofFile(file),
    source: source && ofEndpoint(source),
    destination: destination && ofEndpoint(destination),
    container: container && ofContainer(container),
    cloud: cloud && ofCloud(cloud),
    related: related(event),
    audit: audit && ofAudit(event, audit),
  });
}

/** Leaves out what says nothing, as ECS has it. */
function clean(document: Document): Document {
  return Object.fromEntries(
    Object.entries(document).filter(
      ([, value]) =>
        value !== undefined &&
        value !== "" &&
        !(Array.isArray(value) && value.length === 0) &&
        !(typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0),
    ),
  );
}

function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes("%");
}

/** Undefined where JSON has no such number. */
function numberOf(value: bigint): number | undefined {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** By their keys, in which a dot would stand for an object within. */
function labelsOf({ labels }: Host): Document {
  return clean(Object.fromEntries(labels.map(({ key, value }) => [key.replaceAll(".", "_") || "_", value])));
}

function idOf(id: number): string | undefined {
  return id === UNSET ? undefined : String(id);
}

function ofHost({ id, name, bootId, architecture, osName, osVersion, kernel, ip }: Host): Document {
  return clean({
    id,
    name,
    hostname: name,
    boot: clean({ id: bootId }),
    architecture,
    ip: ip.filter(isAddress),
    os: clean({ type: "linux", name: osName, version: osVersion, kernel }),
  });
}

function ofProcess(process: Process): Document {
  const { entityId, pid, name, executable, args, argsCount, workingDirectory, title, startUnixNano, tty } = process;
  const { parent, sessionLeader, executableSha256 } = process;
  return clean({
    entity_id: entityId,
    pid,
    name,
    executable,
    args,
    args_count: argsCount === 0 ? undefined : argsCount,
    command_line: commandLineOf(process),
    working_directory: workingDirectory,
    title,
    start: startUnixNano === 0n ? undefined : isoTime(startUnixNano),
    tty: tty === "" ? undefined : { name: tty },
    hash: clean({ sha256: executableSha256 }),
    // The schema has no leader of a parent's session.
    parent: parent && ofProcess({ ...parent, parent: undefined, sessionLeader: undefined }),
    session_leader: sessionLeader && ofReference(sessionLeader),
  });
}

function ofReference({ entityId, pid, name, executable }: ProcessReference): Document {
  return clean({ entity_id: entityId, pid, name, executable });
}

function ofUser({ id, name, effectiveId, effectiveName, auditId, auditName, targetName }: User): Document {
  return clean({
    id: idOf(id),
    name,
    effective: clean({ id: idOf(effectiveId), name: effectiveName }),
    audit: clean({ id: idOf(auditId), name: auditName }),
    target: clean({ name: targetName }),
  });
}

function ofFile({ path, inode, device, mode, uid, owner, gid, group, hasAttributes, after }: File): Document {
  const slash = path.lastIndexOf("/");
  return clean({
    path,
    name: path.slice(slash + 1),
    directory: slash > 0 ? path.slice(0, slash) : undefined,
    ...(hasAttributes && {
      inode: String(inode),
      device,
      mode: (mode & 0o7777).toString(8).padStart(4, "0"),
      uid: idOf(uid),
      owner,
      gid: idOf(gid),
      group,
    }),
    size: after?.exists ? numberOf(after.size) : undefined,
    hash: clean({ sha256: after?.sha256 }),
  });
}

function ofEndpoint({ address, ip, port, domain }: Endpoint): Document {
  if (!isAddress(ip)) return clean({ address, domain });
  return clean({ address, ip, port: port > PORT_MAX ? undefined : port, domain });
}

function ofContainer({ id, runtime }: Container): Document {
  return clean({ id, runtime });
}

function ofCloud({ provider, accountId, region, availabilityZone, instanceId, machineType }: Cloud): Document {
  return clean({
    provider,
    account: clean({ id: accountId }),
    region,
    availability_zone: availabilityZone,
    instance: clean({ id: instanceId }),
    machine: clean({ type: machineType }),
  });
}

function related({ user, host, source, destination, process }: Event): Document {
  const of = (...values: (string | undefined)[]): string[] =>
    [...new Set(values.filter((value) => value !== undefined && value !== ""))] as string[];
  return clean({
    user: of(user?.name, user?.effectiveName, user?.auditName, user?.targetName),
    ip: of(source?.ip, destination?.ip).filter(isAddress),
    hosts: of(host?.name, source?.domain, destination?.domain),
    hash: of(process?.executableSha256),
  });
}

function ofAudit(event: Event, audit: Audit): Document {
  const { syscall, keys, serial, partial, redacted, records } = audit;
  const { process, container, targets } = event;
  const sessionId = process?.sessionId ?? UNSET;
  return clean({
    serial,
    key: keys,
    syscall: syscall?.name,
    arch: syscall?.archName,
    success: syscall?.success,
    exit: syscall === undefined ? undefined : String(syscall.exit),
    partial,
    redacted: redacted === 0 ? undefined : redacted,
    session_id: sessionId === UNSET ? undefined : sessionId,
    ancestry: process?.ancestry.map(({ entityId }) => entityId),
    systemd_unit: container?.systemdUnit,
    targets: targets.map(ofProcess),
    files: event.files.slice(1).map(({ path, nametype }) => clean({ path, nametype })),
    records: records.map(({ typeName }, index) => ({ type: typeName, text: recordText(event, index) })),
  });
}
