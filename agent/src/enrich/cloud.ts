/**
 * Which cloud instance this is, by AWS's Instance Metadata Service, version 2: a token first, then the signed document's facts
 * and, where the instance allows it, its tags. Asked at the start and seldom again, never on the events' way.
 * Source: AWS documentation, "Use the Instance Metadata Service to access instance metadata".
 */
import { readFileSync } from "node:fs";
import { request } from "node:http";
import type { Cloud } from "@hosttrail/proto/event";

const TIMEOUT_MS = 2000;
const RETRY_MS = [1000, 5000, 30_000, 300_000] as const;
/** Tags can change; the rest cannot. */
const REFRESH_MS = 6 * 3_600_000;
const ANSWER_BYTES_MAX = 65_536;
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
  const token = await ask(endpoint, "/latest/api/token", "PUT", { "X-aws-ec2-metadata-token-ttl-seconds": "300" });
  const headers = { "X-aws-ec2-metadata-token": token };
  const document = JSON.parse(
    await ask(endpoint, "/latest/dynamic/instance-identity/document", "GET", headers),
  ) as unknown;
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
    tags: await readTags(endpoint, headers),
  };
}

/** Tags are there only where the instance allows it. */
async function readTags(endpoint: string, headers: Record<string, string>): Promise<{ key: string; value: string }[]> {
  try {
    const keys = (await ask(endpoint, "/latest/meta-data/tags/instance", "GET", headers))
      .split("\n")
      .slice(0, TAGS_MAX);
    const path = (key: string): string => `/latest/meta-data/tags/instance/${encodeURIComponent(key)}`;
    return await Promise.all(
      keys
        .filter((key) => key !== "")
        .map(async (key) => ({ key, value: (await ask(endpoint, path(key), "GET", headers)).slice(0, 256) })),
    );
  } catch {
    return [];
  }
}

function ask(endpoint: string, path: string, method: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(`${endpoint}${path}`, { method, headers, timeout: TIMEOUT_MS, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => {
        text += part;
        if (text.length > ANSWER_BYTES_MAX) call.destroy(new Error("the answer is too long"));
      });
      answer.on("error", reject);
      answer.on("end", () => {
        if (answer.statusCode === 200) resolve(text);
        else reject(new Error(`${method} ${path}: status ${answer.statusCode}`));
      });
    });
    call.on("timeout", () => call.destroy(new Error(`${method} ${path}: no answer`)));
    call.on("error", reject);
    call.end();
  });
}
