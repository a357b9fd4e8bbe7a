/** What the records do not say: names, the process's identity and ancestry, container, host and cloud. */
import type { Cloud, Event } from "@hosttrail/proto/event";
import type { Validity } from "../model/index.ts";
import type { CloudMode } from "../imds/index.ts";
import { CloudIdentity, type Tag } from "./cloud.ts";
import { containerOf } from "./container.ts";
import { FileHashes } from "./hash.ts";
import { HostFacts } from "./host.ts";
import { changesProcesses, type ProcessHost, ProcessTable } from "./processes.ts";
import { listProcesses, readGroup, readProcess } from "./procfs.ts";
import { UserNames } from "./users.ts";

export { readBootId, whyNoHostRoot } from "./host.ts";

export interface EnrichOptions {
  hostId: string;
  bootId: string;
  labels: Readonly<Record<string, string>>;
  /** False for records of another place or time: then /proc and /etc of this host say nothing about them. */
  local: boolean;
  /** Where the host's root is seen from here; empty, as where it is not given, for our own. */
  root?: string;
  /** Executables up to so many bytes get a hash; 0 for none. */
  executableHashBytesMax: number;
  cloud: CloudMode;
  /** Where the instance metadata service answers. */
  imdsEndpoint: string;
  /** Milliseconds between two looks at the instance's tags; some minutes where it is not given. */
  tagsIntervalMs?: number;
  /** Labels that a tag gives, by the tag's key; a label that stands in `labels` stays as it is there. */
  tagLabels?: Readonly<Record<string, string>>;
  /** Tags of the instance are others than before. */
  onTags?: (now: readonly Tag[], before: readonly Tag[]) => void;
  /** Arguments of a process without their secrets. */
  redact: (args: readonly string[]) => readonly string[];
}

/** Names are looked up again after so long, and what else may change without being seen. */
const VALID_MS = 10_000;
const TAGS_INTERVAL_MS = 300_000;

const NOWHERE: ProcessHost = {
  read: () => undefined,
  list: () => [],
  container: () => undefined,
  sha256: () => "",
  redact: (args) => args,
};

/** Enriches events in the order in which they happened. */
export class Enricher {
  readonly #host: HostFacts;
  readonly #users: UserNames;
  readonly #processes: ProcessTable;
  readonly #cloud: CloudIdentity;
  readonly #tagLabels: Readonly<Record<string, string>>;
  /** Whose labels the host has. */
  #labelled: Cloud | undefined;

  constructor(options: EnrichOptions) {
    const { hostId, bootId, labels, local, root = "", executableHashBytesMax, redact } = options;
    const hashes = new FileHashes(executableHashBytesMax);
    this.#host = new HostFacts(hostId, bootId, labels, root);
    this.#processes = new ProcessTable(
      hostId,
      bootId,
      !local
        ? NOWHERE
        : {
            read: readProcess,
            list: listProcesses,
            container: (pid) => containerOf(readGroup(pid)),
            sha256: (path, inodes, cameMs) => hashes.sha256(path === "" ? "" : root + path, inodes, cameMs),
            redact,
          },
    );
    this.#users = new UserNames(local, root);
    const { cloud, imdsEndpoint: endpoint, tagsIntervalMs = TAGS_INTERVAL_MS, tagLabels = {} } = options;
    const onTags = options.onTags ?? (() => undefined);
    this.#tagLabels = tagLabels;
    this.#cloud = new CloudIdentity({ mode: local ? cloud : "none", endpoint, tagsIntervalMs, onTags });
  }

  /** Fills the event in place. `nowMs` is monotonic. */
  enrich(event: Event, executed: boolean, nowMs: number): void {
    this.#locate(event, nowMs);
    if (event.user !== undefined) event.user = this.#users.resolve(event.user, nowMs);
    for (const file of event.files) {
      if (!file.hasAttributes) continue;
      file.owner = this.#users.userName(file.uid) || file.owner;
      file.group = this.#users.groupName(file.gid) || file.group;
    }
    this.#processes.resolve(event, executed, nowMs);
  }

  #locate(event: Event, nowMs: number): void {
    const cloud = this.#cloud.current;
    if (cloud !== this.#labelled) {
      this.#labelled = cloud;
      this.#host.label(labelsOf(cloud?.tags ?? [], this.#tagLabels));
    }
    event.host = this.#host.current(nowMs);
    event.cloud = cloud;
  }

  /** For how long what was filled in is right for another event like this one; undefined where each must be looked at. */
  validity(event: Event, nowMs: number): Validity | undefined {
    const { process, targets } = event;
    if (process === undefined || targets.length > 0 || changesProcesses(event)) return undefined;
    if (!this.#processes.isCurrent(process)) return undefined;
    return { untilMs: nowMs + VALID_MS, nameChanges: this.#users.changes };
  }

  /** Fills an event in that was filled before; false, having done nothing, where that is not right any more. */
  enrichAgain(event: Event, { untilMs, nameChanges }: Validity, nowMs: number): boolean {
    if (nowMs >= untilMs || nameChanges !== this.#users.changes) return false;
    if (event.process === undefined || !this.#processes.isCurrent(event.process)) return false;
    this.#locate(event, nowMs);
    return true;
  }

  /** Gives memory back. */
  shrink(): void {
    this.#processes.shrink();
  }

  close(): void {
    this.#cloud.close();
  }
}

/** What tags give as labels: `wanted` names a tag's key for each label. */
function labelsOf(tags: readonly Tag[], wanted: Readonly<Record<string, string>>): Record<string, string> {
  const values = new Map(tags.map(({ key, value }) => [key, value]));
  return Object.fromEntries(
    Object.entries(wanted).flatMap(([label, key]) => {
      const value = values.get(key);
      return value === undefined ? [] : [[label, value]];
    }),
  );
}
