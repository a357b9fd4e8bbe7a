/** Posts to a URL of the operator's configuration. */
import { request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";
import { readFile } from "node:fs/promises";
import { readSecretFile } from "@hosttrail/lib/files";
import { ForwardError, reasonOf } from "../failure.ts";

export interface PostOptions {
  url: string;
  /** `Name: value`, one a line; empty for none. Its values are secrets. */
  headersFile: string;
  /** PEM; empty for the system's authorities. */
  caFile: string;
  timeoutMs: number;
}

export interface Answer {
  status: number;
  body: Buffer;
  /** 0 where it does not say. */
  retryAfterMs: number;
}

const ANSWER_BYTES_MAX: number = 64 * 1024;
const RETRY_AFTER_MS_MAX = 600_000;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;

/** Throws a ForwardError where there is no answer, or a file cannot be read. */
export async function post(
  { url, headersFile, caFile, timeoutMs }: PostOptions,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<Answer> {
  const own = readHeaders(headersFile);
  const ca = caFile === "" ? {} : { ca: await read(caFile) };
  const { protocol, origin } = new URL(url);
  const request = protocol === "https:" ? requestTls : requestPlain;
  const ending = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  return await new Promise((resolve, reject) => {
    const fail = (error: unknown): void =>
      reject(new ForwardError(`${origin} does not answer: ${reasonOf(error)}`, { cause: error }));
    const asked = request(
      url,
      { method: "POST", signal: ending, headers: { ...own, ...headers, "content-length": body.length }, ...ca },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("error", fail);
        response.on("data", (chunk: Buffer) => {
          if (bytes < ANSWER_BYTES_MAX) chunks.push(chunk);
          bytes += chunk.length;
        });
        response.on("end", () => {
          const retryAfterMs = retryAfterOf(response.headers["retry-after"]);
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks), retryAfterMs });
        });
      },
    );
    asked.on("error", fail);
    asked.end(body);
  });
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new ForwardError(`${path} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}

/**
 * The headers of a file, which is a secret. Throws a ForwardError that names file and line, and nothing of what stands there, where it cannot be read,
 * is for others to read, or has something else in it.
 */
export function readHeaders(path: string): Record<string, string> {
  if (path === "") return {};
  let text: string;
  try {
    text = readSecretFile(path);
  } catch (error) {
    throw new ForwardError(reasonOf(error), { cause: error });
  }
  const headers: Record<string, string> = {};
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const match = HEADER.exec(line);
    if (match === null)
      throw new ForwardError(`${path}:${at + 1}: no header; allowed are "Name: value" and comments with #`);
    const [, name = "", value = ""] = match;
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

/** Seconds, or a date. */
function retryAfterOf(value: string | undefined): number {
  if (value === undefined) return 0;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(0, ms), RETRY_AFTER_MS_MAX);
}
