/**
 * Objects of the Open Cybersecurity Schema Framework 1.8.0 (https://schema.ocsf.io/1.8.0) that stand for parts of our events, shared by all who
 * write in its terms.
 */
import { isIP } from "node:net";
import type { Endpoint, File, Process, User } from "@hosttrail/proto/event";

export const OCSF_VERSION = "1.8.0";

export function deviceOf({ id, name }: { id: string; name: string }): Record<string, unknown> {
  // Its kind is not known.
  return { type_id: 0, uid: id, hostname: name };
}

export function processOf(process: Process, user: User | undefined): Record<string, unknown> {
  const started = Number(process.startUnixNano / 1_000_000n);
  const { entityId, pid, name, executable } = process;
  const command = process.args.join(" ");
  const account = userOf(user);
  return {
    pid,
    ...(entityId === "" ? {} : { uid: entityId }),
    ...(name === "" ? {} : { name }),
    ...(command === "" ? {} : { cmd_line: command }),
    ...(executable === "" ? {} : { file: fileOf({ path: executable, mode: 0 }) }),
    ...(started === 0 ? {} : { created_time: started }),
    ...(account === undefined ? {} : { user: account }),
    ...(process.parent === undefined ? {} : { parent_process: processOf(process.parent, undefined) }),
  };
}

const UNSET = 0xffff_ffff;
const PORT_MAX = 65_535;
/** S_IFMT, and type_id for each: pipe, character device, folder, block device, regular file, symbolic link, socket. */
const FORMAT_MASK = 0o170000;
const FILE_TYPES: ReadonlyMap<number, number> = new Map([
  [0o010000, 6],
  [0o020000, 3],
  [0o040000, 2],
  [0o060000, 4],
  [0o100000, 1],
  [0o120000, 7],
  [0o140000, 5],
]);

export function fileOf({ path, mode }: Pick<File, "path" | "mode">): Record<string, unknown> {
  return {
    type_id: FILE_TYPES.get(mode & FORMAT_MASK) ?? 0,
    path,
    name: path.slice(path.lastIndexOf("/") + 1) || path,
  };
}

/** Undefined where nothing is known of it. What a host claims to be an address or a port, and is none, is left out. */
export function endpointOf(endpoint: Endpoint | undefined): Record<string, unknown> | undefined {
  if (endpoint === undefined) return undefined;
  const { address, ip, port, domain } = endpoint;
  const isAddress = isIP(ip) !== 0 && !ip.includes("%");
  const known = {
    ...(isAddress ? { ip } : {}),
    ...(isAddress || address === "" ? {} : { name: address }),
    ...(port === 0 || port > PORT_MAX ? {} : { port }),
    ...(domain === "" ? {} : { hostname: domain }),
  };
  return Object.keys(known).length === 0 ? undefined : known;
}

/** A user by number, which the kernel writes as 4294967295 where there is none; undefined where there is no name either. */
export function userOf(user: User | undefined): Record<string, unknown> | undefined {
  if (user === undefined) return undefined;
  const { id, name } = user;
  const known = { ...(id === UNSET ? {} : { uid: String(id) }), ...(name === "" ? {} : { name }) };
  return Object.keys(known).length === 0 ? undefined : known;
}
