/** The driver's client: URL, login, TLS. What is wrong with them is said with the setting's name, and never with what is secret. */
import { readFileSync } from "node:fs";
import { readSecretFile } from "@hosttrail/lib/files";
import { type Db, MongoClient, type MongoClientOptions } from "mongodb";

export interface MongoOptions {
  url: string;
  database: string;
  /** Database of the collections that are made for each day; the same where it is empty or not given. */
  historyDatabase?: string;
  /** Who logs in, where that does not stand in the URL. */
  login?: { user: string; password: string } | undefined;
  /** Nothing is said to a server without TLS where this is given. */
  tls?: MongoTls | undefined;
  /** False: indexes are only looked for. */
  isManaging?: boolean;
}

/** Files; empty for none. */
interface MongoTls {
  /** Authorities that the server's certificate may be of; those that come with Node.js where it is empty. */
  caFile: string;
  certificateFile: string;
  keyFile: string;
}

const SELECTION_TIMEOUT_MS = 5000;
/** Options of a URL that would say otherwise what `mongodb.tls` says, or take it back. */
const TLS_OPTION = /[?&]((?:tls|ssl)[a-z]*)=/i;
/** `scheme://user…@`. */
const USER_IN_URL = /^[a-z+]+:\/\/[^/?@]*@/i;

/** A client that is not connected yet. Throws an Error that names the setting where one cannot be right, or a file cannot be read. */
export function openClient(options: MongoOptions): MongoClient {
  const { url, login, tls } = options;
  if (login !== undefined && USER_IN_URL.test(url))
    throw new Error("mongodb.user is set, and the URL names a user, too; allowed is one of them");
  const [, option] = TLS_OPTION.exec(url) ?? [];
  if (tls !== undefined && option !== undefined)
    throw new Error(`the URL of MongoDB says ${option}, and mongodb.tls.enabled is true; allowed is one of them`);
  const settings: MongoClientOptions = {
    appName: "hosttrail-collector",
    serverSelectionTimeoutMS: SELECTION_TIMEOUT_MS,
    // Retrying single writes needs a replica set; ours are idempotent and tried again by the stream.
    retryWrites: false,
    ...(login === undefined ? {} : { auth: { username: login.user, password: login.password } }),
    ...(tls === undefined ? {} : tlsOf(tls)),
  };
  try {
    return new MongoClient(url, settings);
  } catch (error) {
    // What the driver says of a URL tells a user's name at most; still, only where there is none.
    const reason = USER_IN_URL.test(url) || !(error instanceof Error) ? "it cannot be read" : error.message;
    throw new Error(`mongodb.url or the content of mongodb.url_file is no URL of MongoDB: ${reason}`, { cause: error });
  }
}

/** The database of the collections that are made for each day. */
export function daysOf(client: MongoClient, { database, historyDatabase = "" }: MongoOptions): Db {
  return client.db(historyDatabase === "" ? database : historyDatabase);
}

/**
 * Files are read here and not by the driver: it reads them (7.9) when a client connects first and never again, and then a file that is
 * missing looks like a server that is away.
 */
function tlsOf({ caFile, certificateFile, keyFile }: MongoTls): MongoClientOptions {
  const read = (key: string, file: string, isSecret = false): string => {
    try {
      return isSecret ? readSecretFile(file) : readFileSync(file, "utf8");
    } catch (error) {
      throw new Error(`mongodb.tls.${key}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  };
  return {
    tls: true,
    ...(caFile === "" ? {} : { ca: read("ca_file", caFile) }),
    ...(certificateFile === ""
      ? {}
      : { cert: read("certificate_file", certificateFile), key: read("key_file", keyFile, true) }),
  };
}

type Explain = (tls: MongoTls | undefined) => string;

/** By what Node, OpenSSL, the driver or the server say; the first that fits. */
const EXPLANATIONS: readonly [RegExp, Explain][] = [
  [
    /self[- ]signed certificate|unable to (?:verify|get)|certificate signature failure|UNABLE_TO_|SELF_SIGNED/i,
    (tls) => `the server's certificate is of none of the authorities of mongodb.tls.ca_file (${placeOf(tls?.caFile)})`,
  ],
  [
    /does not match certificate's altnames/i,
    () =>
      "the server's certificate is not for the name by which the URL of MongoDB (mongodb.url, mongodb.url_file) calls it",
  ],
  [/certificate has expired|CERT_HAS_EXPIRED/i, () => "the server's certificate, or one above it, has expired"],
  [
    /wrong version number|packet length too long|before secure TLS connection/i,
    (tls) =>
      tls === undefined
        ? "the server does not speak TLS, and the URL of MongoDB asks for it"
        : "the server does not speak TLS, and mongodb.tls.enabled is true",
  ],
  [
    /certificate required|alert number 116|alert (?:bad|unknown|unsupported)|unknown ca/i,
    (tls) =>
      `the server does not take the client's certificate: mongodb.tls.certificate_file (${placeOf(tls?.certificateFile)})`,
  ],
  [
    /Authentication failed|auth(?:entication)? (?:error|failed)|SCRAM/i,
    () =>
      "the server does not take the login: mongodb.user and mongodb.password_file, or what the URL of MongoDB names",
  ],
  [
    /connection \S+ to \S+ closed|ECONNRESET/i,
    (tls) =>
      tls === undefined
        ? "the server hangs up: if it speaks TLS only, set mongodb.tls.enabled"
        : "the server hangs up: it may want a certificate (mongodb.tls.certificate_file, key_file), or another one",
  ],
];

/** Why the database was not reached, with the setting that may be wrong; in the driver's words where nothing is known of it. */
export function reachProblem(error: unknown, { tls }: Pick<MongoOptions, "tls">): string {
  const words = wordsOf(error);
  const found = EXPLANATIONS.find(([pattern]) => pattern.test(words));
  const [first = ""] = words.split("\n");
  return found === undefined ? first : `${found[1](tls)}: ${first}`;
}

/** Messages and codes of an error and of those behind it, one a line. */
function wordsOf(error: unknown): string {
  const lines: string[] = [];
  for (let each = error; each instanceof Error && lines.length < DEPTH_MAX; each = each.cause) {
    const { code } = each as { code?: unknown };
    lines.push(`${each.message}${typeof code === "string" ? ` (${code})` : ""}`);
  }
  return lines.length === 0 ? String(error) : lines.join("\n");
}

const DEPTH_MAX = 8;

function placeOf(file: string | undefined): string {
  return file === undefined || file === "" ? "not set" : file;
}
