/** What the kernel's numbers are called; generated from its headers by tools/names/generate.ts. */
import * as generated from "./generated.ts";
import { Names } from "./names.ts";

export {
  ARCH,
  type ArchName,
  archName,
  archNames,
  nameSyscall,
  nativeArch,
  syscallNames,
  syscallNumber,
} from "./architecture.ts";
export type { Names } from "./names.ts";

export const ERRNO: Names = new Names(generated.ERRNO);
export const SIGNAL: Names = new Names(generated.SIGNAL);
/** In lower case and without prefix, as auditd writes them. */
export const CAPABILITY: Names = new Names(generated.CAPABILITY.toLowerCase(), "cap_");
export const ADDRESS_FAMILY: Names = new Names(generated.ADDRESS_FAMILY.toLowerCase(), "af_");
export const SOCKET_PROTOCOL: Names = new Names(generated.SOCKET_PROTOCOL.toLowerCase(), "ipproto_");
export const SOCKETCALL: Names = new Names(generated.SOCKETCALL.toLowerCase(), "sys_");
export const IPCCALL: Names = new Names(generated.IPCCALL.toLowerCase());
export const CLONE_FLAG: Names = new Names(generated.CLONE_FLAG);
export const MEMORY_PROTECTION: Names = new Names(generated.MEMORY_PROTECTION);
export const MAP_FLAG: Names = new Names(generated.MAP_FLAG);
export const MOUNT_FLAG: Names = new Names(generated.MOUNT_FLAG);
export const UMOUNT_FLAG: Names = new Names(generated.UMOUNT_FLAG);
export const PTRACE: Names = new Names(generated.PTRACE);
export const PRCTL: Names = new Names(generated.PRCTL);
export const FCNTL: Names = new Names(generated.FCNTL);
export const RLIMIT: Names = new Names(generated.RLIMIT);
export const SCHED_POLICY: Names = new Names(generated.SCHED_POLICY);
export const SECCOMP_ACTION: Names = new Names(generated.SECCOMP_ACTION.toLowerCase(), "seccomp_ret_");
export const BPF_COMMAND: Names = new Names(generated.BPF_COMMAND);
export const URING_OPERATION: Names = new Names(generated.URING_OPERATION.toLowerCase(), "ioring_op_");
export const NETFILTER_HOOK: Names = new Names(generated.NETFILTER_HOOK.toLowerCase(), "nf_inet_");
export const NETFILTER_FAMILY: Names = new Names(generated.NETFILTER_FAMILY.toLowerCase(), "nfproto_");
export const AT_FLAG: Names = new Names(generated.AT_FLAG);
export const RECORD_TYPE: Names = new Names(generated.RECORD_TYPE);

/** RESOLVE_* of include/uapi/linux/openat2.h. */
export const RESOLVE_FLAG: Names = new Names(
  "RESOLVE_NO_XDEV=1 RESOLVE_NO_MAGICLINKS=2 RESOLVE_NO_SYMLINKS=4 RESOLVE_BENEATH=8 RESOLVE_IN_ROOT=16 RESOLVE_CACHED=32",
);

const OPEN = new Names(generated.OPEN_FLAG);
const OPEN_ARM = new Names(generated.OPEN_FLAG_ARM);

/** Open flags, whose numbers differ on arm and aarch64. */
export function openFlags(archName: string): Names {
  return archName === "arm" || archName === "aarch64" ? OPEN_ARM : OPEN;
}
