/** The reports that users of aureport know, by their names. */

/** A report: which events it is of, by what they are counted, and which columns its list has. */
export interface Report {
  name: string;
  about: string;
  filter: string;
  groupBy: readonly string[];
  columns: string;
}

function report(name: string, about: string, filter: string, groupBy: readonly string[], columns: string): Report {
  return { name, about, filter, groupBy, columns };
}

const AUTHENTICATIONS =
  "(audit.record_type = USER_AUTH OR audit.record_type = USER_ACCT OR audit.record_type = CRED_ACQ OR audit.record_type = USER_CHAUTHTOK)";
const LOGINS = "audit.record_type = USER_LOGIN";
const ANOMALIES = "audit.record_type : ANOM_";
const MAC_CHANGES = "(audit.record_type : MAC_ OR audit.record_type : APPARMOR)";

/** aureport(8) has the same names for the same. */
export const REPORTS: readonly Report[] = [
  report(
    "anomaly",
    "what the kernel and its tools call an anomaly",
    ANOMALIES,
    ["audit.record_type", "process.executable"],
    "time,host,user,process,action,object,audit.record_type,id",
  ),
  report(
    "auth",
    "tries to prove who one is",
    AUTHENTICATIONS,
    ["user.target.name", "event.outcome"],
    "time,host,user.target.name,source.address,audit.terminal,process.executable,outcome,id",
  ),
  report(
    "avc",
    "what security modules decided",
    "(audit.record_type = AVC OR audit.record_type = USER_AVC)",
    ["audit.requested", "process.executable"],
    "time,host,user,process,audit.requested,object,outcome,id",
  ),
  report(
    "command",
    "commands that were executed",
    "event.action = executed",
    ["process.name"],
    "time,host,user,process,object,outcome,id",
  ),
  report(
    "config",
    "changes of the audit configuration",
    "audit.record_type = CONFIG_CHANGE",
    ["audit.key", "audit.op"],
    "time,host,user,audit.op,audit.key,outcome,id",
  ),
  report(
    "crypto",
    "keys and sessions of cryptography",
    "audit.record_type : CRYPTO",
    ["audit.record_type"],
    "time,host,user,audit.record_type,audit.op,outcome,id",
  ),
  report("event", "all events", "", ["event.action"], "time,host,user,process,action,object,outcome,id"),
  report(
    "executable",
    "programs",
    "process.executable : *",
    ["process.executable"],
    "time,host,process.executable,user,action,object,outcome,id",
  ),
  report(
    "failed",
    "what did not succeed",
    "event.outcome = failure",
    ["event.action", "process.executable"],
    "time,host,user,process,action,object,audit.exit,id",
  ),
  report(
    "file",
    "files",
    "file.path : *",
    ["file.path"],
    "time,host,file.path,audit.syscall,outcome,process.executable,user,id",
  ),
  report("host", "hosts where events happened", "", ["host.name"], "time,host,action,object,outcome,id"),
  report(
    "integrity",
    "integrity of files, as the kernel measures it",
    "audit.record_type : INTEGRITY",
    ["audit.record_type"],
    "time,host,user,process,audit.record_type,object,outcome,id",
  ),
  report(
    "key",
    "keys of audit rules",
    "audit.key : *",
    ["audit.key"],
    "time,host,audit.key,user,process,action,object,outcome,id",
  ),
  report(
    "login",
    "logins",
    LOGINS,
    ["user.target.name", "source.address", "event.outcome"],
    "time,host,user.target.name,source.address,audit.terminal,process.executable,outcome,id",
  ),
  report(
    "mac",
    "changes of mandatory access control",
    MAC_CHANGES,
    ["audit.record_type"],
    "time,host,user,process,audit.record_type,object,outcome,id",
  ),
  report(
    "mods",
    "changes of accounts and groups",
    "event.category = iam",
    ["event.action", "user.target.name"],
    "time,host,user,action,user.target.name,process.executable,outcome,id",
  ),
  report(
    "pid",
    "processes",
    "process.pid : *",
    ["process.pid", "process.executable"],
    "time,host,process.pid,process.executable,audit.syscall,user,outcome,id",
  ),
  report(
    "remote",
    "other sides of logins and connections",
    "source.address : *",
    ["source.address"],
    "time,host,source.address,user,process,action,outcome,id",
  ),
  report(
    "syscall",
    "system calls",
    "audit.syscall : *",
    ["audit.syscall"],
    "time,host,audit.syscall,process,user,outcome,id",
  ),
  report(
    "terminal",
    "terminals",
    "process.tty : *",
    ["process.tty"],
    "time,host,process.tty,user,process,action,object,outcome,id",
  ),
  report(
    "tty",
    "what was typed",
    "(audit.record_type = TTY OR audit.record_type = USER_TTY)",
    ["user.audit.name", "process.name"],
    "time,host,user,process,audit.data,id",
  ),
  report(
    "user",
    "who did it",
    "user.id : *",
    ["user.id", "user.name"],
    "time,host,user,user.audit.name,process,action,object,outcome,id",
  ),
  report(
    "virt",
    "virtual machines and containers, as their managers tell",
    "audit.record_type : VIRT_",
    ["audit.record_type", "event.outcome"],
    "time,host,user,process,audit.record_type,audit.op,outcome,id",
  ),
];

/** A line of the report of all: how many events, or how many different values of a field. */
export interface SummaryLine {
  text: string;
  filter: string;
  distinct?: string;
}

/** What aureport says without options. */
export const SUMMARY: readonly SummaryLine[] = [
  { text: "changes of the audit configuration", filter: "audit.record_type = CONFIG_CHANGE" },
  { text: "changes of accounts and groups", filter: "event.category = iam" },
  { text: "logins", filter: `${LOGINS} AND event.outcome = success` },
  { text: "failed logins", filter: `${LOGINS} AND event.outcome = failure` },
  { text: "authentications", filter: `${AUTHENTICATIONS} AND event.outcome = success` },
  { text: "failed authentications", filter: `${AUTHENTICATIONS} AND event.outcome = failure` },
  { text: "users", filter: "user.id : *", distinct: "user.id" },
  { text: "terminals", filter: "process.tty : *", distinct: "process.tty" },
  { text: "hosts", filter: "", distinct: "host.id" },
  { text: "executables", filter: "process.executable : *", distinct: "process.executable" },
  { text: "commands", filter: "event.action = executed", distinct: "process.name" },
  { text: "files", filter: "file.path : *", distinct: "file.path" },
  { text: "decisions of security modules", filter: "(audit.record_type = AVC OR audit.record_type = USER_AVC)" },
  { text: "changes of mandatory access control", filter: MAC_CHANGES },
  { text: "failed system calls", filter: "audit.success = no" },
  { text: "anomalies", filter: ANOMALIES },
  { text: "keys", filter: "audit.key : *", distinct: "audit.key" },
  { text: "processes", filter: "process.entity_id : *", distinct: "process.entity_id" },
  { text: "events", filter: "" },
];

/** A report by its name; throws where there is none. */
export function reportNamed(name: string): Report {
  const found = REPORTS.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new Error(`"${name}" is no report; allowed are summary, ${REPORTS.map((each) => each.name).join(", ")}`);
}

/** The filter of a report, and what else was asked for. */
export function bothFilters(one: string, other: string): string {
  if (one === "" || other === "") return one || other;
  return `(${one}) AND (${other})`;
}
