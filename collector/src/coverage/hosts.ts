/** Hosts by the machines that they are. */
import type { RefusedClaim } from "../model/index.ts";
import type { HostTrouble, KnownHost } from "./ports.ts";

/** What is known of the host that a machine is. */
export interface Standing extends KnownHost {
  isVerified: boolean;
  troubles: ReadonlySet<HostTrouble>;
}

/** All that says that it is this machine. */
export interface Claims {
  /** The host that it is; undefined for none. */
  standing: Standing | undefined;
  hosts: number;
  /** A host of another identity says that it is this one. */
  refused: boolean;
}

/** Hosts that are known at once; the others are left out, and told by `leftOut`. */
const HOSTS_MAX = 500_000;
const REFUSED_MAX = 100;
const NO_TROUBLES: ReadonlySet<HostTrouble> = new Set();
/** In place of an account that an agent does not know. */
const ANY = "";

export class MachineHosts {
  readonly #troubles: ReadonlyMap<string, ReadonlySet<HostTrouble>>;
  /** By `account/instance`. */
  readonly #standings = new Map<string, { standing: Standing; hosts: number }>();
  readonly #refusedIds = new Set<string>();
  readonly #refused: RefusedClaim[] = [];
  #count = 0;

  constructor(troubles: ReadonlyMap<string, ReadonlySet<HostTrouble>>) {
    this.#troubles = troubles;
  }

  /** Hosts that were too many. */
  get leftOut(): number {
    return Math.max(0, this.#count - HOSTS_MAX);
  }

  /** The first ones. */
  get refused(): readonly RefusedClaim[] {
    return this.#refused;
  }

  add(host: KnownHost): void {
    if (++this.#count > HOSTS_MAX) return;
    const { hostId, name: hostName, proven, claimed } = host;
    const own = proven ?? claimed;
    if (own === undefined) return;
    this.#put(keyOf(own), host, proven !== undefined);
    // What the cloud signed is what a host is. What it says beside that covers nothing.
    if (proven === undefined || claimed === undefined) return;
    if (proven.instanceId === claimed.instanceId && [ANY, proven.account].includes(claimed.account)) return;
    this.#refusedIds.add(keyOf(claimed));
    if (this.#refused.length < REFUSED_MAX) this.#refused.push({ hostId, hostName, claimed, own: proven });
  }

  of(account: string, instanceId: string): Claims {
    const keys = [keyOf({ account, instanceId }), keyOf({ account: ANY, instanceId })];
    const found = keys.flatMap((key) => this.#standings.get(key) ?? []);
    const [first, second] = found;
    const standing = first === undefined || second === undefined ? first : better(first, second);
    return {
      standing: standing?.standing,
      hosts: found.reduce((sum, { hosts }) => sum + hosts, 0),
      refused: keys.some((key) => this.#refusedIds.has(key)),
    };
  }

  #put(key: string, host: KnownHost, isVerified: boolean): void {
    const standing = { ...host, isVerified, troubles: this.#troubles.get(host.hostId) ?? NO_TROUBLES };
    const before = this.#standings.get(key);
    const one = { standing, hosts: 1 };
    if (before === undefined) this.#standings.set(key, one);
    else this.#standings.set(key, { ...better(before, one), hosts: before.hosts + 1 });
  }
}

function keyOf({ account, instanceId }: { account: string; instanceId: string }): string {
  return `${account}/${instanceId}`;
}

/** One that is not revoked, then one that the cloud signed for, then the one that was heard last: a machine that enrolled anew has several. */
function better<Entry extends { standing: Standing }>(some: Entry, other: Entry): Entry {
  const rank = ({ standing }: Entry): number => (standing.isRevoked ? 0 : 2) + (standing.isVerified ? 1 : 0);
  if (rank(some) !== rank(other)) return rank(some) > rank(other) ? some : other;
  return some.standing.lastReceivedMs >= other.standing.lastReceivedMs ? some : other;
}
