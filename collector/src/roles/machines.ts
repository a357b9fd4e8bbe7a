/** Hosts beside machines of a cloud: what coverage needs to know of them, as the database has it. */
import type { HostSource, HostTrouble, KnownHost } from "../coverage/index.ts";
import { FINDINGS_RULESET, type HostIdentity, type HostMachine } from "../model/index.ts";
import type { Archive } from "../mongodb/index.ts";

/** Ids of alerts begin with the begin of their window, milliseconds as hex. */
const ALERT_TIME_LENGTH = 12;
const HOSTS_TOGETHER = 1000;
const ALERTS_TOGETHER = 500;
/** Alerts that are looked at; older ones beyond are not. */
const ALERTS_MAX = 20_000;
const DAY_MS = 86_400_000;
/** Rules that were refused are so until somebody mends them and closes the alert; what was lost a day ago is no state any more. */
const REFUSED_DAYS = 30;
/** What an alert's rule says of its host, by the rule's key: ids of rules in rules/findings, and kinds of findings. */
const TROUBLES: Readonly<Record<string, HostTrouble>> = {
  // audit_rules_refused
  "722c19f4-8fa7-5010-99bc-1f3abccf3c2c": "rules-refused",
  // events_lost_before_the_agent
  "18e569d5-0cb8-5742-8cc0-6e605f5c1031": "lost-before-agent",
  // source_data_missed
  "ffccd1d4-bc44-5ba5-8710-75fd7a27e9b0": "lost-before-agent",
  // events_given_up
  "2c0e84b3-f699-5d76-bfc6-348d3c6c9371": "lost-in-agent",
  // events_failed
  "b010b419-d66d-5fa6-b428-e0087ed184a0": "lost-in-agent",
  // events_refused
  "d7a5666f-620a-5a17-acc7-691916c61bda": "lost-in-agent",
  // events_left_out
  "dc857ef1-cfc6-5d00-88f2-9f2846420a9a": "lost-in-agent",
  "finding:trail-missing": "trail-incomplete",
  "finding:ledger-unbalanced": "trail-incomplete",
  "finding:blocks-dead": "trail-incomplete",
};

/** What coverage needs of hosts. */
export function coverageHosts(archive: Archive): HostSource {
  return {
    hosts: () => knownHosts(archive),
    troubles: (nowMs) => hostTroubles(archive, nowMs),
  };
}

/** Both lists are in the order of ids. A host may be in one of them alone: nothing came of it, or it never enrolled here. */
async function* knownHosts({ hosts, identities }: Archive): AsyncGenerator<KnownHost[]> {
  for (let after = ""; ; ) {
    const [machines, known] = await Promise.all([
      hosts.listMachines(after, HOSTS_TOGETHER),
      identities.listIdentities(after, HOSTS_TOGETHER),
    ]);
    // What lies beyond the end of a full page of the other list comes with the next page.
    const ends = [machines, known].flatMap((page) => (page.length < HOSTS_TOGETHER ? [] : [page.at(-1)?.hostId ?? ""]));
    const [end] = ends.sort();
    const isIn = ({ hostId }: { hostId: string }): boolean => end === undefined || hostId <= end;
    const byId = new Map(known.filter(isIn).map((each) => [each.hostId, each]));
    const found = machines.filter(isIn).map((machine) => {
      const identity = byId.get(machine.hostId);
      byId.delete(machine.hostId);
      return knownHost(machine.hostId, machine, identity);
    });
    yield [...found, ...Array.from(byId.values(), (identity) => knownHost(identity.hostId, undefined, identity))];
    if (end === undefined) return;
    after = end;
  }
}

function knownHost(hostId: string, machine: HostMachine | undefined, identity: HostIdentity | undefined): KnownHost {
  // The newest one is what it is now: a disk that was copied to another machine was others before.
  const newest = machine?.instances.reduce((some, other) => (other.lastNano > some.lastNano ? other : some), NO_NAME);
  const [, account = "", instanceId = ""] = /^aws:(\d+)\/(.+)$/.exec(identity?.proof ?? "") ?? [];
  return {
    hostId,
    name: machine?.name || (identity?.hostName ?? ""),
    proven: instanceId === "" ? undefined : { account, instanceId },
    claimed:
      machine === undefined || newest === undefined || newest.text === ""
        ? undefined
        : { account: machine.cloudAccount, instanceId: newest.text },
    isRevoked: (identity?.revokeMs ?? 0) > 0,
    lastReceivedMs: machine?.lastReceivedMs ?? 0,
    goodbye: machine?.goodbye ?? "",
    missingEvents: machine?.missingEvents ?? 0,
  };
}

const NO_NAME = { text: "", firstNano: 0n, lastNano: 0n };

async function hostTroubles({ alerts, alertWork }: Archive, nowMs: number): Promise<Map<string, Set<HostTrouble>>> {
  const found = new Map<string, Set<HostTrouble>>();
  const query = { severityMin: 0, ruleKey: "", ruleset: FINDINGS_RULESET, hostId: "", limit: ALERTS_TOGETHER };
  let afterId = "";
  for (let looked = 0; looked < ALERTS_MAX; looked += ALERTS_TOGETHER) {
    const page = await alerts.listAlerts({
      ...query,
      startMs: nowMs - REFUSED_DAYS * DAY_MS,
      endMs: nowMs + DAY_MS,
      afterId,
    });
    const told = page.flatMap(({ id, rule, hosts }) => {
      const trouble = TROUBLES[rule?.key ?? ""];
      const timeMs = Number.parseInt(id.slice(0, ALERT_TIME_LENGTH), 16);
      return trouble === undefined || (trouble !== "rules-refused" && nowMs - timeMs > DAY_MS)
        ? []
        : [{ id, trouble, hosts }];
    });
    const works = await alertWork.getWorks(told.map(({ id }) => id));
    for (const [at, { trouble, hosts }] of told.entries()) {
      if (works[at]?.state === "closed") continue;
      for (const { id } of hosts) found.set(id, (found.get(id) ?? new Set()).add(trouble));
    }
    afterId = page.at(-1)?.id ?? "";
    if (page.length < ALERTS_TOGETHER) break;
  }
  return found;
}
