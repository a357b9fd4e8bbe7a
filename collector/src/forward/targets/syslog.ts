/**
 * A receiver of syslog (RFC 5424) over TLS (RFC 5425) or TCP (RFC 6587, octet counting), with CEF as the message. Syslog acknowledges
 * nothing; so each batch is a connection of its own, which we end, and the batch has gone out when the receiver has ended it as well: then it
 * has read all of it.
 */
import { readFile } from "node:fs/promises";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { once } from "node:events";
import { type Alert, AlertState } from "@hosttrail/proto/alert";
import type { Event } from "@hosttrail/proto/event";
import { cefAlert, cefEvent } from "../../cef/index.ts";
import { ForwardError, reasonOf } from "../failure.ts";
import type { Batch, BatchName, Target } from "../ports.ts";

export interface SyslogOptions {
  /** `tls://host:port` or `tcp://host:port`. */
  address: string;
  /** PEM; empty for the system's authorities. */
  caFile: string;
  timeoutMs: number;
  told: (bytes: number) => void;
}

/** Facility 13: log audit. Severities of RFC 5424: 6 informational, and by the numbers of ours. */
const FACILITY = 13;
const INFORMATIONAL = 6;
const SEVERITIES = [6, 6, 5, 4, 3, 2] as const;
/** What every receiver takes over TLS (RFC 5425, 4.3.1). */
const MESSAGE_BYTES_MAX = 8192;
const HEADER_BYTES_MAX = 512;
const HOST_NAME_MAX = 255;
const CHANGES: Readonly<Record<number, string>> = {
  [AlertState.OPEN]: "opened",
  [AlertState.ACKNOWLEDGED]: "acknowledged",
  [AlertState.CLOSED]: "closed",
};

export class SyslogTarget implements Target {
  readonly #options: SyslogOptions;

  constructor(options: SyslogOptions) {
    this.#options = options;
  }

  openEvents(_name: BatchName, signal: AbortSignal): Batch<Event> {
    return new SyslogBatch(this.#options, messageOfEvent, signal);
  }

  openAlerts(_name: BatchName, signal: AbortSignal): Batch<Alert> {
    return new SyslogBatch(this.#options, messageOfAlert, signal);
  }
}

class SyslogBatch<Row> implements Batch<Row> {
  readonly #options: SyslogOptions;
  readonly #messageOf: (row: Row) => string;
  readonly #signal: AbortSignal;
  #connection: SyslogConnection | undefined;

  constructor(options: SyslogOptions, messageOf: (row: Row) => string, signal: AbortSignal) {
    this.#options = options;
    this.#messageOf = messageOf;
    this.#signal = signal;
  }

  async write(rows: readonly Row[]): Promise<void> {
    this.#connection ??= await SyslogConnection.open(this.#options, this.#signal);
    const frames = rows.map((row) => {
      const message = this.#messageOf(row);
      return `${Buffer.byteLength(message)} ${message}`;
    });
    const bytes = Buffer.from(frames.join(""));
    await this.#connection.write(bytes);
    this.#options.told(bytes.length);
  }

  async end(): Promise<void> {
    await this.#connection?.end();
    this.#connection = undefined;
  }

  async drop(): Promise<void> {
    this.#connection?.destroy();
    this.#connection = undefined;
  }
}

/** Each of its calls throws a ForwardError where the receiver breaks off or does nothing for the time that is allowed. */
class SyslogConnection {
  readonly #socket: Socket;
  readonly #address: string;
  #failure: Error | undefined;

  private constructor(socket: Socket, address: string, timeoutMs: number) {
    this.#socket = socket;
    this.#address = address;
    socket.on("error", (error) => (this.#failure ??= error));
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`nothing happened for ${timeoutMs} ms`)));
    // Whatever it says; only its end is waited for.
    socket.resume();
  }

  static async open({ address, caFile, timeoutMs }: SyslogOptions, signal: AbortSignal): Promise<SyslogConnection> {
    const { protocol, hostname, port } = new URL(address);
    const host = hostname.replaceAll(/^\[|\]$/g, "");
    const about = { host, port: Number(port), signal };
    try {
      const ca = caFile === "" ? {} : { ca: await readFile(caFile) };
      const servername = /^[\d.]+$|:/.test(host) ? "" : host;
      const isTls = protocol === "tls:";
      const socket = isTls
        ? connectTls({ ...about, ...ca, servername, minVersion: "TLSv1.2" })
        : connectPlain({ ...about, allowHalfOpen: true });
      const connection = new SyslogConnection(socket, address, timeoutMs);
      await once(socket, isTls ? "secureConnect" : "connect");
      return connection;
    } catch (error) {
      throw new ForwardError(`${address} cannot be reached: ${reasonOf(error)}`, { cause: error });
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#tried(
      () =>
        new Promise<void>((resolve, reject) => {
          this.#socket.write(bytes, (error) => (error ? reject(error) : resolve()));
        }),
    );
  }

  /** Resolves when the receiver has ended the connection after us. */
  async end(): Promise<void> {
    await this.#tried(async () => {
      const socket = this.#socket;
      if (socket.readableEnded) throw new Error("it ended the connection before us");
      const ended = once(socket, "end");
      socket.end();
      await ended;
      socket.destroy();
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #tried(act: () => Promise<void>): Promise<void> {
    try {
      if (this.#failure !== undefined) throw this.#failure;
      await act();
    } catch (error) {
      const cause = this.#failure ?? error;
      this.#socket.destroy();
      throw new ForwardError(`${this.#address} broke off: ${reasonOf(cause)}`, { cause });
    }
  }
}

function messageOfEvent(event: Event): string {
  const millis = Number((event.event?.timeUnixNano ?? 0n) / 1_000_000n);
  const header = headerOf(INFORMATIONAL, millis, event.host?.name ?? "", "event");
  return `${header} ${cefEvent(event, MESSAGE_BYTES_MAX - HEADER_BYTES_MAX)}`;
}

function messageOfAlert(alert: Alert): string {
  const { updateTime, hosts, state } = alert;
  const timeMs = updateTime === undefined ? 0 : Number(updateTime.seconds) * 1000 + Math.floor(updateTime.nanos / 1e6);
  const severity = SEVERITIES[Math.min(alert.rule?.severity ?? 0, SEVERITIES.length - 1)] ?? INFORMATIONAL;
  const actor = alert.history.at(-1)?.actor ?? "";
  const told = { alert, change: CHANGES[state] ?? "updated", timeMs, actor, link: "", message: alert.title };
  const header = headerOf(severity, timeMs, hosts.length === 1 ? (hosts[0]?.name ?? "") : "", "alert");
  return `${header} ${cefAlert(told, MESSAGE_BYTES_MAX - HEADER_BYTES_MAX)}`;
}

/** `hostName` was chosen by whoever is watched: only what the RFC allows there. */
function headerOf(severity: number, timeMs: number, hostName: string, kind: string): string {
  const date = new Date(timeMs);
  const time = Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999 || timeMs < 0 ? "-" : date.toISOString();
  const host = hostName.replaceAll(/[^\x21-\x7e]/g, "").slice(0, HOST_NAME_MAX) || "-";
  return `<${FACILITY * 8 + severity}>1 ${time} ${host} hosttrail - ${kind} -`;
}
