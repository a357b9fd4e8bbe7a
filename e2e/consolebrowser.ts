/** A browser without a window: keeps cookies, follows redirects, sends what pages of the console send, over HTTP/2. */
import { readFileSync } from "node:fs";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { join } from "node:path";
import type { Identity, Stack } from "@hosttrail/stack";

export interface Got {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** Whatever JSON says; each test looks at what it expects. */
  json: ReturnType<typeof JSON.parse>;
}

/** What every request of a page has. */
const OWN: Readonly<Record<string, string>> = { "x-hosttrail-console": "1", "sec-fetch-site": "same-origin" };

export class Browser {
  readonly cookies: Map<string, string> = new Map();
  readonly #session: ClientHttp2Session;
  /** Headers of its own, in the place of a page's. */
  headers: Record<string, string> = OWN;

  constructor(stack: Stack, port: number = stack.consolePort, identity?: Identity) {
    const ca = readFileSync(join(stack.authority, "trust.crt"));
    const own = identity && { key: readFileSync(identity.keyFile), cert: readFileSync(identity.certificateFile) };
    this.#session = connect(`https://localhost:${port}`, { ca, ...own });
    this.#session.on("error", () => undefined);
  }

  close(): void {
    this.#session.destroy();
  }

  get(path: string): Promise<Got> {
    return read(this, this.#open("GET", path));
  }

  post(path: string, body: unknown): Promise<Got> {
    const stream = this.#open("POST", path);
    stream.end(JSON.stringify(body));
    return read(this, stream);
  }

  /** A method of the API, as "AccessService/GetCaller". */
  call(method: string, body: unknown = {}): Promise<Got> {
    return this.post(`/api/hosttrail.v1.${method}`, body);
  }

  /** Messages of a method with many, as they come; ends with the error that ended it, if one did. */
  lines(method: string, body: unknown = {}): Lines {
    const stream = this.#open("POST", `/api/hosttrail.v1.${method}`);
    stream.end(JSON.stringify(body));
    return new Lines(stream);
  }

  #open(method: string, path: string): ClientHttp2Stream {
    const cookie = Array.from(this.cookies, ([name, value]) => `${name}=${value}`).join("; ");
    const type = method === "POST" ? { "content-type": "application/json" } : {};
    return this.#session.request(
      { ":method": method, ":path": path, ...type, ...this.headers, ...(cookie === "" ? {} : { cookie }) },
      { endStream: method === "GET" },
    );
  }
}

export class Lines {
  readonly stream: ClientHttp2Stream;
  /** Of the answer's last line. */
  last: unknown;
  heartbeats = 0;
  readonly status: Promise<number>;

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream;
    stream.on("error", () => undefined);
    this.status = new Promise((resolve) => stream.once("response", (headers) => resolve(Number(headers[":status"]))));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const piece of this.stream as AsyncIterable<Buffer>) {
      const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const value = JSON.parse(line) as Record<string, unknown>;
        if ("result" in value) yield value["result"];
        else if (Object.keys(value).length === 0) this.heartbeats++;
        else this.last = value;
      }
    }
    if (rest !== "") this.last = JSON.parse(rest);
  }

  close(): void {
    this.stream.close();
  }
}

function read(browser: Browser, stream: ClientHttp2Stream): Promise<Got> {
  return new Promise((resolve, reject) => {
    let headers: IncomingHttpHeaders = {};
    const pieces: Buffer[] = [];
    stream.on("response", (found) => {
      headers = found;
      for (const cookie of found["set-cookie"] ?? []) {
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
        if (value === "") browser.cookies.delete(name);
        else browser.cookies.set(name, value);
      }
    });
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("error", reject);
    stream.on("end", () => {
      const text = Buffer.concat(pieces).toString("utf8");
      const isJson = headers["content-type"]?.startsWith("application/json") === true;
      resolve({ status: Number(headers[":status"]), headers, text, json: isJson ? JSON.parse(text) : undefined });
    });
  });
}
