/** SYSCALL, and what stands for a system call elsewhere: socketcall's number, an io_uring operation. */
import {
  type Call,
  IPCCALL,
  nameSyscall,
  opensForWriting,
  RECORD,
  recordOf,
  type RecordWords,
  SOCKETCALL,
  URING_OPERATION,
  valueOf,
} from "@hosttrail/lib/audit";
import type { Syscall } from "@hosttrail/proto/event";
import { basesOf } from "./directories.ts";
import { hex32, hex64, i64, u32 } from "./values.ts";

const UNSET = 0xffffffff;

export function decodeSyscall(record: RecordWords): Syscall {
  return record.call === undefined ? decodeWords(record) : decodeCall(record.call);
}

function decodeCall({ arch, number, success, exit, arguments: values, items }: Call): Syscall {
  const { archName, name } = nameSyscall(arch, number);
  return { arch, number, name, success, exit, arguments: values, items, archName };
}

function decodeWords(record: RecordWords): Syscall {
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
export function effectiveCall(syscall: Syscall | undefined, words: readonly RecordWords[]): string {
  if (syscall === undefined) {
    const operation = recordOf(words, RECORD.URINGOP);
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

/** Calls whose number does not tell what is called: an argument does. */
const SEVERAL_IN_ONE = new Set(["socketcall", "ipc"]);

/** True where events that differ in these numbers alone mean the same: the decoder looks at them nowhere else. */
export function meansTheSame(syscall: Syscall, { exit, arguments: values }: Pick<Call, "exit" | "arguments">): boolean {
  const { name, archName, success, exit: before, arguments: valuesBefore } = syscall;
  if (values === valuesBefore && exit === before) return true;
  if (SEVERAL_IN_ONE.has(name) || (success !== "yes" && exit !== before)) return false;
  const isToWrite = opensForWriting(name, values, archName);
  if (isToWrite !== opensForWriting(name, valuesBefore, archName)) return false;
  return basesOf(name, syscall, values) === basesOf(name, syscall, valuesBefore);
}
