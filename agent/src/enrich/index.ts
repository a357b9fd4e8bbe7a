/** What the records do not say: names, the process's identity and ancestry, the host. */
import type { Event } from "@hosttrail/proto/event";
import { HostFacts } from "./host.ts";
import { ProcessTable } from "./processes.ts";
import { readProcess } from "./procfs.ts";
import { UserNames } from "./users.ts";

export { readBootId } from "./host.ts";

export interface EnrichOptions {
  hostId: string;
  bootId: string;
  labels: Readonly<Record<string, string>>;
  /** False for records of another place or time: then /proc and /etc of this host say nothing about them. */
  local: boolean;
}

/** Enriches events in the order in which they happened. */
export class Enricher {
  readonly #host: HostFacts;
  readonly #users: UserNames;
  readonly #processes: ProcessTable;

  constructor({ hostId, bootId, labels, local }: EnrichOptions) {
    this.#host = new HostFacts(hostId, bootId, labels);
    this.#processes = new ProcessTable(hostId, bootId, local ? readProcess : () => undefined);
    this.#users = new UserNames(local);
  }

  /** Fills the event in place. `nowMs` is monotonic. */
  enrich(event: Event, executed: boolean, nowMs: number): void {
    event.host = this.#host.current(nowMs);
    if (event.user !== undefined) event.user = this.#users.resolve(event.user, nowMs);
    for (const file of event.files) {
      if (!file.hasAttributes) continue;
      file.owner = this.#users.userName(file.uid) || file.owner;
      file.group = this.#users.groupName(file.gid) || file.group;
    }
    this.#processes.resolve(event, executed);
  }
}
