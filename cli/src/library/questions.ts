/** Questions that people ask of audit data again and again, ready to ask. */

/** Something that is to be said when a question is asked. */
interface Parameter {
  name: string;
  /** What it is, for people; `*` may stand at its ends for anything. */
  what: string;
  example: string;
}

interface Asked {
  name: string;
  /** The question in words. */
  title: string;
  parameters?: readonly Parameter[];
  /** AIP-160; {name} stands for a parameter in quotes. */
  filter: string;
  /** How far back it looks where no time is given, as --last. */
  last: string;
}

/** Events by time; `order` says which come first. */
interface ReadySearch extends Asked {
  kind: "search";
  order: "newest" | "oldest";
  limit: number;
}

/** Counts by fields. */
interface ReadyCount extends Asked {
  kind: "count";
  by: readonly string[];
}

export type ReadyQuestion = ReadySearch | ReadyCount;

const USER: Parameter = { name: "user", what: "the name of the account that logged in", example: "alice" };
const PATH: Parameter = { name: "path", what: "an absolute path", example: "/etc/shadow" };
const ADDRESS: Parameter = {
  name: "address",
  what: "an address, or a network as 203.0.113.0/24",
  example: "203.0.113.5",
};
const PROGRAM: Parameter = { name: "program", what: "the path of an executable", example: "/usr/bin/nmap" };

/** Ways to change a file, or what its name leads to. */
const CHANGED = "(event.type : change OR event.type : creation OR event.type : deletion)";
const RAN = "event.action = executed";

function search(question: Omit<ReadySearch, "kind" | "order" | "limit"> & Partial<ReadySearch>): ReadySearch {
  return { kind: "search", order: "newest", limit: 100, ...question };
}

function count(question: Omit<ReadyCount, "kind">): ReadyCount {
  return { kind: "count", ...question };
}

export const QUESTIONS: readonly ReadyQuestion[] = [
  search({
    name: "changed-sudoers",
    title: "Who changed who may use sudo?",
    filter: `(file.path = /etc/sudoers OR file.path = /etc/sudoers.d/*) AND ${CHANGED} AND event.outcome = success`,
    last: "30d",
  }),
  search({
    name: "changed-file",
    title: "Who changed this file?",
    parameters: [PATH],
    filter: `file.path = {path} AND ${CHANGED} AND event.outcome = success`,
    last: "30d",
  }),
  search({
    name: "opened-file",
    title: "Who opened this file, or tried to?",
    parameters: [PATH],
    filter: "file.path = {path}",
    last: "7d",
  }),
  search({
    name: "did-login",
    title: "What did whoever logged in as this account run, also as others by su and sudo?",
    parameters: [USER],
    filter: `user.audit.name = {user} AND (${RAN} OR event.action = ran-command)`,
    last: "1d",
    order: "oldest",
    limit: 1000,
  }),
  search({
    name: "did-session",
    title: "What did this session of the kernel's audit do?",
    parameters: [{ name: "session", what: "the number of the session (ses)", example: "14" }],
    filter: "audit.SYSCALL.ses = {session}",
    last: "7d",
    order: "oldest",
    limit: 1000,
  }),
  search({
    name: "first-run",
    title: "When and where did this program run first?",
    parameters: [PROGRAM],
    filter: `${RAN} AND process.executable = {program}`,
    last: "365d",
    order: "oldest",
    limit: 1,
  }),
  count({
    name: "ran-program",
    title: "Which hosts and accounts ran this program?",
    parameters: [PROGRAM],
    filter: `${RAN} AND process.executable = {program}`,
    by: ["host.name", "user.name"],
    last: "30d",
  }),
  count({
    name: "talked-to",
    title: "Which hosts and programs talked to this address?",
    parameters: [ADDRESS],
    filter: "(destination.ip = {address} OR source.ip = {address}) AND event.category : network",
    by: ["host.name", "process.executable", "destination.port"],
    last: "30d",
  }),
  search({
    name: "root-from-tmp",
    title: "What ran as root out of folders in which everybody may write?",
    filter: `${RAN} AND user.effective.id = 0 AND (process.executable = /tmp/* OR process.executable = /var/tmp/* OR process.executable = /dev/shm/*)`,
    last: "30d",
  }),
  count({
    name: "failed-logins",
    title: "From where did logins fail, and as whom?",
    filter: "event.category : authentication AND event.outcome = failure",
    // PAM and the program that logs people in tell each by itself.
    by: ["host.name", "source.ip", "user.target.name", "event.action"],
    last: "1d",
  }),
  search({
    name: "logins",
    title: "Who logged in or began a session, and from where?",
    filter: "(event.action = logged-in OR event.action = started-session) AND event.outcome = success",
    last: "1d",
  }),
  search({
    name: "sudo-commands",
    title: "What did people run by sudo?",
    filter: "event.action = ran-command",
    last: "1d",
  }),
  search({
    name: "changed-accounts",
    title: "Which accounts and groups were made, changed or removed?",
    filter: "event.category : iam",
    last: "30d",
  }),
  search({
    name: "changed-ssh-keys",
    title: "Who changed which keys may log in?",
    filter: `(file.path = */authorized_keys OR file.path = */authorized_keys2) AND ${CHANGED} AND event.outcome = success`,
    last: "30d",
  }),
  search({
    name: "changed-cron",
    title: "Who changed what runs at set times?",
    filter: `(file.path = /etc/cron* OR file.path = /var/spool/cron/* OR file.path = /etc/systemd/system/*.timer) AND ${CHANGED} AND event.outcome = success`,
    last: "30d",
  }),
  search({
    name: "changed-services",
    title: "Which units of systemd were written?",
    filter: `(file.path = /etc/systemd/system/* OR file.path = /usr/lib/systemd/system/* OR file.path = /run/systemd/system/*) AND ${CHANGED} AND event.outcome = success`,
    last: "30d",
  }),
  search({
    name: "changed-audit",
    title: "Who changed what the kernel audits?",
    filter:
      "event.action = changed-audit-configuration OR event.action = added-audit-rule OR event.action = deleted-audit-rule",
    last: "30d",
  }),
  search({
    name: "loaded-modules",
    title: "Who loaded modules into the kernel, or tried to?",
    filter: "event.action = loaded-kernel-module",
    last: "30d",
  }),
  count({
    name: "listening",
    title: "Which programs listen for connections?",
    filter: "event.action = listen-for-connections AND event.outcome = success",
    by: ["process.executable", "host.name"],
    last: "7d",
  }),
  count({
    name: "connections-out",
    title: "Which programs connect to which addresses?",
    filter: "event.action = connected-to AND destination.ip : *",
    by: ["process.executable", "destination.ip"],
    last: "1d",
  }),
  search({
    name: "removed-logs",
    title: "Who removed or emptied logs?",
    filter:
      "file.path = /var/log/* AND event.outcome = success AND (event.action = deleted OR event.action = wrote-to-file)",
    last: "30d",
  }),
  search({
    name: "ran-from-memory",
    title: "What ran that is no file any more?",
    filter: `${RAN} AND (process.executable = /memfd:* OR process.executable = "*(deleted)")`,
    last: "30d",
  }),
  search({
    name: "changed-time",
    title: "Who set a clock?",
    filter: "event.action = changed-system-time AND event.outcome = success",
    last: "30d",
  }),
  count({
    name: "crashed-programs",
    title: "Which programs crashed?",
    filter: "event.action = crashed-program",
    by: ["process.executable", "host.name"],
    last: "7d",
  }),
  count({
    name: "busiest-programs",
    title: "Which programs make the most events?",
    filter: "",
    by: ["process.executable"],
    last: "1h",
  }),
];
