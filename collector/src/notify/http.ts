/** One POST: within a time, to an address that was checked, with redirects told and never followed. */
import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { line } from "@hosttrail/lib/text";
import type { AddressGuard } from "./address.ts";
import { connectionError, DeliveryError } from "./failure.ts";

export interface Post {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
}

export interface PostOptions {
  guard: AddressGuard;
  timeoutMs: number;
  /** Certificates that are trusted in place of the system's; empty for those. */
  ca: string;
}

/** Never tried again: what the target says of the message itself. */
const REFUSALS: readonly number[] = [400, 413, 422];
const RETRY_AFTER_MAX_MS = 3_600_000;

/** Resolves where the target took it (2xx); else throws a DeliveryError. What it answers beside the status is not read. */
export async function post({ url, headers, body }: Post, options: PostOptions): Promise<void> {
  const { guard, timeoutMs } = options;
  const target = new URL(url);
  const isPlain = target.protocol === "http:";
  guard.check(target.hostname, isPlain);
  const signal = AbortSignal.timeout(timeoutMs);
  const answer = await new Promise<{ status: number; location: string; retryAfter: string }>((resolve, reject) => {
    const request = (isPlain ? plainRequest : tlsRequest)(
      target,
      {
        method: "POST",
        headers: { "user-agent": "hosttrail", ...headers, "content-length": Buffer.byteLength(body) },
        // A connection of its own, which was checked.
        agent: false,
        lookup: guard.lookup(isPlain),
        signal,
        ...(isPlain ? {} : { minVersion: "TLSv1.2" as const, ...(options.ca === "" ? {} : { ca: options.ca }) }),
      },
      (response) => {
        const { location = "", "retry-after": retryAfter = "" } = response.headers;
        resolve({ status: response.statusCode ?? 0, location, retryAfter });
        request.destroy();
      },
    );
    request.on("error", (error) => reject(connectionError(error, timeoutMs)));
    request.end(body);
  });
  judge(answer);
}

function judge({ status, location, retryAfter }: { status: number; location: string; retryAfter: string }): void {
  if (status >= 200 && status < 300) return;
  if (status >= 300 && status < 400)
    throw new DeliveryError(`HTTP ${status}: it redirects to ${originOf(location)}; redirects are not followed`);
  throw new DeliveryError(`HTTP ${status}`, {
    isPermanent: REFUSALS.includes(status),
    retryAfterMs: retryAfterMs(retryAfter, Date.now()),
  });
}

/** Where it would lead, without a path that may be a secret. */
function originOf(location: string): string {
  return URL.canParse(location) ? line(new URL(location).origin, 200) : "another path";
}

/** Seconds, or a date (RFC 9110, 10.2.3); 0 for anything else. */
export function retryAfterMs(text: string, nowMs: number): number {
  const wanted = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(wanted) ? Math.min(Math.max(wanted, 0), RETRY_AFTER_MAX_MS) : 0;
}
