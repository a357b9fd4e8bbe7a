/** Record types. */
import { RECORD_TYPE } from "./names/index.ts";

/** The record types that the code itself speaks of. Source: include/uapi/linux/audit.h. */
export const RECORD = {
  LOGIN: 1006,
  USER_CMD: 1123,
  SYSCALL: 1300,
  PATH: 1302,
  SOCKETCALL: 1304,
  CONFIG_CHANGE: 1305,
  SOCKADDR: 1306,
  CWD: 1307,
  EXECVE: 1309,
  OBJ_PID: 1318,
  EOE: 1320,
  BPRM_FCAPS: 1321,
  PROCTITLE: 1327,
  URINGOP: 1336,
  OPENAT2: 1337,
  AVC: 1400,
  MAC_IPSEC_EVENT: 1415,
} as const;

/** Name of a record type, `UNKNOWN[n]` as libaudit writes it where there is none. */
export function recordTypeName(type: number): string {
  return RECORD_TYPE.name(type) ?? `UNKNOWN[${type}]`;
}

/** Number of a record type by its name, or undefined. */
export function recordTypeNumber(name: string): number | undefined {
  const known = RECORD_TYPE.number(name);
  if (known !== undefined) return known;
  const match = /^UNKNOWN\[(\d{1,9})\]$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}
