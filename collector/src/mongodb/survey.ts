/** Looks at a database: the server, its disk, the login's rights, collections and indexes beside the plan. And makes the indexes. */
import { type Db, type Document, MongoServerError } from "mongodb";
import { DiskStore } from "./disk.ts";
import { type IndexDifference, indexPlans, lookAtIndexes, makeIndex } from "./indexes.ts";
import { lacking, type Privilege } from "./privileges.ts";
import { DAY_PREFIXES, type DatabaseLogin, type Databases, knownCollections, privilegesOf, TRIED } from "./rights.ts";
import { DURABLE } from "./rows.ts";
import { type DatabaseFinding, isEmbedded, standingOf } from "./standing.ts";

/** Whoever does not acknowledge within it does not for now. */
const WRITE_TIMEOUT_MS = 5000;
const ROOM_MIN = 0.1;
const GIB = 1024 ** 3;
const SHOWN_MAX = 8;
const DAY_NAME = new RegExp(`^(?:${DAY_PREFIXES.join("|")})\\d{8}$`);
/** The login may not ask that, or the server does not know it: a standalone one, a router, FerretDB. */
const UNANSWERED: ReadonlySet<number> = new Set([13, 59, 76, 94, 238]);

export class DatabaseSurvey {
  readonly #database: Db;
  readonly #days: Db;
  readonly #names: Databases;

  /** `days`: where the collections are that are made for each day. */
  constructor(database: Db, days: Db) {
    this.#database = database;
    this.#days = days;
    this.#names = { database: database.databaseName, historyDatabase: days.databaseName };
  }

  /**
   * Everything that is otherwise than it should be, and what is in order. `logins`: what the process that asks is; `isLeast`: it should be able
   * to do nothing else.
   */
  async look(logins: readonly DatabaseLogin[], isLeast: boolean): Promise<DatabaseFinding[]> {
    const buildInfo = await this.#database.command({ buildInfo: 1 });
    const isFerret = isEmbedded(buildInfo);
    const admin = this.#database.admin();
    const findings = standingOf({
      buildInfo,
      hello: await this.#database.command({ hello: 1 }),
      replSetGetConfig: isFerret ? undefined : await answered(() => admin.command({ replSetGetConfig: 1 })),
      serverStatus: isFerret ? undefined : await answered(() => admin.command({ serverStatus: 1 })),
    });
    findings.push(await this.#durability());
    findings.push(await this.#room());
    if (!isFerret) findings.push(...(await this.#login(logins, isLeast)));
    findings.push(...(await this.#collections()), ...(await this.#indexes(!isFerret)));
    return findings;
  }

  /** Makes the indexes that are missing; what was done. */
  async apply(): Promise<string[]> {
    const buildInfo = await this.#database.command({ buildInfo: 1 });
    const { differences } = await lookAtIndexes(this.#database, indexPlans(!isEmbedded(buildInfo)));
    const done: string[] = [];
    for (const { plan, present } of differences) {
      if (present !== undefined) continue;
      await makeIndex(this.#database, plan);
      done.push(`${plan.collection}: index ${plan.name} made`);
    }
    return done;
  }

  /** Removes what is not there, and has that acknowledged as what is stored is. */
  async #durability(): Promise<DatabaseFinding> {
    const writeConcern = { ...DURABLE, wtimeoutMS: WRITE_TIMEOUT_MS };
    try {
      await this.#database.collection<{ _id: string }>(TRIED).deleteOne({ _id: "plan" }, { writeConcern });
      return { level: "ok", text: "a write with w: majority and j: true is acknowledged" };
    } catch (error) {
      return {
        level: "failed",
        text: `a write with w: majority and j: true is not acknowledged, so nothing becomes stored: ${textOf(error)}`,
      };
    }
  }

  async #room(): Promise<DatabaseFinding> {
    try {
      const disk = await new DiskStore(this.#database).readDisk();
      if (disk === undefined) return { level: "ok", text: "disk: the server does not tell of it; watch it yourself" };
      const free = disk.totalBytes - disk.usedBytes;
      const text = `disk: ${(free / GIB).toFixed(1)} of ${(disk.totalBytes / GIB).toFixed(1)} GiB are free`;
      return { level: free / disk.totalBytes < ROOM_MIN ? "warning" : "ok", text };
    } catch (error) {
      return { level: "ok", text: `disk: not told: ${textOf(error)}` };
    }
  }

  async #login(logins: readonly DatabaseLogin[], isLeast: boolean): Promise<DatabaseFinding[]> {
    const status = await this.#database.command({ connectionStatus: 1, showPrivileges: true });
    const about = status["authInfo"] as Document | undefined;
    const [user] = listOf(about?.["authenticatedUsers"]);
    if (user === undefined)
      return [{ level: "warning", text: "nobody logs in: whoever reaches the server may do everything" }];
    const granted = listOf(about?.["authenticatedUserPrivileges"]) as unknown as Privilege[];
    return judgeRights({ user: String(user["user"]), granted }, logins, this.#names, isLeast);
  }

  async #collections(): Promise<DatabaseFinding[]> {
    try {
      const names = await namesIn(this.#database);
      const days = this.#names.database === this.#names.historyDatabase ? names : await namesIn(this.#days);
      const known = knownCollections();
      const own = names.filter((name) => known.has(name)).length;
      const others = [...names, ...(days === names ? [] : days)].filter(
        (name) => !known.has(name) && !DAY_NAME.test(name) && !name.startsWith("system."),
      );
      const made = days.filter((name) => DAY_NAME.test(name)).length;
      const patterns = DAY_PREFIXES.map((prefix) => `${prefix}YYYYMMDD`).join(", ");
      const findings: DatabaseFinding[] = [
        { level: "ok", text: `collections: ${own} of ${known.size} are there; others come with their first document` },
        { level: "ok", text: `collections of days: ${made} in ${this.#names.historyDatabase} (${patterns})` },
      ];
      if (others.length > 0) findings.push({ level: "warning", text: `collections of somebody else: ${some(others)}` });
      return findings;
    } catch (error) {
      return [{ level: "failed", text: `collections cannot be listed: ${textOf(error)}` }];
    }
  }

  async #indexes(findsRanges: boolean): Promise<DatabaseFinding[]> {
    const plans = indexPlans(findsRanges);
    const { differences, others } = await lookAtIndexes(this.#database, plans);
    const findings = differences.map(shown);
    for (const other of others)
      findings.push({ level: "warning", text: `index ${other} is none of ours: each write pays for it` });
    if (differences.length === 0) findings.push({ level: "ok", text: `indexes: all ${plans.length} are as planned` });
    return findings;
  }
}

/** Whether rights are those of the logins, or else of `apply`; and what they are beyond that. */
export function judgeRights(
  { user, granted }: { user: string; granted: readonly Privilege[] },
  logins: readonly DatabaseLogin[],
  names: Databases,
  isLeast: boolean,
): DatabaseFinding[] {
  // What is asked of the whole cluster is good to know, and nobody needs it.
  const needed = (some: readonly DatabaseLogin[]): Privilege[] =>
    some.flatMap((login) => privilegesOf(login, names)).filter(({ resource }) => !("cluster" in resource));
  const missing = lacking(granted, needed(logins));
  const isApply = missing.length > 0 && lacking(granted, needed(["apply"])).length === 0;
  if (missing.length > 0 && !isApply)
    return [{ level: "failed", text: `the login ${user} may not do what ${logins.join(", ")} must: ${some(missing)}` }];
  const fits = isApply ? (["apply"] as const) : logins;
  const enough: DatabaseFinding = { level: "ok", text: `the login ${user} may do what ${fits.join(", ")} must` };
  const allowed = [...fits, "apply" as const].flatMap((login) => privilegesOf(login, names));
  const beyond = lacking(allowed, granted.flatMap(plain));
  if (beyond.length === 0) return [enough];
  return [
    enough,
    { level: isLeast ? "warning" : "ok", text: `the login ${user} may do more than that: ${some(beyond)}` },
  ];
}

/** A resource that is anything is every collection of every database. Others than collections (`system_buckets`) are not looked at. */
function plain(privilege: Privilege): Privilege[] {
  const { resource } = privilege;
  if ("cluster" in resource || "collection" in resource) return [privilege];
  return "anyResource" in resource ? [{ ...privilege, resource: { db: "", collection: "" } }] : [];
}

async function namesIn(database: Db): Promise<string[]> {
  const collections = await database.listCollections({}, { nameOnly: true }).toArray();
  return collections.map(({ name }) => name).sort();
}

async function answered(ask: () => Promise<Document>): Promise<Document | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof MongoServerError && UNANSWERED.has(Number(error.code))) return undefined;
    throw error;
  }
}

function shown({ plan, present }: IndexDifference): DatabaseFinding {
  const { collection, name, key } = plan;
  const planned = `${name} on ${JSON.stringify(key)}`;
  if (present === undefined) return { level: "change", text: `${collection}: index ${planned} is to be made` };
  return {
    level: "failed",
    text: `${collection}: index ${present}, planned is ${planned}: remove it (dropIndex), then mongodb apply makes it`,
  };
}

function some(texts: readonly string[]): string {
  const more = texts.length - SHOWN_MAX;
  return `${texts.slice(0, SHOWN_MAX).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function listOf(value: unknown): Document[] {
  return Array.isArray(value) ? (value as Document[]) : [];
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
