/**
 * Which cloud instance this is, by AWS's Instance Metadata Service, version 2: a token first, then the signed document's facts
 * and, where the instance allows it, its tags. Asked at the start and seldom again, never on the events' way.
 * Source: AWS documentation, "Use the Instance Metadata Service to access instance metadata".
 */
import { readFileSync } from "node:fs";
import type { Cloud } from "@hosttrail/proto/event";
import { type ImdsGet, openImds } from "../imds/index.ts";

const RETRY_MS = [1000, 5000, 30_000, 300_000] as const;
/** Tags can change; the rest cannot. */
const REFRESH_MS = 6 * 3_600_000;
const TAGS_MAX = 32;

export type CloudMode = "auto" | "aws" | "none";

/** Knows the instance as soon as the service has answered. */
export class CloudIdentity {
  current: Cloud | undefined;
  readonly #endpoint: string;
  #timer: NodeJS.Timeout | undefined;

  constructor(mode: CloudMode, endpoint: string) {
    this.#endpoint = endpoint;
    if (mode === "aws" || (mode === "auto" && isAws())) void this.#ask(0);
  }

  async #ask(attempt: number): Promise<void> {
    try {
      this.current = await readAws(this.#endpoint);
      this.#again(REFRESH_MS, 0);
    } catch {
      // Blocked, or not there yet: asked again, less and less often.
      this.#again(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? REFRESH_MS, attempt + 1);
    }
  }

  #again(delayMs: number, attempt: number): void {
    this.#timer = setTimeout(() => void this.#ask(attempt), delayMs);
    this.#timer.unref();
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

/** The firmware says so, without any question to the network. */
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

/** Asks the service; throws where it does not answer as it should. */
export async function readAws(endpoint: string): Promise<Cloud> {
  const get = await openImds(endpoint);
  const document = JSON.parse(await get("/latest/dynamic/instance-identity/document")) as unknown;
  const field = (name: string): string => {
    const value =
      typeof document === "object" && document !== null ? (document as Record<string, unknown>)[name] : undefined;
    return typeof value === "string" ? value.slice(0, 256) : "";
  };
  const instanceId = field("instanceId");
  if (instanceId === "") throw new Error("the instance identity document names no instance");
  return {
    provider: "aws",
    accountId: field("accountId"),
    region: field("region"),
    availabilityZone: field("availabilityZone"),
    instanceId,
    machineType: field("instanceType"),
    tags: await readTags(get),
  };
}

/** Tags are there only where the instance allows it. */
async function readTags(get: ImdsGet): Promise<{ key: string; value: string }[]> {
  try {
    const keys = (await get("/latest/meta-data/tags/instance")).split("\n").slice(0, TAGS_MAX);
    const path = (key: string): string => `/latest/meta-data/tags/instance/${encodeURIComponent(key)}`;
    return await Promise.all(
      keys.filter((key) => key !== "").map(async (key) => ({ key, value: (await get(path(key))).slice(0, 256) })),
    );
  } catch {
    return [];
  }
}
