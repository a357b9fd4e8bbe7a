/** What a server is, from what it says of itself, and what that means for *stored*: on how many disks a block is when its host may forget it. */
import type { Document } from "mongodb";
import { mongodProblems } from "./versions.ts";

/** A line of what was found. */
export interface DatabaseFinding {
  level: "ok" | "change" | "warning" | "failed";
  text: string;
}

/** What it answered; undefined where it did not, or this login may not ask. */
export interface ServerAnswers {
  buildInfo: Document;
  hello: Document;
  replSetGetConfig: Document | undefined;
  serverStatus: Document | undefined;
}

/** Of so many nobody is missed when one is away. */
const COPIES_MIN = 3;
const NOT_ASKED = "not told: this login has no right to ask (replSetGetConfig, serverStatus: see mongodb rights apply)";

export function isEmbedded(buildInfo: Document): boolean {
  return buildInfo["ferretdbVersion"] !== undefined || buildInfo["ferretdb"] !== undefined;
}

export function standingOf(answers: ServerAnswers): DatabaseFinding[] {
  const { buildInfo, hello } = answers;
  if (isEmbedded(buildInfo)) return [embedded(buildInfo)];
  const version = String(buildInfo["version"] ?? "");
  const problems = mongodProblems(version).map(
    ({ isFatal, what }): DatabaseFinding => ({ level: isFatal ? "failed" : "warning", text: what }),
  );
  const findings = problems.length > 0 ? problems : [{ level: "ok", text: `MongoDB ${version}` } as const];
  if (hello["msg"] === "isdbgrid")
    return [...findings, { level: "ok", text: "it routes to shards: look at the replica set of each by yourself" }];
  if (typeof hello["setName"] !== "string") return [...findings, standalone(), ...engine(answers)];
  return [...findings, ...members(hello), ...journal(answers), ...engine(answers)];
}

function embedded(buildInfo: Document): DatabaseFinding {
  const told: unknown = buildInfo["ferretdbVersion"];
  const version = typeof told === "string" && told.startsWith("v") ? ` ${told}` : "";
  return {
    level: "warning",
    text: `FerretDB${version}, one server: it takes the write concern and does not look at it, and has no rights for logins. Stored means on one disk. For development and tests`,
  };
}

function standalone(): DatabaseFinding {
  return {
    level: "warning",
    text: "one server, no replica set: stored means on one disk, and what is on it is gone with it, also at hosts that forgot it",
  };
}

function members(hello: Document): DatabaseFinding[] {
  const bearing = countOf(hello["hosts"]) + countOf(hello["passives"]);
  const arbiters = countOf(hello["arbiters"]);
  const name = String(hello["setName"]);
  if (arbiters > 0)
    return [
      {
        level: "warning",
        text: `replica set ${name}: ${bearing} members with data, ${arbiters} without (arbiters): where one with data is away, no majority may acknowledge, and nothing becomes stored`,
      },
    ];
  if (bearing < COPIES_MIN)
    return [
      {
        level: "warning",
        text: `replica set ${name}: ${bearing} members with data: ${bearing === 1 ? "stored means on one disk" : "where one is away, nothing becomes stored"}; ${COPIES_MIN} are needed for both`,
      },
    ];
  return [
    {
      level: "ok",
      text: `replica set ${name}: ${bearing} members; stored means in the journals of ${Math.floor(bearing / 2) + 1} of them`,
    },
  ];
}

/** We ask for the journal with each write. A set that is told not to wait for it may have members that have none. */
function journal({ replSetGetConfig }: ServerAnswers): DatabaseFinding[] {
  const config = replSetGetConfig?.["config"] as Document | undefined;
  if (config === undefined) return [{ level: "ok", text: `whether a majority waits for its journal: ${NOT_ASKED}` }];
  if (config["writeConcernMajorityJournalDefault"] === false)
    return [
      {
        level: "warning",
        text: "writeConcernMajorityJournalDefault is false: a majority acknowledges what is in memory alone on members without a journal, and stored blocks are gone where these lose power together; set it to true",
      },
    ];
  return [{ level: "ok", text: "a majority acknowledges what is in its journals (w: majority, j: true)" }];
}

function engine({ serverStatus }: ServerAnswers): DatabaseFinding[] {
  const about = serverStatus?.["storageEngine"] as Document | undefined;
  if (about?.["persistent"] !== false) return [];
  return [
    {
      level: "failed",
      text: `the storage engine ${String(about["name"])} keeps nothing on disk: what is stored is gone with the server`,
    },
  ];
}

function countOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}
