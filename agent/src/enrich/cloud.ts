/**
 * Which cloud instance this is, by AWS's Instance Metadata Service: the signed document's facts and, where the instance allows it, its tags.
 * Asked at the start; tags again from time to time, never on the events' way.
 *
 * States: unknown -> known; known -> known with other tags, again and again. A question that fails changes nothing: what was known holds.
 * Source: AWS documentation, "Use the Instance Metadata Service to access instance metadata".
 */
import type { Cloud } from "@hosttrail/proto/event";
import { type CloudMode, hasImds, Imds } from "../imds/index.ts";

const RETRY_MS = [1000, 5000, 30_000, 300_000] as const;
const TAGS_MAX = 50;
const TAG_LENGTH_MAX = 256;

export type Tag = Cloud["tags"][number];
type TellTags = (now: readonly Tag[], before: readonly Tag[]) => void;

export interface CloudOptions {
  mode: CloudMode;
  /** Where the instance metadata service answers. */
  endpoint: string;
  /** Milliseconds between two looks at the tags. */
  tagsIntervalMs: number;
  /** Told when the tags are others than before; not of the first ones. */
  onTags: TellTags;
}

/** Knows the instance as soon as the service has answered. */
export class CloudIdentity {
  current: Cloud | undefined;
  readonly #options: CloudOptions;
  readonly #imds: Imds;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: CloudOptions) {
    this.#options = options;
    this.#imds = new Imds(options.endpoint);
    if (hasImds(options.mode)) void this.#ask(0);
  }

  async #ask(attempt: number): Promise<void> {
    const { tagsIntervalMs, onTags } = this.#options;
    try {
      const before = this.current;
      if (before === undefined) this.current = await readAws(this.#imds);
      else {
        const tags = await readTags(this.#imds);
        if (JSON.stringify(tags) !== JSON.stringify(before.tags)) {
          this.current = { ...before, tags };
          if (!this.#closed) onTags(tags, before.tags);
        }
      }
      this.#again(tagsIntervalMs, 0);
    } catch {
      // Blocked, or not there yet: asked again, less and less often.
      const delayMs = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? tagsIntervalMs;
      this.#again(this.current === undefined ? delayMs : tagsIntervalMs, attempt + 1);
    }
  }

  #again(delayMs: number, attempt: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#ask(attempt), delayMs);
    this.#timer.unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}

/** Asks the service; throws where it does not answer as it should. */
export async function readAws(imds: Imds): Promise<Cloud> {
  const document = JSON.parse(await imds.get("/latest/dynamic/instance-identity/document")) as unknown;
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
    tags: await readTags(imds),
  };
}

/** In the order of their keys. They are there only where the instance allows it (instance_metadata_tags). */
async function readTags(imds: Imds): Promise<Tag[]> {
  const folder = "/latest/meta-data/tags/instance";
  const keys = ((await imds.find(folder)) ?? "").split("\n").filter((key) => key !== "");
  const tags = await Promise.all(
    keys.slice(0, TAGS_MAX).map(async (key): Promise<Tag | undefined> => {
      const value = await imds.find(`${folder}/${encodeURIComponent(key)}`);
      // Removed between two questions.
      return value === undefined ? undefined : { key, value: value.slice(0, TAG_LENGTH_MAX) };
    }),
  );
  return tags.filter((tag) => tag !== undefined).sort((a, b) => (a.key < b.key ? -1 : 1));
}
