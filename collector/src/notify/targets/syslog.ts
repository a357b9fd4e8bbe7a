/** Sends one message of syslog (RFC 5424): over TLS (RFC 5425), TCP (RFC 6587, octet counting) or UDP (RFC 5426). */
import { createSocket } from "node:dgram";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { AddressGuard } from "../address.ts";
import { connectionError, DeliveryError } from "../failure.ts";
import { isoOf, type Notice, type SeverityName, severityOf } from "../notice.ts";
import { cefMessage } from "./cef.ts";

export interface SyslogOptions {
  protocol: "tls" | "tcp" | "udp";
  host: string;
  port: number;
  /** Also to other machines without TLS. */
  allowsPlain: boolean;
  ca: string;
  guard: AddressGuard;
  timeoutMs: number;
}

/** Facility 13: log audit. */
const FACILITY = 13;
const SEVERITY: Readonly<Record<SeverityName, number>> = { informational: 6, low: 5, medium: 4, high: 3, critical: 2 };
/** What every receiver takes (RFC 5426, 3.2; RFC 5425, 4.3.1). */
const BYTES_MAX = { tls: 8192, tcp: 8192, udp: 2048 } as const;
const HEADER_BYTES_MAX = 160;
/** A server that keeps the connection open after we ended it has what we sent, as far as anybody can know. */
const CLOSE_MS = 1000;

export function syslogMessage(notice: Notice, protocol: SyslogOptions["protocol"]): string {
  const priority = FACILITY * 8 + SEVERITY[severityOf(notice)];
  const header = `<${priority}>1 ${isoOf(notice.timeMs) || "-"} - hosttrail - ${notice.kind} -`;
  return `${header} ${cefMessage(notice, BYTES_MAX[protocol] - HEADER_BYTES_MAX)}`;
}

/** Syslog has no acknowledgement: resolves where the message went out and nothing came back. */
export async function sendSyslog(message: string, options: SyslogOptions): Promise<void> {
  const { protocol, guard, host, allowsPlain, timeoutMs } = options;
  const isPlain = protocol !== "tls" && !allowsPlain;
  guard.check(host, isPlain);
  try {
    if (protocol === "udp") await sendDatagram(message, options, isPlain);
    else await sendStream(message, options, isPlain);
  } catch (error) {
    throw connectionError(error, timeoutMs);
  }
}

function sendDatagram(
  message: string,
  { host, port, guard, timeoutMs }: SyslogOptions,
  isPlain: boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const lookup = guard.lookup(isPlain);
    lookup(host, {}, (error, address, family) => {
      if (error !== null || typeof address !== "string") return reject(error ?? new DeliveryError("it has no address"));
      const socket = createSocket(family === 6 ? "udp6" : "udp4");
      const end = (failure?: Error | null): void => {
        clearTimeout(timer);
        socket.close();
        if (failure === undefined || failure === null) resolve();
        else reject(failure);
      };
      const timer = setTimeout(() => end(new DeliveryError(`not sent within ${timeoutMs} ms`)), timeoutMs);
      socket.once("error", end);
      socket.send(message, port, address, (failure) => end(failure));
    });
  });
}

function sendStream(message: string, options: SyslogOptions, isPlain: boolean): Promise<void> {
  const { protocol, host, port, ca, guard, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    const about = { host, port, lookup: guard.lookup(isPlain) };
    const servername = /^[\d.]+$|:/.test(host) ? "" : host;
    const tls = { servername, minVersion: "TLSv1.2" as const, ...(ca === "" ? {} : { ca }) };
    const socket: Socket = protocol === "tls" ? connectTls({ ...about, ...tls }) : connectPlain(about);
    const timers: NodeJS.Timeout[] = [];
    const end = (failure?: Error): void => {
      for (const timer of timers) clearTimeout(timer);
      socket.destroy();
      if (failure === undefined) resolve();
      else reject(failure);
    };
    let isSent = false;
    timers.push(setTimeout(() => end(new DeliveryError(`no answer within ${timeoutMs} ms`)), timeoutMs));
    socket.once("error", end);
    socket.once("close", () => end(isSent ? undefined : new DeliveryError("the server ended the connection")));
    socket.once(protocol === "tls" ? "secureConnect" : "connect", () => {
      socket.end(`${Buffer.byteLength(message)} ${message}`, () => {
        isSent = true;
        timers.push(setTimeout(() => end(), CLOSE_MS));
      });
      socket.resume();
    });
  });
}
