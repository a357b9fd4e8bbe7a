/** An audit event as a line of CEF. */
import { isIPv4, isIPv6 } from "node:net";
import { commandLineOf } from "@hosttrail/lib/predicate";
import type { Endpoint, Event, File, Process, User } from "@hosttrail/proto/event";
import { cefLine, type Pair } from "./line.ts";

/** Nobody has judged it: that is for rules, whose alerts say how bad they are. */
const SEVERITY = 1;
const UNSET = 0xffff_ffff;
/** What the format calls an Integer. */
const NUMBER_MAX = 2 ** 31 - 1;
const PORT_MAX = 65_535;
const NANOS_OF_MILLISECOND = 1_000_000n;

/**
 * At most `bytesMax` bytes, 8,192 where nothing is said, without an end of line. The event's id is `cs1`, whole, since the dictionary bounds
 * externalId by 40 characters: by it those who get an event twice tell that it is the same.
 */
export function cefEvent(event: Event, bytesMax?: number): string {
  const { event: info } = event;
  const action = info?.action ?? "";
  const head = { signature: action, name: action.replaceAll("-", " "), severity: SEVERITY };
  return cefLine(head, [...aboutEvent(event), ...aboutObjects(event), ...aboutDetails(event)], bytesMax);
}

/** What it is, where and by whom. */
function aboutEvent({ id, event: info, host, user, process }: Event): Pair[] {
  return [
    ["rt", String((info?.timeUnixNano ?? 0n) / NANOS_OF_MILLISECOND)],
    ["cs1", id, "eventId"],
    ["act", info?.action ?? ""],
    ["outcome", info?.outcome ?? ""],
    ["cat", (info?.category ?? []).join(",")],
    ["dvchost", host?.name ?? ""],
    ["deviceExternalId", host?.id ?? ""],
    ["dvc", host?.ip.find((address) => isIPv4(address)) ?? ""],
    ...(user === undefined ? [] : ofUser(user)),
    ...(process === undefined ? [] : ofProcess(process)),
  ];
}

function ofUser({ id, name, auditId, auditName, targetName }: User): Pair[] {
  return [
    ["suser", name],
    ["suid", numberOf(id)],
    // Who logged in: stays the same through su and sudo.
    ["cs2", auditName || numberOf(auditId), "loginUser"],
    ["duser", targetName],
  ];
}

function ofProcess(process: Process): Pair[] {
  return [
    ["sproc", process.executable || process.name],
    ["spid", within(process.pid, NUMBER_MAX)],
    ["cs3", commandLineOf(process), "commandLine"],
  ];
}

/** What it was done to. */
function aboutObjects({ files, source, destination, targets }: Event): Pair[] {
  const [file] = files;
  const [target] = targets;
  return [
    ...(file === undefined ? [] : ofFile(file)),
    ...(source === undefined ? [] : ofSource(source)),
    ...(destination === undefined ? [] : ofDestination(destination)),
    ["dproc", target === undefined ? "" : target.executable || target.name],
    ["dpid", within(target?.pid ?? 0, NUMBER_MAX)],
  ];
}

function ofFile({ path, mode, hasAttributes, after }: File): Pair[] {
  return [
    ["filePath", path],
    ["fname", path.slice(path.lastIndexOf("/") + 1)],
    ["filePermission", hasAttributes ? (mode & 0o7777).toString(8).padStart(4, "0") : ""],
    ["fileHash", after?.sha256 ?? ""],
    ["fsize", after?.exists === true && after.size <= BigInt(NUMBER_MAX) ? String(after.size) : ""],
  ];
}

/** Addresses of version 6 have no key of their own before version 1 of the format. */
function ofSource({ ip, port, domain }: Endpoint): Pair[] {
  return [
    ["src", isIPv4(ip) ? ip : ""],
    ["c6a2", isPlainIPv6(ip) ? ip : "", "Source IPv6 Address"],
    ["spt", within(port, PORT_MAX)],
    ["shost", domain],
  ];
}

function ofDestination({ ip, port, domain, path }: Endpoint): Pair[] {
  return [
    ["dst", isIPv4(ip) ? ip : ""],
    ["c6a3", isPlainIPv6(ip) ? ip : "", "Destination IPv6 Address"],
    ["dpt", within(port, PORT_MAX)],
    ["dhost", domain],
    // A socket of this machine.
    ["destinationServiceName", path],
  ];
}

/** What the kernel's audit has beside it, and what started the process. */
function aboutDetails({ audit, process }: Event): Pair[] {
  const session = process?.sessionId ?? UNSET;
  return [
    ["cs4", (audit?.keys ?? []).join(","), "auditKeys"],
    ["cs5", process?.parent?.executable ?? "", "parentProcess"],
    ["cs6", audit?.syscall?.name ?? "", "systemCall"],
    ["cn1", audit === undefined ? "" : String(audit.serial), "auditSerial"],
    ["cn2", audit?.syscall === undefined ? "" : String(audit.syscall.exit), "exit"],
    ["cn3", session === UNSET ? "" : String(session), "auditSession"],
  ];
}

/** Without the zone, which only the machine itself knows. */
function isPlainIPv6(ip: string): boolean {
  return isIPv6(ip) && !ip.includes("%");
}

/** Empty for none, and for what a host may claim and the format has no place for. */
function within(number: number, max: number): string {
  return number === 0 || number > max ? "" : String(number);
}

/** Empty for the number that stands for none. */
function numberOf(id: number): string {
  return id === UNSET ? "" : String(id);
}
