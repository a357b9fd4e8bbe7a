/**
 * AWS's Instance Metadata Service, version 2: a token first, then questions. A token is kept as long as it is good, and got anew where the
 * service knows it no more.
 * Source: AWS documentation, "Use the Instance Metadata Service to access instance metadata".
 */
import { readFileSync } from "node:fs";
import { request } from "node:http";

/** Whether the service is asked: "auto" where the firmware says that this is an instance. */
export type CloudMode = "auto" | "aws" | "none";

const TIMEOUT_MS = 2000;
const ANSWER_BYTES_MAX = 65_536;
/** As long as the service allows. */
const TOKEN_SECONDS = 21_600;
/** A token is given up after this part of its time. */
const TOKEN_SHARE = 0.9;
const UNAUTHORIZED = 401;
const NOT_FOUND = 404;

interface Token {
  text: Promise<string>;
  endMs: number;
}

export class Imds {
  readonly #endpoint: string;
  #token: Token | undefined;

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  /** What stands at a path; undefined where there is nothing (404). Throws where the service does not answer as it should. */
  async find(path: string): Promise<string | undefined> {
    for (let isLast = false; ; isLast = true) {
      const token = this.#currentToken();
      const { status, text } = await this.#ask(path, "GET", { "X-aws-ec2-metadata-token": await token.text });
      if (status === 200) return text;
      if (status === NOT_FOUND) return undefined;
      if (status !== UNAUTHORIZED || isLast) throw new Error(`GET ${path}: status ${status}`);
      // An instance that was asleep, or whose service started anew, has a token that nobody knows.
      if (this.#token === token) this.#token = undefined;
    }
  }

  /** The same where something must be there. */
  async get(path: string): Promise<string> {
    const text = await this.find(path);
    if (text === undefined) throw new Error(`GET ${path}: status ${NOT_FOUND}`);
    return text;
  }

  /** One question for a token at a time, whoever waits for it. */
  #currentToken(): Token {
    if (this.#token !== undefined && performance.now() < this.#token.endMs) return this.#token;
    const headers = { "X-aws-ec2-metadata-token-ttl-seconds": String(TOKEN_SECONDS) };
    const path = "/latest/api/token";
    const text = this.#ask(path, "PUT", headers).then((answer) => {
      if (answer.status !== 200) throw new Error(`PUT ${path}: status ${answer.status}`);
      return answer.text;
    });
    const token = { text, endMs: performance.now() + TOKEN_SECONDS * 1000 * TOKEN_SHARE };
    this.#token = token;
    text.catch(() => {
      if (this.#token === token) this.#token = undefined;
    });
    return token;
  }

  #ask(path: string, method: string, headers: Record<string, string>): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const options = { method, headers, timeout: TIMEOUT_MS, agent: false };
      const call = request(`${this.#endpoint}${path}`, options, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part: string) => {
          text += part;
          if (text.length > ANSWER_BYTES_MAX) call.destroy(new Error(`${method} ${path}: the answer is too long`));
        });
        answer.on("error", reject);
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
      });
      // From here on also where bytes trickle: an answer is a few hundred of them.
      const deadline = setTimeout(() => call.destroy(new Error(`${method} ${path}: no answer`)), TIMEOUT_MS * 2);
      deadline.unref();
      call.on("close", () => clearTimeout(deadline));
      call.on("timeout", () => call.destroy(new Error(`${method} ${path}: no answer`)));
      call.on("error", reject);
      call.end();
    });
  }
}

/** Whether there is a service to ask. The firmware says so, without any question to the network. */
export function hasImds(mode: CloudMode): boolean {
  return mode === "aws" || (mode === "auto" && isAws());
}

function isAws(): boolean {
  const read = (path: string): string => {
    try {
      return readFileSync(path, "latin1");
    } catch {
      return "";
    }
  };
  return read("/sys/class/dmi/id/sys_vendor").startsWith("Amazon") || /^ec2/i.test(read("/sys/hypervisor/uuid"));
}
