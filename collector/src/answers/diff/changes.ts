/** What events tell to have changed on a host: files, accounts, rules, modules, packages, services. */
import { readKept } from "@hosttrail/lib/audit";
import type { ColumnBlock } from "@hosttrail/lib/block";
import type { ObjectChange } from "@hosttrail/proto/analysis";
import type { AuditRecord, File, FileState } from "@hosttrail/proto/event";
import { BlockFacts } from "../facts.ts";
import { timestampOf } from "../times.ts";

/** What one event says to have changed. */
interface Told {
  kind: string;
  object: string;
  change: string;
  /** Of a file that is watched: what it was before, and after. */
  before?: FileState | undefined;
  after?: FileState | undefined;
}

interface Changed extends Told {
  firstNano: bigint;
  lastNano: bigint;
  count: number;
  eventId: string;
  /** The first and the last thing that was told of it. */
  firstChange: string;
}

/** Objects that are told apart. */
const OBJECTS_MAX = 50_000;
const OBJECT_LENGTH_MAX = 1024;

/** By the action of an event: what kind of object it changes, and how. */
const BY_ACTION: ReadonlyMap<string, readonly [kind: string, change: string]> = new Map([
  ["added-user-account", ["account", "created"]],
  ["deleted-user-account", ["account", "deleted"]],
  ["modified-user-account", ["account", "changed"]],
  ["changed-password", ["account", "changed password of"]],
  ["assigned-user-role", ["account", "changed"]],
  ["removed-user-role", ["account", "changed"]],
  ["added-group-account-to", ["group", "created"]],
  ["deleted-group-account-from", ["group", "deleted"]],
  ["modified-group-account", ["group", "changed"]],
  ["added-audit-rule", ["audit-rule", "created"]],
  ["deleted-audit-rule", ["audit-rule", "deleted"]],
  ["changed-audit-configuration", ["audit-configuration", "changed"]],
  ["loaded-kernel-module", ["module", "loaded"]],
  ["unloaded-kernel-module", ["module", "unloaded"]],
  ["installed-software", ["package", "changed"]],
  ["started-service", ["service", "started"]],
  ["stopped-service", ["service", "stopped"]],
  ["loaded-firewall-rule-to", ["firewall", "changed"]],
  ["changed-system-time", ["clock", "changed"]],
  ["changed-system-name", ["host-name", "changed"]],
  ["mounted", ["mount", "created"]],
  ["unmounted", ["mount", "deleted"]],
  ["booted-system", ["system", "booted"]],
  ["shutdown-system", ["system", "shut down"]],
  ["loaded-selinux-policy", ["selinux", "changed"]],
  ["changed-selinux-enforcement", ["selinux", "changed"]],
  ["changed-selinux-boolean", ["selinux", "changed"]],
]);

/** What rpm, dnf and others write of what they do. */
const PACKAGE_CHANGES: Readonly<Record<string, string>> = { install: "created", update: "changed", remove: "deleted" };

export class ChangeGatherer {
  readonly #changes = new Map<string, Changed>();
  /** Changes of objects that there was no room for. */
  #left = 0;

  /** Adds events; those of one object may come in any order. */
  add(block: ColumnBlock, events: readonly number[]): void {
    const facts = new BlockFacts(block);
    for (const event of events) {
      const told = tellOf(facts, event);
      for (const each of told) if (each.object !== "") this.#note(each, facts, event);
    }
  }

  #note(told: Told, facts: BlockFacts, event: number): void {
    const object = told.object.slice(0, OBJECT_LENGTH_MAX);
    const key = `${told.kind}\0${object}`;
    const timeNano = facts.timeOf(event);
    const known = this.#changes.get(key);
    if (known !== undefined) {
      join(known, told, timeNano, () => facts.block.eventId(event));
      return;
    }
    if (this.#changes.size >= OBJECTS_MAX) {
      this.#left++;
      return;
    }
    const eventId = facts.block.eventId(event);
    const moment = { firstNano: timeNano, lastNano: timeNano, count: 1, eventId, firstChange: told.change };
    this.#changes.set(key, { ...told, object, ...moment });
  }

  /** The most important first, then by time; at most `limit`. What is as it was before, as a file that came and went, is not there. */
  answer(limit: number): { changes: ObjectChange[]; leftOut: number } {
    const changes = [...this.#changes.values()].filter(hasChanged);
    changes.sort(
      (a, b) => rankOf(a) - rankOf(b) || (a.firstNano === b.firstNano ? 0 : a.firstNano < b.firstNano ? -1 : 1),
    );
    const told = changes.slice(0, limit).map(toChange);
    return { changes: told, leftOut: changes.length - told.length + this.#left };
  }
}

function tellOf(facts: BlockFacts, event: number): Told[] {
  const { action, outcome, category, type } = facts.kindOf(event);
  if (outcome === "failure") return [];
  const [kind, change] = BY_ACTION.get(action) ?? [];
  if (kind === "package") return facts.recordsOf(event).map(packageOf);
  if (kind !== undefined && change !== undefined) return [{ kind, change, object: objectOf(kind, facts, event) }];
  const isChange = type.includes("change") || type.includes("creation") || type.includes("deletion");
  return category.includes("file") && isChange ? filesOf(facts, event, action) : [];
}

function objectOf(kind: string, facts: BlockFacts, event: number): string {
  if (kind === "account") return facts.userOf(event)?.targetName || facts.objectOf(event);
  if (kind === "group") return wordOf(facts, event, "grp") || facts.objectOf(event);
  if (kind === "module") return wordOf(facts, event, "name") || facts.objectOf(event);
  if (kind === "audit-configuration") return facts.wordOf(event, ["op"]) || "configuration";
  if (kind === "clock" || kind === "system" || kind === "selinux" || kind === "host-name") return kind;
  return facts.objectOf(event) || kind;
}

/** A word that a record of the event has. */
function wordOf(facts: BlockFacts, event: number, name: string): string {
  for (const record of facts.recordsOf(event)) {
    const text = readKept(record, new Set([name])).find(([key]) => key === name)?.[1];
    if (text !== undefined) return text;
  }
  return "";
}

function packageOf(record: AuditRecord): Told {
  const words = new Map(readKept(record));
  const change = PACKAGE_CHANGES[words.get("op") ?? ""] ?? "changed";
  return { kind: "package", object: words.get("sw") ?? "", change };
}

function filesOf(facts: BlockFacts, event: number, action: string): Told[] {
  const files = facts
    .filesOf(event)
    .filter(({ path, nametype, relativeTo }) => path.startsWith("/") && nametype !== "PARENT" && relativeTo === "");
  return Array.from(
    Map.groupBy(files, ({ path }) => path),
    ([path, alike]) => {
      const before = alike.find((file) => file.before !== undefined)?.before;
      const after = alike.find((file) => file.after !== undefined)?.after;
      const isWatched = before !== undefined || after !== undefined;
      return {
        kind: isWatched ? "watched-file" : "file",
        object: path,
        change: fileChange(alike, action),
        before,
        after,
      };
    },
  );
}

/** What is renamed onto another file is deleted and created by one event. */
function fileChange(alike: readonly File[], action: string): string {
  const names = new Set(alike.map(({ nametype }) => nametype));
  if (names.has("DELETE")) return names.has("CREATE") ? "changed" : "deleted";
  if (names.has("CREATE")) return "created";
  return action === "deleted" ? "deleted" : "changed";
}

function join(known: Changed, told: Told, timeNano: bigint, eventId: () => string): void {
  known.count++;
  if (timeNano >= known.lastNano) {
    known.lastNano = timeNano;
    known.change = told.change;
    known.after = told.after ?? known.after;
  }
  if (timeNano >= known.firstNano) return;
  known.firstNano = timeNano;
  known.firstChange = told.change;
  known.before = told.before ?? known.before;
  known.eventId = eventId();
}

/** False for what came and went, and for a watched file that is as it was. */
function hasChanged({ kind, change, firstChange, before, after }: Changed): boolean {
  if (kind === "watched-file" && before !== undefined && after !== undefined) return !isSameState(before, after);
  return !(kind.endsWith("file") && firstChange === "created" && change === "deleted");
}

function isSameState(a: FileState, b: FileState): boolean {
  if (a.exists !== b.exists) return false;
  return a.size === b.size && a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && a.sha256 === b.sha256;
}

/** Accounts and rules are rarely changed by chance; files often. */
function rankOf({ kind }: Changed): number {
  if (kind === "file") return 2;
  return kind === "service" || kind === "watched-file" ? 1 : 0;
}

function toChange({
  kind,
  object,
  change,
  firstChange,
  before,
  after,
  firstNano,
  lastNano,
  count,
  eventId,
}: Changed): ObjectChange {
  return {
    kind: kind === "watched-file" ? "file" : kind,
    object,
    change: netChange(firstChange, change, before, after),
    firstTime: timestampOf(firstNano),
    lastTime: timestampOf(lastNano),
    count: BigInt(count),
    eventId,
  };
}

/** What it comes to: created and changed is created. */
function netChange(first: string, last: string, before: FileState | undefined, after: FileState | undefined): string {
  if (before !== undefined && after !== undefined && before.exists !== after.exists)
    return after.exists ? "created" : "deleted";
  if (first === "created" && last === "changed") return "created";
  return first === "deleted" && last === "created" ? "changed" : last;
}
