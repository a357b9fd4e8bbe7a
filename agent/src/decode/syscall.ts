/** SYSCALL, and what stands for a system call elsewhere: socketcall's number, an io_uring operation. */
import {
  IPCCALL,
  nameSyscall,
  RECORD,
  type RecordWords,
  SOCKETCALL,
  URING_OPERATION,
  valueOf,
} from "@hosttrail/lib/audit";
import type { Syscall } from "@hosttrail/proto/event";
import { hex32, hex64, i64, u32 } from "./values.ts";

const UNSET = 0xffffffff;

export function decodeSyscall(record: RecordWords): Syscall {
  const arch = hex32(valueOf(record, "arch"), 0);
  const number = u32(valueOf(record, "syscall"), UNSET);
  const { archName, name } = nameSyscall(arch, number);
  const success = valueOf(record, "success") ?? "";
  return {
    arch,
    number,
    name,
    success: success === "yes" || success === "no" ? success : "",
    exit: i64(valueOf(record, "exit")),
    arguments: [
      hex64(valueOf(record, "a0")),
      hex64(valueOf(record, "a1")),
      hex64(valueOf(record, "a2")),
      hex64(valueOf(record, "a3")),
    ],
    items: u32(valueOf(record, "items"), 0),
    archName,
  };
}

/** The call that was really made: i386 has one number for all socket calls, and io_uring makes calls without one. */
export function effectiveCall(syscall: Syscall | undefined, find: (type: number) => RecordWords | undefined): string {
  if (syscall === undefined) {
    const operation = find(RECORD.URINGOP);
    return operation === undefined ? "" : uringCall(u32(valueOf(operation, "uring_op"), UNSET));
  }
  const first = Number(BigInt.asUintN(32, syscall.arguments[0] ?? 0n));
  if (syscall.name === "socketcall") return SOCKETCALL.name(first) ?? syscall.name;
  if (syscall.name === "ipc") return IPCCALL.name(first & 0xffff) ?? syscall.name;
  return syscall.name;
}

/** io_uring operations that have another name than their system call. */
const URING_CALLS: Readonly<Record<string, string>> = {
  send: "sendto",
  recv: "recvfrom",
  fadvise: "fadvise64",
  epoll_wait: "epoll_wait",
};

function uringCall(operation: number): string {
  const name = URING_OPERATION.name(operation) ?? "";
  return URING_CALLS[name] ?? name;
}

export function isExec(syscall: Syscall | undefined): boolean {
  return syscall?.success === "yes" && (syscall.name === "execve" || syscall.name === "execveat");
}

const AT_FDCWD = 0xffffff9c;

/** Which arguments of a call are directories that its names are relative to: for the old name, for the new one. */
const DIRECTORIES: Readonly<Record<string, readonly [number, number]>> = {
  renameat: [0, 2],
  renameat2: [0, 2],
  linkat: [0, 2],
  symlinkat: [1, 1],
};

/**
 * Which relative names of the event do not resolve against its working directory, since the call had another
 * directory for them: those that were there before ("old"), those that are new.
 */
export function relativeElsewhere(call: string, syscall: Syscall | undefined): { old: boolean; new: boolean } {
  if (
    syscall === undefined ||
    (!/at2?$/.test(call) && !/^statx$|^fsconfig$/.test(call)) ||
    /[^f]stat$|^l?stat$/.test(call)
  ) {
    return { old: false, new: false };
  }
  const [oldAt, newAt] = DIRECTORIES[call] ?? [0, 0];
  const elsewhere = (at: number): boolean => Number(BigInt.asUintN(32, syscall.arguments[at] ?? 0n)) !== AT_FDCWD;
  return { old: elsewhere(oldAt), new: elsewhere(newAt) };
}
