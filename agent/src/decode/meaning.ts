/** What an event means in ECS terms: event.category, event.type and event.action. */
import { recordTypeName, recordTypeNumber } from "@hosttrail/lib/audit";
import { type Decision, POLICY_MEANINGS } from "./policy.ts";
import { type Meaning, meaning } from "./terms.ts";

/** One meaning for several system calls or record types. */
function each(names: string, of: Meaning): [string, Meaning][] {
  return names.split(" ").map((name) => [name, of]);
}

const OPENED = meaning("opened-file", "file", "access");
const OPENED_TO_WRITE = meaning("opened-file", "file", "change");
const CREATED = meaning("opened-file", "file", "creation");

/** By system call. Actions are those of audit's own reports where they have one, so that both speak of the same. */
const CALLS: ReadonlyMap<string, Meaning> = new Map([
  ...each("execve execveat", meaning("executed", "process", "start")),
  ...each("fork vfork clone clone3", meaning("forked", "process", "start")),
  ...each("exit exit_group", meaning("exited", "process", "end")),
  ...each(
    "kill tkill tgkill pidfd_send_signal rt_sigqueueinfo rt_tgsigqueueinfo",
    meaning("killed-pid", "process", "end"),
  ),
  ...each(
    "ptrace process_vm_readv process_vm_writev pidfd_getfd process_madvise",
    meaning("traced", "process", "access"),
  ),
  ...each(
    "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups",
    meaning("changed-identity-of", "process", "change"),
  ),
  ...each(
    "setuid32 setgid32 setreuid32 setregid32 setresuid32 setresgid32 setgroups32",
    meaning("changed-identity-of", "process", "change"),
  ),
  ...each("capset", meaning("changed-capabilities-of", "process", "change")),
  ...each("setns unshare", meaning("changed-namespaces-of", "process", "change")),
  ...each("chroot pivot_root", meaning("changed-root-directory", "process", "change")),
  ...each(
    "prctl seccomp personality setrlimit prlimit64 setsid setpgid",
    meaning("changed-process-settings", "process", "change"),
  ),
  ...each(
    "sched_setscheduler sched_setparam sched_setattr setpriority",
    meaning("adjusted-scheduling-policy-of", "process", "change"),
  ),
  ...each("mmap mmap2 mprotect pkey_mprotect brk mremap", meaning("allocated-memory", "process", "info")),
  ...each("chdir fchdir", meaning("changed-working-directory-to", "process", "info")),

  ...each("open openat openat2 open_by_handle_at creat", OPENED),
  ...each("memfd_create memfd_secret", meaning("created-memory-file", "file", "creation")),
  ...each("read readv pread64 preadv preadv2", meaning("read-file", "file", "access")),
  ...each(
    "write writev pwrite64 pwritev pwritev2 truncate ftruncate truncate64 ftruncate64",
    meaning("wrote-to-file", "file", "change"),
  ),
  ...each("fallocate copy_file_range sendfile sendfile64", meaning("wrote-to-file", "file", "change")),
  ...each("unlink unlinkat rmdir", meaning("deleted", "file", "deletion")),
  ...each("rename renameat renameat2", meaning("renamed", "file", "change")),
  ...each("link linkat", meaning("hard-linked", "file", "creation")),
  ...each("symlink symlinkat", meaning("symlinked", "file", "creation")),
  ...each("mkdir mkdirat", meaning("created-directory", "file", "creation")),
  ...each("mknod mknodat", meaning("created-device", "file", "creation")),
  ...each("chmod fchmod fchmodat fchmodat2", meaning("changed-file-permissions-of", "file", "change")),
  ...each(
    "chown fchown lchown fchownat chown32 fchown32 lchown32",
    meaning("changed-file-ownership-of", "file", "change"),
  ),
  ...each("utime utimes utimensat futimesat utimensat_time64", meaning("changed-timestamp-of", "file", "change")),
  ...each(
    "setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat file_setattr",
    meaning("changed-file-attributes-of", "file", "change"),
  ),
  ...each(
    "stat lstat fstat stat64 lstat64 fstat64 newfstatat fstatat64 statx access faccessat faccessat2 readlink readlinkat",
    meaning("checked-metadata-of", "file", "info"),
  ),
  ...each(
    "getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr getdents getdents64 statfs fstatfs",
    meaning("checked-metadata-of", "file", "info"),
  ),

  ...each("socket socketpair", meaning("opened-socket", "network", "info")),
  ...each("connect", meaning("connected-to", "network", "connection", "start")),
  ...each("bind", meaning("bound-socket", "network", "start")),
  ...each("listen", meaning("listen-for-connections", "network", "start")),
  ...each("accept accept4", meaning("accepted-connection-from", "network", "connection", "start")),
  ...each("sendto sendmsg sendmmsg send", meaning("sent-to", "network", "connection")),
  ...each("recvfrom recvmsg recvmmsg recv", meaning("received-from", "network", "connection")),
  ...each("shutdown", meaning("closed-connection", "network", "connection", "end")),
  ...each("setsockopt", meaning("changed-socket-options", "network", "info")),

  ...each("init_module finit_module", meaning("loaded-kernel-module", "driver", "start")),
  ...each("delete_module", meaning("unloaded-kernel-module", "driver", "end")),
  ...each("bpf", meaning("used-bpf", "driver", "change")),
  ...each("perf_event_open", meaning("opened-performance-event", "driver", "info")),

  ...each("mount fsmount move_mount open_tree mount_setattr", meaning("mounted", "host", "change")),
  ...each("umount umount2", meaning("unmounted", "host", "change")),
  ...each("swapon swapoff", meaning("changed-swap", "host", "change")),
  ...each("sethostname setdomainname", meaning("changed-system-name", "host", "change")),
  ...each("reboot kexec_load kexec_file_load", meaning("rebooted-system", "host", "end")),
  ...each(
    "settimeofday stime adjtimex clock_settime clock_adjtime clock_settime64 clock_adjtime64",
    meaning("changed-system-time", "configuration", "change"),
  ),
  ...each("acct quotactl iopl ioperm", meaning("changed-system-settings", "configuration", "change")),
  ...each("add_key request_key keyctl", meaning("used-kernel-keyring", "iam", "info")),
]);

const ANOMALY = meaning("detected-anomaly", "intrusion_detection", "info");
const ACCESS_CHECKED = meaning("checked-access", "intrusion_detection", "info");
const CONFIGURED_AUDIT = meaning("changed-audit-configuration", "configuration", "change");

const IPSEC_ASSOCIATION_ADDED = meaning("added-ipsec-association", "configuration", "creation");
const IPSEC_ASSOCIATION_DELETED = meaning("deleted-ipsec-association", "configuration", "deletion");
const IPSEC_CHANGED = meaning("changed-ipsec-configuration", "configuration", "change");
const IPSEC_POLICY_ADDED = meaning("added-ipsec-policy", "configuration", "creation");
const IPSEC_POLICY_DELETED = meaning("deleted-ipsec-policy", "configuration", "deletion");

/** By record type, for events that no system call explains, and for those that say more than the call. */
const RECORDS: ReadonlyMap<string, Meaning> = new Map([
  ...each("LOGIN", meaning("changed-login-id-to", "authentication", "start")),
  ...each("USER_AUTH", meaning("authenticated", "authentication", "info")),
  ...each("USER_ACCT", meaning("was-authorized", "authentication", "info")),
  ...each("USER_LOGIN", meaning("logged-in", "authentication", "start")),
  ...each("USER_LOGOUT", meaning("logged-out", "authentication", "end")),
  ...each("USER_ERR", meaning("had-user-error", "authentication", "info")),
  ...each("CRED_ACQ", meaning("acquired-credentials", "authentication", "info")),
  ...each("CRED_DISP", meaning("disposed-credentials", "authentication", "info")),
  ...each("CRED_REFR", meaning("refreshed-credentials", "authentication", "info")),
  ...each("GRP_AUTH", meaning("authenticated-to-group", "authentication", "info")),
  ...each("USER_START", meaning("started-session", "session", "start")),
  ...each("USER_END", meaning("ended-session", "session", "end")),
  ...each("USER_CMD", meaning("ran-command", "process", "start")),
  ...each("USER_TTY TTY", meaning("typed", "process", "info")),
  ...each("USER_CHAUTHTOK", meaning("changed-password", "iam", "user", "change")),
  ...each("USER_MGMT CHUSER_ID ACCT_LOCK ACCT_UNLOCK", meaning("modified-user-account", "iam", "user", "change")),
  ...each("GRP_MGMT GRP_CHAUTHTOK CHGRP_ID", meaning("modified-group-account", "iam", "group", "change")),
  ...each("ADD_USER", meaning("added-user-account", "iam", "user", "creation")),
  ...each("DEL_USER", meaning("deleted-user-account", "iam", "user", "deletion")),
  ...each("ADD_GROUP", meaning("added-group-account-to", "iam", "group", "creation")),
  ...each("DEL_GROUP", meaning("deleted-group-account-from", "iam", "group", "deletion")),
  ...each("ROLE_ASSIGN ROLE_MODIFY", meaning("assigned-user-role", "iam", "user", "change")),
  ...each("ROLE_REMOVE", meaning("removed-user-role", "iam", "user", "change")),
  ...each("SERVICE_START", meaning("started-service", "process", "start")),
  ...each("SERVICE_STOP", meaning("stopped-service", "process", "end")),
  ...each("SYSTEM_BOOT", meaning("booted-system", "host", "start")),
  ...each("SYSTEM_SHUTDOWN", meaning("shutdown-system", "host", "end")),
  ...each("SYSTEM_RUNLEVEL", meaning("changed-to-runlevel", "host", "change")),
  ...each("SOFTWARE_UPDATE", meaning("installed-software", "package", "installation")),
  ...each("USYS_CONFIG", meaning("changed-configuration", "configuration", "change")),
  ...each("CONFIG_CHANGE FEATURE_CHANGE DAEMON_CONFIG DAEMON_RECONFIG", CONFIGURED_AUDIT),
  ...each("DAEMON_START DAEMON_RESUME", meaning("started-audit", "configuration", "info")),
  ...each("DAEMON_END DAEMON_ABORT", meaning("shutdown-audit", "configuration", "info")),
  ...each("DAEMON_ROTATE", meaning("rotated-audit-logs", "configuration", "info")),
  ...each("DAEMON_ACCEPT", meaning("remote-audit-connected", "configuration", "info")),
  ...each("DAEMON_CLOSE", meaning("remote-audit-disconnected", "configuration", "info")),
  ...each("DAEMON_ERR", meaning("had-audit-error", "configuration", "info")),
  ...each("EVENT_LISTENER", meaning("listened-to-audit-events", "configuration", "access")),
  ...each("ANOM_ABEND", meaning("crashed-program", "process", "end")),
  ...each("ANOM_PROMISCUOUS", meaning("changed-promiscuous-mode-on-device", "network", "info")),
  ...each("ANOM_LINK ANOM_CREAT", meaning("used-suspicious-link", "intrusion_detection", "denied")),
  ...each("ANOM_ROOT_TRANS ANOM_ADD_ACCT ANOM_DEL_ACCT ANOM_MOD_ACCT ANOM_EXEC ANOM_MK_EXEC ANOM_RBAC_FAIL", ANOMALY),
  ...each(
    "ANOM_LOGIN_FAILURES ANOM_LOGIN_TIME ANOM_LOGIN_SESSIONS ANOM_LOGIN_ACCT ANOM_LOGIN_LOCATION ANOM_LOGIN_SERVICE",
    ANOMALY,
  ),
  ...each("SECCOMP", meaning("violated-seccomp-policy", "process", "info")),
  ...each("MAC_CHECK DAC_CHECK", ACCESS_CHECKED),
  ...each("MAC_POLICY_LOAD USER_MAC_POLICY_LOAD", meaning("loaded-selinux-policy", "configuration", "change")),
  ...each("MAC_STATUS USER_MAC_STATUS", meaning("changed-selinux-enforcement", "configuration", "change")),
  ...each("MAC_CONFIG_CHANGE USER_MAC_CONFIG_CHANGE", meaning("changed-selinux-boolean", "configuration", "change")),
  ...each("MAC_IPSEC_ADDSA", IPSEC_ASSOCIATION_ADDED),
  ...each("MAC_IPSEC_DELSA", IPSEC_ASSOCIATION_DELETED),
  ...each("MAC_IPSEC_ADDSPD", IPSEC_POLICY_ADDED),
  ...each("MAC_IPSEC_DELSPD", IPSEC_POLICY_DELETED),
  ...each("MAC_IPSEC_EVENT", IPSEC_CHANGED),
  ...each("MAC_MAP_ADD", meaning("added-mac-network-domain-mapping-to", "configuration", "creation")),
  ...each("MAC_MAP_DEL", meaning("deleted-mac-network-domain-mapping-from", "configuration", "deletion")),
  ...each(
    "MAC_UNLBL_ALLOW MAC_UNLBL_STCADD MAC_UNLBL_STCDEL MAC_CIPSOV4_ADD MAC_CIPSOV4_DEL MAC_CALIPSO_ADD MAC_CALIPSO_DEL",
    meaning("changed-mac-configuration", "configuration", "change"),
  ),
  ...each("CRYPTO_KEY_USER", meaning("negotiated-crypto-key", "network", "info")),
  ...each("CRYPTO_SESSION", meaning("started-crypto-session", "network", "start")),
  ...each("CRYPTO_LOGIN", meaning("crypto-officer-logged-in", "authentication", "start")),
  ...each("CRYPTO_LOGOUT", meaning("crypto-officer-logged-out", "authentication", "end")),
  ...each("NETFILTER_CFG", meaning("loaded-firewall-rule-to", "configuration", "change")),
  ...each("NETFILTER_PKT", meaning("seen-packet", "network", "info")),
  ...each("BPF", meaning("changed-bpf-program", "driver", "change")),
  ...each("KERN_MODULE", meaning("loaded-kernel-module", "driver", "start")),
  ...each("FANOTIFY", meaning("accessed-policy-controlled-file", "file", "access")),
  ...each("TIME_INJOFFSET TIME_ADJNTPVAL", meaning("changed-system-time", "configuration", "change")),
  ...each(
    "INTEGRITY_DATA INTEGRITY_METADATA INTEGRITY_HASH INTEGRITY_PCR",
    meaning("failed-integrity-check", "file", "info"),
  ),
  ...each(
    "INTEGRITY_STATUS INTEGRITY_RULE INTEGRITY_POLICY_RULE INTEGRITY_EVM_XATTR",
    meaning("changed-integrity-policy", "configuration", "change"),
  ),
  ...each("DM_CTRL DM_EVENT", meaning("changed-device-mapping", "host", "change")),
]);

/** Record types that say more about their event than the system call that caused them. */
const DECISIVE: ReadonlySet<number | undefined> = new Set(
  "CONFIG_CHANGE FEATURE_CHANGE LOGIN MAC_UNLBL_ALLOW MAC_UNLBL_STCADD MAC_UNLBL_STCDEL MAC_CIPSOV4_ADD MAC_CIPSOV4_DEL MAC_CALIPSO_ADD MAC_CALIPSO_DEL MAC_MAP_ADD MAC_MAP_DEL MAC_IPSEC_ADDSA MAC_IPSEC_DELSA MAC_IPSEC_ADDSPD MAC_IPSEC_DELSPD MAC_IPSEC_EVENT NETFILTER_CFG BPF MAC_POLICY_LOAD MAC_STATUS MAC_CONFIG_CHANGE ANOM_PROMISCUOUS ANOM_LINK ANOM_CREAT SECCOMP EVENT_LISTENER TIME_INJOFFSET TIME_ADJNTPVAL INTEGRITY_DATA INTEGRITY_METADATA INTEGRITY_STATUS INTEGRITY_HASH INTEGRITY_PCR INTEGRITY_RULE DM_CTRL DM_EVENT TTY"
    .split(" ")
    .map(recordTypeNumber),
);

/** What decides an event's meaning. */
export interface Facts {
  /** Its records, in order. */
  records: readonly { type: number }[];
  /** The system call, or the operation that stands for one (socketcall, io_uring); "" for none. */
  call: string;
  /** Nametype of its object, "" without one. */
  nametype: string;
  /** True where a file was opened for writing. */
  writes: boolean | undefined;
  /** `op` of a CONFIG_CHANGE or MAC_IPSEC_EVENT, "" elsewhere. */
  operation: string;
  /** What a security module said about it. */
  decision: Decision | undefined;
}

/** What a CONFIG_CHANGE was, by its `op`. */
const AUDIT_CHANGES: ReadonlyMap<string, Meaning> = new Map([
  ["add_rule", meaning("added-audit-rule", "configuration", "creation")],
  ["remove_rule", meaning("deleted-audit-rule", "configuration", "deletion")],
]);

const IPSEC_PACKET_DROPPED = meaning("dropped-ipsec-packet", "network", "denied");
/** What a MAC_IPSEC_EVENT was, by its `op`. Source: net/xfrm/xfrm_user.c and xfrm_state.c. */
const IPSEC_CHANGES: ReadonlyMap<string, Meaning> = new Map([
  ["SAD-add", IPSEC_ASSOCIATION_ADDED],
  ["SAD-delete", IPSEC_ASSOCIATION_DELETED],
  ["SPD-add", IPSEC_POLICY_ADDED],
  ["SPD-delete", IPSEC_POLICY_DELETED],
  ...each("SA-replay-overflow SA-replayed-pkt SA-notfound SA-icv-failure", IPSEC_PACKET_DROPPED),
]);

/** What happened. The same object for the same meaning, so that a block finds its row at once. */
export function meaningOf({ records, call, nametype, writes, operation, decision }: Facts): Meaning {
  if (operation !== "") {
    const change = AUDIT_CHANGES.get(operation) ?? IPSEC_CHANGES.get(operation);
    if (change !== undefined) return change;
  }
  for (const { type } of records) if (DECISIVE.has(type)) return ofRecord(type);
  if (decision !== undefined && (decision.isDecisive || call === "")) return decision.meaning;
  const known = CALLS.get(call);
  if (known === OPENED) {
    if (nametype === "CREATE") return CREATED;
    return writes === true ? OPENED_TO_WRITE : OPENED;
  }
  if (known !== undefined) return known;
  if (call !== "") return remember(`call ${call}`, call);
  return ofRecord(records[0]?.type ?? 0);
}

function ofRecord(type: number): Meaning {
  const name = recordTypeName(type);
  return RECORDS.get(name) ?? generic(name);
}

// Bounded by the kernel's own lists of names, and by a number for types that have none.
const genericMeanings = new Map<string, Meaning>();
const GENERIC_MAX = 2048;

function generic(recordType: string): Meaning {
  return remember(recordType, recordType.toLowerCase().replaceAll("_", "-"));
}

function remember(key: string, action: string): Meaning {
  let known = genericMeanings.get(key);
  if (known === undefined) {
    known = { action, category: [], type: ["info"] };
    if (genericMeanings.size >= GENERIC_MAX) genericMeanings.clear();
    genericMeanings.set(key, known);
  }
  return known;
}

/** Every meaning that the tables name, for a test against the terms that ECS allows. */
export function allMeanings(): Meaning[] {
  return [
    ...CALLS.values(),
    ...RECORDS.values(),
    ...AUDIT_CHANGES.values(),
    ...IPSEC_CHANGES.values(),
    ...POLICY_MEANINGS,
    OPENED_TO_WRITE,
  ];
}
