/** Machines of an organisation and the hosts that they are, each with the state that it must be found in. */
import type { Archive } from "@hosttrail/collector/mongodb";
import type { CoverageReason, CoverageState, HostDocument } from "@hosttrail/collector/model";
import { Alert, Severity } from "@hosttrail/proto/alert";
import { hostIdOf } from "../publisher.ts";
import type { Launch, Organization } from "./organization.ts";

export interface Machine {
  kind: string;
  account: string;
  region: string;
  instanceId: string;
}

/** How a kind of machine is made, and how it must be found. */
export interface Kind {
  count: number;
  state: CoverageState | "gone";
  reason: CoverageReason;
  tags?: Readonly<Record<string, string>>;
  imageId?: string;
  power?: "stopped" | "ended";
  /** The host that it is; undefined for none. */
  host?: {
    /** By what the cloud signed; else by what its agent says. */
    proven?: boolean;
    /** How long ago something came; undefined for never. */
    quietMs?: number;
    goodbye?: HostDocument["goodbye"];
    revoked?: boolean;
    missingEvents?: number;
    /** Key of the rule, or of the finding, that an alert of it is of. */
    alert?: string;
    closed?: boolean;
  };
}

const MINUTE_MS = 60_000;
/** Something comes all the time, also while the test goes on. */
const REPORTING = -30 * MINUTE_MS;
const WINDOWS = "ami-12c6146b";
const OLD = "ami-760aaa0f";

export const KINDS: Readonly<Record<string, Kind>> = {
  "covered by its signed identity": { count: 1489, state: "covered", reason: "reporting", host: { proven: true } },
  "covered by its word": { count: 200, state: "covered", reason: "reporting", host: {} },
  "with an alert that is closed": {
    count: 1,
    state: "covered",
    reason: "reporting",
    host: { alert: "finding:trail-missing", closed: true },
  },
  late: { count: 20, state: "late", reason: "report-overdue", host: { proven: true, quietMs: 6 * MINUTE_MS } },
  silent: { count: 20, state: "silent", reason: "nothing-comes", host: { proven: true, quietMs: 60 * MINUTE_MS } },
  "silent by hand": {
    count: 10,
    state: "silent",
    reason: "agent-stopped",
    host: { quietMs: 60 * MINUTE_MS, goodbye: "stopped" },
  },
  "silent since it went down": {
    count: 10,
    state: "silent",
    reason: "system-went-down",
    host: { proven: true, quietMs: 60 * MINUTE_MS, goodbye: "going-down" },
  },
  revoked: { count: 5, state: "silent", reason: "revoked", host: { proven: true, revoked: true } },
  "with rules refused": {
    count: 5,
    state: "auditing-off",
    reason: "rules-refused",
    host: { proven: true, alert: "722c19f4-8fa7-5010-99bc-1f3abccf3c2c" },
  },
  "losing in its kernel": {
    count: 5,
    state: "losing",
    reason: "lost-before-agent",
    host: { proven: true, alert: "18e569d5-0cb8-5742-8cc0-6e605f5c1031" },
  },
  "losing in its agent": {
    count: 5,
    state: "losing",
    reason: "lost-in-agent",
    host: { alert: "2c0e84b3-f699-5d76-bfc6-348d3c6c9371" },
  },
  "with missing events": { count: 5, state: "losing", reason: "trail-incomplete", host: { missingEvents: 7 } },
  "without an agent": { count: 98, state: "never-enrolled", reason: "no-agent" },
  "with markup in its tags": {
    count: 2,
    state: "never-enrolled",
    reason: "no-agent",
    tags: { Name: "<script>alert(1)</script>", "<b>key=&amp;</b>": "\u202e\"'><img src=x>", "a.b$c": "\u001b[31mred" },
  },
  windows: { count: 20, state: "unsupported", reason: "windows", imageId: WINDOWS },
  "too old": { count: 20, state: "unsupported", reason: "system-too-old", imageId: OLD },
  excluded: { count: 20, state: "excluded", reason: "excluded", tags: { appliance: "yes" } },
  "excluded until yesterday": {
    count: 10,
    state: "never-enrolled",
    reason: "exclusion-over",
    tags: { appliance: "was" },
  },
  stopped: { count: 20, state: "stopped", reason: "not-running", power: "stopped" },
  "ended and never heard of": { count: 10, state: "died-unseen", reason: "ended-unseen", power: "ended" },
  "ended after it reported": { count: 10, state: "gone", reason: "reporting", power: "ended", host: { proven: true } },
  enrolled: { count: 10, state: "silent", reason: "never-reported", host: { proven: true, quietMs: NaN } },
  "claimed by a host of another identity": { count: 2, state: "never-enrolled", reason: "claim-refused" },
  "with the id of one in another account": { count: 1, state: "never-enrolled", reason: "no-agent" },
  "told of by real blocks": { count: 2, state: "covered", reason: "reporting" },
};

/** Launches all kinds, spread over the places by turns; those of one kind in one place together. */
export async function launchAll(
  organization: Organization,
  places: readonly Pick<Launch, "account" | "region">[],
): Promise<Machine[]> {
  const machines: Machine[] = [];
  let turn = 0;
  for (const [kind, { count, tags = {}, imageId }] of Object.entries(KINDS)) {
    const share = Math.ceil(count / places.length);
    for (let left = count; left > 0; left -= share) {
      const { account, region } = places[turn++ % places.length] as Launch;
      const launch = { account, region, count: Math.min(share, left), tags: { kind, ...tags } };
      const ids = await organization.launch({ ...launch, ...(imageId === undefined ? {} : { imageId }) });
      machines.push(...ids.map((instanceId) => ({ kind, account, region, instanceId })));
      const { power } = KINDS[kind] ?? {};
      if (power === "stopped") await organization.stop(account, region, ids);
      if (power === "ended") await organization.terminate(account, region, ids);
    }
  }
  return machines;
}

export function hostOf({ account, instanceId }: Pick<Machine, "account" | "instanceId">): string {
  return hostIdOf(`${account} ${instanceId}`);
}

/** What enrolment and the store role would have written of these machines' hosts; gives the ids of alerts that are to be closed. */
export async function enrolAll(archive: Archive, machines: readonly Machine[]): Promise<string[]> {
  const nowMs = Date.now();
  const toClose: string[] = [];
  const work = [...machines];
  const enrolOne = async (machine: Machine): Promise<void> => {
    const { host } = KINDS[machine.kind] ?? {};
    if (host === undefined) return;
    const hostId = hostOf(machine);
    const { account, instanceId } = machine;
    await enrol(archive, hostId, host.proven === true ? `aws:${account}/${instanceId}` : "token:test", nowMs);
    if (host.revoked === true) await archive.identities.revokeIdentity(hostId, nowMs, "by a test");
    const { quietMs = REPORTING, goodbye = "", missingEvents = 0, alert } = host;
    if (Number.isNaN(quietMs)) return;
    const claimed = { account, instanceId };
    await putHost(archive, { hostId, claimed, lastReceivedMs: nowMs - quietMs, goodbye, missingEvents });
    if (alert === undefined) return;
    const id = `${nowMs.toString(16).padStart(12, "0")}-${hostId}`;
    const rule = { key: alert, ruleset: "findings", title: "made by a test", severity: Severity.MEDIUM };
    const found = Alert.fromPartial({ id, rule, hosts: [{ id: hostId, name: machine.kind }] });
    await archive.alerts.putAlerts([{ alert: found, sequence: 0n, isTold: true }]);
    if (host.closed === true) toClose.push(id);
  };
  const worker = async (): Promise<void> => {
    for (let next = work.pop(); next !== undefined; next = work.pop()) await enrolOne(next);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return toClose;
}

export async function enrol(archive: Archive, hostId: string, proof: string, nowMs: number): Promise<void> {
  const none = { expireMs: 0, revokeMs: 0, revokeReason: "", boots: [], clonedBoots: [] };
  const about = { hostId, hostName: hostId.slice(0, 8), labels: {}, keyFingerprint: hostId, enrollMs: nowMs };
  await archive.identities.insertIdentity({ ...about, proof, ...none });
}

/** A host as the store role has it after a block. */
export async function putHost(
  archive: Archive,
  host: Pick<HostDocument, "hostId" | "lastReceivedMs" | "goodbye" | "missingEvents"> & {
    claimed: { account: string; instanceId: string };
  },
): Promise<void> {
  const { claimed, ...own } = host;
  const version = (await archive.hosts.getHosts([host.hostId])).get(host.hostId)?.version ?? 0;
  const document: HostDocument = {
    ...own,
    name: host.hostId.slice(0, 8),
    bootId: "",
    agentVersion: "0",
    kernel: "",
    osName: "",
    osVersion: "",
    architecture: "",
    cloudAccount: claimed.account,
    firstEventNano: 1n,
    lastEventNano: 2n,
    firstReceivedMs: 1,
    clockOffsetMs: 0,
    clockSinceMs: 0,
    trail: [],
    faults: { forkedBlocks: 0, brokenLinks: 0, outsideBlocks: 0, deadBlocks: 0 },
    faultTimes: { forkedMs: 0, brokenMs: 0, missingMs: 0, outsideMs: 0, deadMs: 0 },
    names: [],
    // It was another machine once: its disk was copied.
    instances: [
      { text: "i-00000000000000000", firstNano: 0n, lastNano: 1n },
      { text: claimed.instanceId, firstNano: 1n, lastNano: 2n },
    ],
  };
  const conflicts = await archive.hosts.putHosts([{ host: document, version }]);
  if (conflicts.length > 0) throw new Error(`host ${host.hostId} was changed by somebody else`);
}
