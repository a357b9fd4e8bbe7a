/**
 * VictoriaLogs, the peer that the console is held against: a store of logs in columns with a page of its own for them, as one program. It is built
 * on demand from its pinned Go module, for this bench alone.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { request } from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Child, freePort, type Say, waitForPort } from "@hosttrail/stack";

const SOURCE = new URL("victorialogs", import.meta.url).pathname;
const MODULE = "github.com/VictoriaMetrics/VictoriaLogs";
const BUILD_MS_MAX = 1_800_000;
const STORED_MS_MAX = 120_000;
const ASKED_MS_MAX = 600_000;
/** What its rows show of an event: the first of these that it has, which are fields of ECS documents. */
const MESSAGE_FIELDS = "process.command_line,process.title,event.action";

export interface VictoriaOptions {
  /** Its data, log and note of its process; it may be deleted once it has stopped. */
  directory: string;
  /** Where the built program is kept. */
  tools: string;
  /** It speaks TLS with the certificate and the key of ours, so that both take the same way to the browser. */
  certificateFile: string;
  keyFile: string;
  authorityFile: string;
  say: Say;
}

export class Victoria {
  readonly child: Child;
  readonly url: string;
  readonly version: string;
  readonly data: string;
  readonly #port: number;
  readonly #ca: string;

  private constructor(
    binary: string,
    port: number,
    { directory, certificateFile, keyFile, authorityFile }: VictoriaOptions,
  ) {
    this.#port = port;
    this.#ca = readFileSync(authorityFile, "utf8");
    this.url = `https://localhost:${port}`;
    this.version = versionOf();
    this.data = join(directory, "victorialogs");
    const args = [
      `-storageDataPath=${this.data}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      "-tls",
      `-tlsCertFile=${certificateFile}`,
      `-tlsKeyFile=${keyFile}`,
      "-retentionPeriod=1y",
      "-loggerLevel=WARN",
    ];
    this.child = new Child({ name: "victorialogs", command: binary, args, directory });
  }

  /** Built where it is not there yet; not started. */
  static async prepare(options: VictoriaOptions): Promise<Victoria> {
    return new Victoria(build(options.tools, options.say), await freePort(), options);
  }

  async start(): Promise<void> {
    this.child.start();
    await waitForPort(this.#port, "VictoriaLogs", () => this.child.assertRunning(), STORED_MS_MAX);
  }

  /** Takes JSON lines, ECS documents of one host, piece by piece. */
  async take(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const query = new URLSearchParams({
      _stream_fields: "host.name",
      _time_field: "@timestamp",
      _msg_field: MESSAGE_FIELDS,
    });
    await this.#ask(`/insert/jsonline?${query.toString()}`, pieces);
  }

  /** How many events it gives out for a filter of LogsQL, whenever they happened. */
  async count(filter: string): Promise<number> {
    const text = await this.#ask(
      "/select/logsql/query",
      new URLSearchParams({ query: `${filter} | stats count() events` }),
    );
    return Number((JSON.parse(text) as { events: string }).events);
  }

  /** Waits until all that it took can be found. Throws where it has another number of events after two minutes. */
  async settle(events: number): Promise<void> {
    let found = 0;
    for (const end = performance.now() + STORED_MS_MAX; performance.now() < end; await sleep(500)) {
      await this.#ask("/internal/force_flush", "");
      found = await this.count("*");
      if (found === events) return;
    }
    throw new Error(`VictoriaLogs was given ${events} events and has ${found}`);
  }

  async #ask(path: string, body: AsyncIterable<Uint8Array> | URLSearchParams | string): Promise<string> {
    const call = request(`${this.url}${path}`, {
      method: "POST",
      ca: this.#ca,
      timeout: ASKED_MS_MAX,
      headers: body instanceof URLSearchParams ? { "Content-Type": "application/x-www-form-urlencoded" } : {},
    });
    call.once("timeout", () => call.destroy(new Error(`VictoriaLogs said nothing for ${ASKED_MS_MAX / 1000} s`)));
    const answered = new Promise<string>((resolve, reject) => {
      call.once("error", reject);
      call.once("response", (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (piece: string) => (text += piece));
        response.once("error", reject);
        response.once("end", () => {
          const { statusCode = 0 } = response;
          if (statusCode >= 200 && statusCode < 300) resolve(text);
          else
            reject(new Error(`VictoriaLogs answered ${path.split("?")[0]} with ${statusCode}: ${text.slice(0, 400)}`));
        });
      });
    });
    const sent = async (): Promise<void> => {
      if (typeof body === "string" || body instanceof URLSearchParams) call.write(body.toString());
      else for await (const piece of body) if (!call.write(piece)) await Promise.race([once(call, "drain"), answered]);
      call.end();
    };
    const [text] = await Promise.all([answered, sent()]);
    return text;
  }
}

function versionOf(): string {
  const version = new RegExp(`${MODULE} (v\\S+)`).exec(readFileSync(join(SOURCE, "go.mod"), "utf8"))?.[1];
  if (version === undefined) throw new Error(`bench/console/victorialogs/go.mod does not name a version of ${MODULE}`);
  return version;
}

/** Builds it once; the stamp is the content of go.mod and go.sum. */
function build(tools: string, say: Say): string {
  const binary = join(tools, "victoria-logs");
  const stamp = ["go.mod", "go.sum"].map((name) => readFileSync(join(SOURCE, name), "utf8")).join("\n");
  const stampFile = `${binary}.stamp`;
  if (
    existsSync(binary) &&
    statSync(binary).size > 0 &&
    existsSync(stampFile) &&
    readFileSync(stampFile, "utf8") === stamp
  )
    return binary;
  say("building VictoriaLogs from its pinned Go module (a minute or more, once)");
  mkdirSync(tools, { recursive: true });
  try {
    execFileSync("go", ["build", "-trimpath", "-mod=readonly", "-o", binary, `${MODULE}/app/victoria-logs`], {
      cwd: SOURCE,
      stdio: ["ignore", "inherit", "inherit"],
      timeout: BUILD_MS_MAX,
      env: { ...process.env, GOFLAGS: "-buildvcs=false", CGO_ENABLED: "0" },
    });
  } catch (error) {
    throw new Error(
      "VictoriaLogs, the peer of --peer, was not built: that wants go on PATH (1.26.5 or newer) and a Go proxy in reach",
      {
        cause: error,
      },
    );
  }
  writeFileSync(stampFile, stamp);
  return binary;
}
