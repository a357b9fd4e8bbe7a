/**
 * Names of users and groups: from /etc/passwd and /etc/group, read again when they change, and from the name service where
 * the host has one (LDAP, SSSD). The name service is asked by getent(1) beside the events: the first event of an id has
 * no name yet, the later ones do.
 */
import { execFile } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { sameIds } from "@hosttrail/lib/audit";
import { insideRoot } from "@hosttrail/lib/files";
import type { User } from "@hosttrail/proto/event";

const CHECK_INTERVAL_MS = 10_000;
/** Distinct combinations of ids kept, so that a block finds a user's row by identity. */
const USERS_MAX = 4096;
/** Names of the name service that are kept, how long, and how many questions wait at most. */
const ANSWERS_MAX = 8192;
const ANSWER_MS = 600_000;
const QUESTIONS_MAX = 256;
const QUESTION_TIMEOUT_MS = 5000;
const UNSET = 0xffffffff;

type Database = "passwd" | "group";

/** Asks the name service, one question at a time. Answers expire; so does "there is none". */
class NameService {
  readonly #databases: ReadonlySet<Database>;
  readonly #answers = new Map<string, { name: string; untilMs: number }>();
  readonly #questions: { database: Database; id: number }[] = [];
  #asking = false;
  readonly #onAnswer: () => void;

  constructor(onAnswer: () => void) {
    this.#onAnswer = onAnswer;
    this.#databases = databasesBeyondFiles();
  }

  name(database: Database, id: number, nowMs: number): string {
    if (!this.#databases.has(database) || id === UNSET) return "";
    const known = this.#answers.get(`${database} ${id}`);
    if (known !== undefined && known.untilMs > nowMs) return known.name;
    const waits = this.#questions.some((question) => question.database === database && question.id === id);
    if (!waits && this.#questions.length < QUESTIONS_MAX) {
      this.#questions.push({ database, id });
      if (!this.#asking) this.#ask();
    }
    return known?.name ?? "";
  }

  #ask(): void {
    const question = this.#questions.shift();
    this.#asking = question !== undefined;
    if (question === undefined) return;
    const { database, id } = question;
    execFile("getent", [database, String(id)], { timeout: QUESTION_TIMEOUT_MS, encoding: "utf8" }, (_error, output) => {
      const name = output.split(":")[0]?.trim() ?? "";
      if (this.#answers.size >= ANSWERS_MAX) this.#answers.clear();
      this.#answers.set(`${database} ${id}`, { name, untilMs: performance.now() + ANSWER_MS });
      if (name !== "") this.#onAnswer();
      this.#ask();
    });
  }
}

/** Databases for which nsswitch.conf names more than the local files: only then is there anybody to ask. */
function databasesBeyondFiles(): Set<Database> {
  const found = new Set<Database>();
  try {
    for (const line of readFileSync("/etc/nsswitch.conf", "utf8").split("\n")) {
      const match = /^\s*(passwd|group):\s*([^#]*)/.exec(line);
      const services = (match?.[2] ?? "").replaceAll(/\[[^\]]*\]/g, " ").split(/\s+/);
      if (services.some((name) => name !== "" && name !== "files" && name !== "compat"))
        found.add(match?.[1] as Database);
    }
  } catch {
    // Without the file glibc asks the local files.
  }
  return found;
}

class NameFile {
  readonly #path: string;
  #names = new Map<number, string>();
  #stamp = "";

  constructor(path: string) {
    this.#path = path;
  }

  /** Reads the file where it changed; true if it did. */
  refresh(): boolean {
    try {
      const { mtimeMs, size, ino } = statSync(this.#path);
      const stamp = `${mtimeMs} ${size} ${ino}`;
      if (stamp === this.#stamp) return false;
      const names = new Map<number, string>();
      for (const line of readFileSync(this.#path, "utf8").split("\n")) {
        const [name, , id] = line.split(":");
        if (name !== undefined && id !== undefined && /^\d+$/.test(id) && !names.has(Number(id))) {
          names.set(Number(id), name);
        }
      }
      this.#names = names;
      this.#stamp = stamp;
      return true;
    } catch {
      // Not there or not readable: ids stay without names.
      return false;
    }
  }

  name(id: number): string {
    return this.#names.get(id) ?? "";
  }
}

/** Fills names in, where the ids are this host's; the same ids give the same object until the names change. */
export class UserNames {
  readonly #users: NameFile;
  readonly #groups: NameFile;
  readonly #known = new Map<string, User>();
  readonly #isLocal: boolean;
  readonly #service: NameService | undefined;
  /** How often names became others. */
  changes = 0;
  #checkedMs = Number.NEGATIVE_INFINITY;
  #nowMs = 0;
  /** The user of the event before, who most often is that of this one. */
  #last: { given: User; known: User } | undefined;

  /** `local` is false where ids are those of another host; `root` is where this host's root is seen from here, empty for our own. */
  constructor(local: boolean, root: string) {
    this.#users = new NameFile(insideRoot(root, "/etc/passwd"));
    this.#groups = new NameFile(insideRoot(root, "/etc/group"));
    this.#isLocal = local;
    // The name service that answers in a container is not the host's.
    this.#service = local && root === "" ? new NameService(() => this.#forget()) : undefined;
  }

  resolve(user: User, nowMs: number): User {
    this.#refresh(nowMs);
    if (this.#last !== undefined && isSame(this.#last.given, user)) return this.#last.known;
    const known = this.#lookUp(user);
    this.#last = { given: user, known };
    return known;
  }

  #lookUp(user: User): User {
    const { group } = user;
    const groupKey = group && `${group.id} ${group.effectiveId} ${group.savedId} ${group.filesystemId} ${group.name}`;
    const own = `${user.id} ${user.effectiveId} ${user.savedId} ${user.filesystemId} ${user.auditId}`;
    const key = `${own} ${groupKey} ${user.targetName} ${user.name}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      known = {
        ...user,
        name: this.userName(user.id) || user.name,
        effectiveName: this.userName(user.effectiveId) || user.effectiveName,
        auditName: this.userName(user.auditId) || user.auditName,
        group: group && { ...group, name: this.groupName(group.id) || group.name },
      };
      if (this.#known.size >= USERS_MAX) this.#known.clear();
      this.#known.set(key, known);
    }
    return known;
  }

  #forget(): void {
    this.changes++;
    this.#known.clear();
    this.#last = undefined;
  }

  #refresh(nowMs: number): void {
    this.#nowMs = nowMs;
    if (!this.#isLocal || nowMs - this.#checkedMs < CHECK_INTERVAL_MS) return;
    this.#checkedMs = nowMs;
    const usersChanged = this.#users.refresh();
    if (this.#groups.refresh() || usersChanged) this.#forget();
  }

  userName(id: number): string {
    return this.#users.name(id) || (this.#service?.name("passwd", id, this.#nowMs) ?? "");
  }

  groupName(id: number): string {
    return this.#groups.name(id) || (this.#service?.name("group", id, this.#nowMs) ?? "");
  }
}

function isSame(a: User, b: User): boolean {
  return sameIds(a, b) && a.targetName === b.targetName && a.name === b.name && a.group?.name === b.group?.name;
}
