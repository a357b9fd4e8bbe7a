/** Names of users and groups, from /etc/passwd and /etc/group, read again when they change. */
import { readFileSync, statSync } from "node:fs";
import type { User } from "@hosttrail/proto/event";

const CHECK_INTERVAL_MS = 10_000;
/** Distinct combinations of ids kept, so that a block finds a user's row by identity. */
const USERS_MAX = 4096;

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

/** Fills names in, where the ids are this host's; the same ids give the same object until the files change. */
export class UserNames {
  readonly #users = new NameFile("/etc/passwd");
  readonly #groups = new NameFile("/etc/group");
  readonly #known = new Map<string, User>();
  readonly #local: boolean;
  #checkedMs = Number.NEGATIVE_INFINITY;

  constructor(local: boolean) {
    this.#local = local;
  }

  resolve(user: User, nowMs: number): User {
    if (this.#local && nowMs - this.#checkedMs >= CHECK_INTERVAL_MS) {
      this.#checkedMs = nowMs;
      const usersChanged = this.#users.refresh();
      if (this.#groups.refresh() || usersChanged) this.#known.clear();
    }
    const { group } = user;
    const groupKey = group && `${group.id} ${group.effectiveId} ${group.savedId} ${group.filesystemId}`;
    const own = `${user.id} ${user.effectiveId} ${user.savedId} ${user.filesystemId} ${user.auditId}`;
    const key = `${own} ${groupKey} ${user.targetName} ${user.name}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      known = {
        ...user,
        name: this.#users.name(user.id) || user.name,
        effectiveName: this.#users.name(user.effectiveId) || user.effectiveName,
        auditName: this.#users.name(user.auditId) || user.auditName,
        group: group && { ...group, name: this.#groups.name(group.id) || group.name },
      };
      if (this.#known.size >= USERS_MAX) this.#known.clear();
      this.#known.set(key, known);
    }
    return known;
  }

  userName(id: number): string {
    return this.#users.name(id);
  }

  groupName(id: number): string {
    return this.#groups.name(id);
  }
}
