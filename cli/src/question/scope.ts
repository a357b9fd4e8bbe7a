/** Hosts and times of a question. */
import {
  type HostRecord,
  ListHostsRequest,
  type ListHostsResponse,
  type QueryServiceClient,
  StreamSearchRequest,
  type StreamSearchResponse,
} from "@hosttrail/proto/query";
import { HostSelector } from "@hosttrail/proto/scan";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { answers, call } from "../call.ts";
import { nanosOf } from "../text.ts";
import { BOOT, readTime } from "../time.ts";

/** What somebody said of hosts and times. */
export interface About {
  since: string | undefined;
  until: string | undefined;
  /** Names or ids. */
  host: readonly string[];
  instance: readonly string[];
  label: readonly string[];
}

/** The same as requests have it. */
export interface Scope {
  hosts: HostSelector | undefined;
  startTime: Timestamp | undefined;
  endTime: Timestamp | undefined;
}

const HOST_ID = /^[0-9a-f]{32}$/;
const HOSTS_MAX = 1000;

/** Asks the collector only where it must be: for the start of a host, or where ids and names are mixed. */
export async function scopeOf(client: QueryServiceClient, about: About, signal: AbortSignal): Promise<Scope> {
  const hosts = await askedHosts(client, about);
  const nowMs = Date.now();
  const at = async (text: string | undefined): Promise<Timestamp | undefined> => {
    if (text === undefined) return undefined;
    const time = readTime(text, nowMs);
    return time === BOOT ? await bootTime(client, about.host, signal) : time;
  };
  const [startTime, endTime] = [await at(about.since), await at(about.until)];
  if (startTime !== undefined && endTime !== undefined && nanosOf(startTime) >= nanosOf(endTime))
    throw new Error(`nothing is between --since ${about.since} and --until ${about.until}: the first must be earlier`);
  return { hosts, startTime, endTime };
}

export async function askedHosts(
  client: QueryServiceClient,
  { host, instance, label }: Pick<About, "host" | "instance" | "label">,
): Promise<HostSelector | undefined> {
  if (host.length + instance.length + label.length === 0) return undefined;
  let [ids, names] = [host.filter((text) => HOST_ID.test(text)), host.filter((text) => !HOST_ID.test(text))];
  // A host must have all kinds that are given, and of a kind one: so what names stand for is asked.
  if (ids.length > 0 && names.length > 0) {
    ids = [...new Set([...ids, ...(await listHosts(client, { names })).map(({ hostId }) => hostId)])];
    names = [];
  }
  return HostSelector.fromPartial({ hostIds: ids, names, instanceIds: [...instance], labels: [...label] });
}

async function listHosts(client: QueryServiceClient, hosts: { names: string[] }): Promise<readonly HostRecord[]> {
  const request = ListHostsRequest.fromPartial({ pageSize: HOSTS_MAX, hosts });
  const page = await call<ListHostsResponse>((done) => client.listHosts(request, done));
  if (page.nextPageToken !== "") throw new Error(`more than ${HOSTS_MAX} hosts have one of these names`);
  return page.hosts;
}

/** The id of the one host that a name or an id stands for; throws where there is none, or several. */
export async function oneHost(client: QueryServiceClient, text: string): Promise<string> {
  if (HOST_ID.test(text)) return text;
  if (text === "") throw new Error("which host? give its name or its id");
  const found = await listHosts(client, { names: [text] });
  const [only, ...more] = found;
  if (only === undefined) throw new Error(`no host has, or had, the name "${text}"; hosttrail hosts lists all`);
  if (more.length === 0) return only.hostId;
  const ids = found.map(({ hostId, name }) => `${hostId} (now ${name})`);
  throw new Error(`${found.length} hosts have, or had, the name "${text}": ${ids.join(", ")}; give the id of one`);
}

/** A moment of one host. */
export async function timeAt(
  client: QueryServiceClient,
  hostId: string,
  text: string,
  signal: AbortSignal,
): Promise<Timestamp> {
  const time = readTime(text, Date.now());
  return time === BOOT ? await bootTime(client, [hostId], signal) : time;
}

/** When a host was started last: the first event of that run of its kernel. */
async function bootTime(client: QueryServiceClient, hosts: readonly string[], signal: AbortSignal): Promise<Timestamp> {
  const [host, ...others] = hosts;
  if (host === undefined || others.length > 0) throw new Error(`"boot" is the start of one host: give --host once`);
  const hostId = await oneHost(client, host);
  const { bootId } = await call<HostRecord>((done) => client.getHost({ hostId }, done));
  if (bootId === "") throw new Error(`it is not known when host ${host} was started: it never told`);
  const filter = `host.boot.id = "${bootId}"`;
  const request = StreamSearchRequest.fromPartial({ filter, hostId, orderBy: "time", limit: 1n });
  let first: bigint | undefined;
  for await (const { events } of answers<StreamSearchResponse>(client.streamSearch(request), signal)) {
    first ??= events[0]?.event?.timeUnixNano;
  }
  if (first === undefined)
    throw new Error(`it is not known when host ${host} was started: no event of that run is kept`);
  return { seconds: first / 1_000_000_000n, nanos: Number(first % 1_000_000_000n) };
}
