/** What an event means in ECS terms: event.category, event.type and event.action. */

/** The part of an event's meaning that its system call or record type decides. */
export interface Meaning {
  action: string;
  category: string[];
  type: string[];
}

const meaning = (action: string, category: string, ...type: string[]): Meaning => ({
  action,
  category: [category],
  type,
});

const EXECUTED = meaning("executed", "process", "start");
const CONNECTED: Meaning = { action: "connected-to", category: ["network"], type: ["connection", "start"] };
const OPENED = meaning("opened-file", "file", "access");
const DELETED = meaning("deleted", "file", "deletion");
const RENAMED = meaning("renamed", "file", "change");
const CHANGED_MODE = meaning("changed-file-permissions-of", "file", "change");
const CHANGED_OWNER = meaning("changed-file-ownership-of", "file", "change");
const CHANGED_TIME = meaning("changed-timestamp-of", "file", "change");
const CHANGED_ATTRIBUTE = meaning("changed-file-attributes-of", "file", "change");
const LINKED = meaning("linked", "file", "creation");
const LOADED_MODULE = meaning("loaded-kernel-module", "driver", "start");
const UNLOADED_MODULE = meaning("unloaded-kernel-module", "driver", "end");
const CHANGED_IDENTITY = meaning("changed-identity-of", "process", "change");
const CHANGED_TIME_OF_DAY = meaning("changed-system-time", "configuration", "change");

/** By system call; the file calls are refined by what their PATH records say. */
const SYSCALLS: Readonly<Record<string, Meaning>> = {
  execve: EXECUTED,
  execveat: EXECUTED,
  connect: CONNECTED,
  bind: meaning("bound-socket", "network", "start"),
  listen: meaning("listen-for-connections", "network", "start"),
  accept: meaning("accepted-connection-from", "network", "connection", "start"),
  accept4: meaning("accepted-connection-from", "network", "connection", "start"),
  sendto: meaning("sent-to", "network", "connection"),
  open: OPENED,
  openat: OPENED,
  openat2: OPENED,
  creat: meaning("opened-file", "file", "creation"),
  truncate: meaning("changed-file", "file", "change"),
  ftruncate: meaning("changed-file", "file", "change"),
  unlink: DELETED,
  unlinkat: DELETED,
  rmdir: DELETED,
  rename: RENAMED,
  renameat: RENAMED,
  renameat2: RENAMED,
  mkdir: meaning("created-directory", "file", "creation"),
  mkdirat: meaning("created-directory", "file", "creation"),
  mknod: meaning("created-device", "file", "creation"),
  mknodat: meaning("created-device", "file", "creation"),
  link: LINKED,
  linkat: LINKED,
  symlink: LINKED,
  symlinkat: LINKED,
  chmod: CHANGED_MODE,
  fchmod: CHANGED_MODE,
  fchmodat: CHANGED_MODE,
  fchmodat2: CHANGED_MODE,
  chown: CHANGED_OWNER,
  fchown: CHANGED_OWNER,
  lchown: CHANGED_OWNER,
  fchownat: CHANGED_OWNER,
  utime: CHANGED_TIME,
  utimes: CHANGED_TIME,
  utimensat: CHANGED_TIME,
  futimesat: CHANGED_TIME,
  setxattr: CHANGED_ATTRIBUTE,
  lsetxattr: CHANGED_ATTRIBUTE,
  fsetxattr: CHANGED_ATTRIBUTE,
  removexattr: CHANGED_ATTRIBUTE,
  lremovexattr: CHANGED_ATTRIBUTE,
  fremovexattr: CHANGED_ATTRIBUTE,
  init_module: LOADED_MODULE,
  finit_module: LOADED_MODULE,
  delete_module: UNLOADED_MODULE,
  setuid: CHANGED_IDENTITY,
  setgid: CHANGED_IDENTITY,
  setreuid: CHANGED_IDENTITY,
  setregid: CHANGED_IDENTITY,
  setresuid: CHANGED_IDENTITY,
  setresgid: CHANGED_IDENTITY,
  mount: meaning("mounted", "host", "change"),
  umount2: meaning("unmounted", "host", "change"),
  ptrace: meaning("traced", "process", "access"),
  kill: meaning("killed-pid", "process", "end"),
  settimeofday: CHANGED_TIME_OF_DAY,
  adjtimex: CHANGED_TIME_OF_DAY,
  clock_settime: CHANGED_TIME_OF_DAY,
  clock_adjtime: CHANGED_TIME_OF_DAY,
};

/** By record type, for events that no system call explains. Record type names as in lib/audit. */
const RECORDS: Readonly<Record<string, Meaning>> = {
  LOGIN: meaning("changed-login-id-to", "authentication", "start"),
  USER_AUTH: meaning("authenticated", "authentication", "info"),
  USER_ACCT: meaning("was-authorized", "authentication", "info"),
  USER_LOGIN: meaning("logged-in", "authentication", "start"),
  USER_LOGOUT: meaning("logged-out", "authentication", "end"),
  USER_START: meaning("started-session", "session", "start"),
  USER_END: meaning("ended-session", "session", "end"),
  USER_CMD: meaning("ran-command", "process", "start"),
  USER_CHAUTHTOK: meaning("changed-password", "iam", "user", "change"),
  USER_MGMT: meaning("changed-account", "iam", "user", "change"),
  USER_ERR: meaning("user-error", "authentication", "info"),
  USER_TTY: meaning("typed", "process", "info"),
  CRED_ACQ: meaning("acquired-credentials", "authentication", "info"),
  CRED_DISP: meaning("disposed-credentials", "authentication", "info"),
  CRED_REFR: meaning("refreshed-credentials", "authentication", "info"),
  ADD_USER: meaning("added-user-account", "iam", "user", "creation"),
  DEL_USER: meaning("deleted-user-account", "iam", "user", "deletion"),
  ADD_GROUP: meaning("added-group-account-to", "iam", "group", "creation"),
  DEL_GROUP: meaning("deleted-group-account-from", "iam", "group", "deletion"),
  SERVICE_START: meaning("started-service", "process", "start"),
  SERVICE_STOP: meaning("stopped-service", "process", "end"),
  SYSTEM_BOOT: meaning("booted-system", "host", "start"),
  SYSTEM_SHUTDOWN: meaning("shutdown-system", "host", "end"),
  CONFIG_CHANGE: meaning("changed-audit-configuration", "configuration", "change"),
  ANOM_ABEND: meaning("crashed-program", "process", "end"),
  SECCOMP: meaning("violated-seccomp-policy", "process", "info"),
  EVENT_LISTENER: meaning("listened-to-audit-events", "configuration", "access"),
};

/** Record types that say more about their event than the system call that caused them. */
const DECISIVE = new Set(["CONFIG_CHANGE", "LOGIN"]);

/** What happened, by the first record's type, the system call's name and the object's nametype. */
export function meaningOf(recordTypes: readonly string[], syscall: string, nametype: string): Meaning {
  const decisive = recordTypes.find((type) => DECISIVE.has(type));
  if (decisive !== undefined) return RECORDS[decisive] ?? generic(decisive);
  const known = SYSCALLS[syscall];
  if (known === OPENED && nametype === "CREATE") return CREATED;
  if (known !== undefined) return known;
  const first = recordTypes[0] ?? "";
  if (syscall !== "") return unknownSyscall(syscall);
  return RECORDS[first] ?? generic(first);
}

const CREATED = meaning("opened-file", "file", "creation");

// The same object for the same meaning, so that a block finds its row at once. Both are bounded by the
// kernel's own lists of names.
const genericMeanings = new Map<string, Meaning>();

function generic(recordType: string): Meaning {
  return remember(recordType, recordType.toLowerCase().replaceAll("_", "-"));
}

function unknownSyscall(syscall: string): Meaning {
  return remember(`syscall ${syscall}`, syscall);
}

function remember(key: string, action: string): Meaning {
  let known = genericMeanings.get(key);
  if (known === undefined) {
    known = { action, category: [], type: ["info"] };
    genericMeanings.set(key, known);
  }
  return known;
}
