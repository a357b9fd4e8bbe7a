/** Which hosts a question is about: those that are named, also by what they were called, of those that the caller may see. */
import { type ServiceError, status } from "@grpc/grpc-js";
import { isHostId } from "@hosttrail/lib/block";
import type { HostSelector } from "@hosttrail/proto/scan";
import type { HostSet } from "../access/index.ts";
import type { HostNames, WasCalled } from "../model/index.ts";
import { invalidField, serviceError } from "../serve/index.ts";
import type { TimeRange } from "./request.ts";

/** What selecting needs of the database. Each throws a RetryableError where it is away. */
export interface SelectArchive {
  /** In the order of their ids, after one of them. */
  listNames(afterId: string, limit: number): Promise<HostNames[]>;
  hostsWithin(labels: Readonly<Record<string, string>>): Promise<string[]>;
  hostsWithLabel(key: string): Promise<string[]>;
}

/** Who finds the hosts of a question. */
export interface HostFinder {
  select(asked: HostsAsked, visible: HostSet, range: TimeRange): Promise<HostSet>;
}

export interface HostsAsked {
  /** Empty for all. */
  hostId: string;
  hosts: HostSelector | undefined;
}

/** Things that one selector names, at most. */
const NAMED_MAX = 1000;
const TEXT_LENGTH_MAX = 320;
const PAGE_HOSTS = 1000;
/** How long names are remembered: a person asks several questions in a row. */
const CACHE_MS = 2000;

export class HostSelection implements HostFinder {
  readonly #archive: SelectArchive;
  #known: { readMs: number; names: Promise<HostNames[]> } | undefined;

  constructor(archive: SelectArchive) {
    this.#archive = archive;
  }

  /**
   * Hosts that meet every kind that is given, of those that the caller may see. Throws a ServiceError where what is asked for has no
   * form, or where none of what is named is there for the caller: whether others have it is not told.
   */
  async select({ hostId, hosts }: HostsAsked, visible: HostSet, range: TimeRange): Promise<HostSet> {
    if (hostId !== "" && !isHostId(hostId))
      throw invalid("HOST_ID_INVALID", "host_id must be 32 lower case hex digits", { host_id: hostId.slice(0, 128) });
    const one: HostSet = hostId === "" ? visible : common(new Set([hostId]), visible);
    if (hosts === undefined) return one;
    check(hosts);
    const { hostIds, names, instanceIds, labels } = hosts;
    let found = one;
    if (hostIds.length > 0) found = common(await this.#ofIds(hostIds, visible), found);
    if (names.length > 0) found = common(await this.#called("names", names, visible, range), found);
    if (instanceIds.length > 0) found = common(await this.#called("instances", instanceIds, visible, range), found);
    if (labels.length > 0) found = common(await this.#labelled(labels, visible), found);
    return found;
  }

  async #ofIds(ids: readonly string[], visible: HostSet): Promise<ReadonlySet<string>> {
    const known = new Set((await this.#names()).map(({ hostId }) => hostId));
    const found = new Set(ids.filter((id) => known.has(id) && visible?.has(id) !== false));
    return found.size > 0 ? found : unknown("host_ids", ids, "");
  }

  async #called(
    kind: "names" | "instances",
    texts: readonly string[],
    visible: HostSet,
    { startNano, endNano }: TimeRange,
  ): Promise<ReadonlySet<string>> {
    const wanted = new Set(texts);
    const isIt = ({ text, firstNano, lastNano }: WasCalled): boolean =>
      wanted.has(text) && firstNano < endNano && lastNano >= startNano;
    const found = (await this.#names()).filter((host) => visible?.has(host.hostId) !== false && host[kind].some(isIt));
    if (found.length > 0) return new Set(found.map(({ hostId }) => hostId));
    return unknown(kind === "names" ? "names" : "instance_ids", texts, " in the time that is asked about");
  }

  async #labelled(labels: readonly string[], visible: HostSet): Promise<ReadonlySet<string>> {
    const lists = await Promise.all(
      labels.map((label) => {
        const at = label.indexOf("=");
        return at === -1
          ? this.#archive.hostsWithLabel(label)
          : this.#archive.hostsWithin({ [label.slice(0, at)]: label.slice(at + 1) });
      }),
    );
    const found = new Set(lists.flat().filter((id) => visible?.has(id) !== false));
    return found.size > 0 ? found : unknown("labels", labels, "");
  }

  async #names(): Promise<HostNames[]> {
    const now = performance.now();
    if (this.#known === undefined || now - this.#known.readMs > CACHE_MS) {
      const names = this.#read();
      this.#known = { readMs: now, names };
      names.catch(() => {
        this.#known = undefined;
      });
    }
    return await this.#known.names;
  }

  async #read(): Promise<HostNames[]> {
    const all: HostNames[] = [];
    for (;;) {
      const page = await this.#archive.listNames(all.at(-1)?.hostId ?? "", PAGE_HOSTS);
      all.push(...page);
      if (page.length < PAGE_HOSTS) return all;
    }
  }
}

function check({ hostIds, names, instanceIds, labels }: HostSelector): void {
  const lists = { host_ids: hostIds, names, instance_ids: instanceIds, labels };
  let count = 0;
  for (const [field, list] of Object.entries(lists)) {
    for (const text of list)
      if (text === "" || text.length > TEXT_LENGTH_MAX)
        throw invalidField(`hosts.${field}`, text, `texts of 1 to ${TEXT_LENGTH_MAX} characters`);
    count += list.length;
  }
  if (count > NAMED_MAX)
    throw invalidField("hosts", count, `up to ${NAMED_MAX} ids, names, instances and labels together`);
  const wrong = hostIds.find((id) => !isHostId(id));
  if (wrong !== undefined) throw invalidField("hosts.host_ids", wrong, "32 lower case hex digits");
}

function common(some: ReadonlySet<string>, others: HostSet): ReadonlySet<string> {
  return others === undefined ? some : new Set([...some].filter((id) => others.has(id)));
}

function unknown(field: string, texts: readonly string[], when: string): never {
  const [first = ""] = texts;
  const shown =
    texts.length === 1 ? JSON.stringify(first) : `${JSON.stringify(first)} or of ${texts.length - 1} others`;
  throw serviceError(
    status.NOT_FOUND,
    "HOST_UNKNOWN",
    `no host that you may see has one of hosts.${field}${when}: ${shown}`,
    { field: `hosts.${field}` },
  );
}

function invalid(reason: string, message: string, metadata: Readonly<Record<string, string>>): ServiceError {
  return serviceError(status.INVALID_ARGUMENT, reason, message, metadata);
}
