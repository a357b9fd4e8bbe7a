/**
 * Where we and ausearch say different things on purpose, each with its reason. Everything else must be equal; the test
 * prints how often each was met.
 */

/** Arguments of system calls that one of both leaves as a number: no fact differs, one reader names more. */
export const ARGUMENTS_NAMED_BY_AUSEARCH: Readonly<Record<string, string>> = {
  "exit_group.a0": "EXIT_SUCCESS: a status is a number to us",
  "fcntl.a2": "depends on the command in a1",
  "prctl.a1": "depends on the option in a0",
  "socket.a2": "depends on the family in a0; ausearch names it by the internet's protocols for netlink, too",
  "kill.a1": "SIG0 is no signal",
  "clone.a2": "an address: the flags are in a0, and ausearch takes this one for flags as well",
};

export const FIELDS: Readonly<Record<string, string>> = {
  exit: "ausearch adds the error's text: ENOENT(No such file or directory)",
  key: "ausearch writes several keys as several fields",
  id: "ausearch looks the number up in its own host's accounts: unknown(1001)",
  "OBJ_PID.oses": "4294967295 as a signed number is unset as well",
  "PATH.cap_fp": "the kernel writes ? where it could not read the capabilities; ausearch says none",
  "PATH.cap_fi": "as cap_fp",
  proctitle: "ausearch writes blanks for the NULs between arguments",
  saddr: "another notation of family, address and port",
};

/** Actions: what ausearch calls an event, by our action. It knows fewer system calls. */
export const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  "checked-metadata-of": ["opened-file"],
  "wrote-to-file": ["opened-file"],
  "killed-pid": ["killed-list-of-pids"],
  "created-device": ["make-device", "made-character-device", "made-block-device"],
};

/** What ausearch says of a system call that it has no name for: that a rule matched. */
export const NO_ACTION = "triggered-audit-rule";

export const RESULTS: Readonly<Record<string, string>> = {
  op: "ausearch gives the bare op of some changes of audit's own settings as their action",
  EINPROGRESS: "a non-blocking connect that is under way has not failed",
  CONFIG_CHANGE: "ausearch gives no result for a change of rules",
};

export const PROGRAMS: Readonly<Record<string, string>> = {
  script:
    "ausearch names the script (comm) where an interpreter runs one; we name the interpreter and keep comm as process.name",
  message:
    "user space's word for its own program is a claim: we keep it in the record and do not call it process.executable",
  identity: "ausearch puts the system call's name there for a change of identity",
};
