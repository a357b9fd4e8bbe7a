/**
 * Which hosts are who they say they are. The database has the truth; a change is told to all nodes over NATS at once, and
 * each node looks at what changed every two seconds besides, since such a word can be lost.
 *
 * Two machines with one identity (a copied disk) are told apart by their boots: a machine that boots never comes back with an
 * earlier boot id. When an earlier one does come back, the later one is the copy; it is refused and must enrol by itself.
 *
 * A hello may be older than it looks: it waits for a process that stands still, and its machine boots again meanwhile. So an earlier boot is
 * asked to come once more, to the same process: only what is there can.
 */
import type { Logger } from "@hosttrail/lib/log";
import { metrics } from "../metrics/index.ts";
import type { HostIdentity } from "../model/index.ts";

/** Why a host is not let in, or let go. */
export type Refusal = "NOT_ENROLLED" | "HOST_REVOKED" | "KEY_MISMATCH" | "HOST_CLONED" | "BOOT_SUPERSEDED";

/** A host that must not speak. */
export class IdentityError extends Error {
  override readonly name = "IdentityError";
  readonly reason: Refusal;

  constructor(reason: Refusal, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A host that wants to speak. */
export interface Claim {
  hostId: string;
  keyFingerprint: string;
  bootId: string;
}

interface Store {
  getIdentity(hostId: string): Promise<HostIdentity | undefined>;
  identitiesChangedSince(timeMs: number): Promise<HostIdentity[]>;
  /** Changes what is known of a host's boots; `change` may be asked again, where another node was first. */
  changeBoots(hostId: string, change: (known: Boots) => Boots): Promise<void>;
}

type Boots = Pick<HostIdentity, "boots" | "clonedBoots">;

interface Notices {
  tellIdentity(hostId: string): void;
  onIdentity(take: (hostId: string) => void): { close: () => void };
}

export interface IdentityOptions {
  /** "enrolled": only hosts that enrolled here. "certified": every host with a certificate of a trusted authority. */
  hosts: "enrolled" | "certified";
}

interface Watcher {
  claim: Claim;
  end: (error: IdentityError) => void;
}

const POLL_INTERVAL_MS = 2000;
/** What a process that stood still finds waiting is read at once: whoever comes back later than this came by itself. */
const AGAIN_MS = 1000;
/** Hosts of which it is known that an earlier boot came back; those that did so first go first. */
const RETURNS_MAX = 10_000;
/** Changes are dated by the clock of whoever made them: look back so far for those of slow clocks. */
const CLOCK_SKEW_MS = 60_000;

export class HostIdentities {
  readonly #store: Store;
  readonly #notices: Notices;
  readonly #options: IdentityOptions;
  readonly #logger: Logger;
  readonly #watchers = new Map<string, Set<Watcher>>();
  readonly #subscription: { close: () => void };
  readonly #timer: NodeJS.Timeout;
  /** Earlier boots that came back once: which, and when that was seen, on the monotonic clock. */
  readonly #returns = new Map<string, { bootId: string; seenMs: number }>();
  #polledMs = Date.now();
  #polling = false;

  constructor(store: Store, notices: Notices, options: IdentityOptions, logger: Logger) {
    this.#store = store;
    this.#notices = notices;
    this.#options = options;
    this.#logger = logger;
    this.#subscription = notices.onIdentity((hostId) => void this.#look(hostId));
    this.#timer = setInterval(() => void this.#poll(), POLL_INTERVAL_MS);
  }

  /** Lets a host in; throws an IdentityError, or the database's error where that does not answer. */
  async admit(claim: Claim): Promise<void> {
    const cameMs = performance.now();
    const identity = await this.#store.getIdentity(claim.hostId);
    if (identity === undefined) {
      if (this.#options.hosts === "certified") return;
      throw refusal("NOT_ENROLLED", claim, "it has not enrolled here");
    }
    const problem = problemOf(identity, claim);
    if (problem !== undefined) throw problem;
    await this.#noteBoot(identity, claim, cameMs);
  }

  /** Throws an IdentityError for an earlier boot that comes back for the first time. */
  async #noteBoot({ boots }: HostIdentity, claim: Claim, cameMs: number): Promise<void> {
    const { hostId, bootId } = claim;
    if (bootId === "" || boots.at(-1) === bootId) return;
    let clone = "";
    let isDoubted = false;
    await this.#store.changeBoots(hostId, (known) => {
      isDoubted = isBack(known, bootId) && !this.#isBackAgain(claim, cameMs);
      if (isDoubted) return known;
      const next = withBoot(known, bootId);
      clone = next.clonedBoots.length > known.clonedBoots.length ? (next.clonedBoots.at(-1) ?? "") : "";
      return next;
    });
    if (isDoubted) {
      this.#noteReturn(claim);
      throw refusal("BOOT_SUPERSEDED", claim, "a later boot of it has said hello: this one must come again");
    }
    if (clone !== "") {
      metrics.hostsRefused.inc({ reason: "HOST_CLONED" });
      this.#logger.error({ host: hostId, boot: bootId, clone }, "two machines have one identity: a disk was copied");
    }
    this.#notices.tellIdentity(hostId);
  }

  #isBackAgain({ hostId, bootId }: Claim, cameMs: number): boolean {
    const before = this.#returns.get(hostId);
    return before?.bootId === bootId && cameMs - before.seenMs >= AGAIN_MS;
  }

  /** The first time counts: whoever comes all the time is believed as well. */
  #noteReturn({ hostId, bootId }: Claim): void {
    if (this.#returns.get(hostId)?.bootId === bootId) return;
    this.#returns.delete(hostId);
    this.#returns.set(hostId, { bootId, seenMs: performance.now() });
    if (this.#returns.size <= RETURNS_MAX) return;
    const [oldest] = this.#returns.keys();
    if (oldest !== undefined) this.#returns.delete(oldest);
  }

  /** Ends a stream as soon as its host may not speak any longer. */
  watch(claim: Claim, end: (error: IdentityError) => void): { close: () => void } {
    const watcher = { claim, end };
    let list = this.#watchers.get(claim.hostId);
    if (list === undefined) this.#watchers.set(claim.hostId, (list = new Set()));
    list.add(watcher);
    return {
      close: () => {
        list.delete(watcher);
        if (list.size === 0) this.#watchers.delete(claim.hostId);
      },
    };
  }

  async #look(hostId: string): Promise<void> {
    if (!this.#watchers.has(hostId)) return;
    try {
      const identity = await this.#store.getIdentity(hostId);
      if (identity !== undefined) this.#apply(identity);
    } catch (error) {
      this.#logger.warn(
        { error: String(error) },
        "an identity that changed cannot be read; it will be looked at again",
      );
    }
  }

  async #poll(): Promise<void> {
    if (this.#polling || this.#watchers.size === 0) return;
    this.#polling = true;
    const now = Date.now();
    try {
      for (const identity of await this.#store.identitiesChangedSince(this.#polledMs - CLOCK_SKEW_MS)) {
        this.#apply(identity);
      }
      this.#polledMs = now;
    } catch (error) {
      this.#logger.warn({ error: String(error) }, "identities cannot be read: a host that is revoked now may go on");
    } finally {
      this.#polling = false;
    }
  }

  #apply(identity: HostIdentity): void {
    for (const { claim, end } of this.#watchers.get(identity.hostId) ?? []) {
      const isOld = claim.bootId !== "" && identity.boots.at(-1) !== claim.bootId;
      const problem =
        problemOf(identity, claim) ??
        (isOld ? refusal("BOOT_SUPERSEDED", claim, "another boot of it has said hello") : undefined);
      if (problem !== undefined) end(problem);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#subscription.close();
  }
}

function isBack({ boots }: Boots, bootId: string): boolean {
  return boots.at(-1) !== bootId && boots.includes(bootId);
}

/** A boot that comes back after a later one says that the later one is of another machine. */
function withBoot({ boots, clonedBoots }: Boots, bootId: string): Boots {
  const last = boots.at(-1);
  if (last === undefined || !boots.includes(bootId)) return { boots: [...boots, bootId], clonedBoots };
  if (last === bootId) return { boots, clonedBoots };
  const others = boots.filter((boot) => boot !== bootId && boot !== last);
  return { boots: [...others, bootId], clonedBoots: [...clonedBoots, last] };
}

function problemOf(identity: HostIdentity, claim: Claim): IdentityError | undefined {
  if (identity.revokeMs > 0) return refusal("HOST_REVOKED", claim, "its identity was revoked");
  if (identity.keyFingerprint !== claim.keyFingerprint)
    return refusal("KEY_MISMATCH", claim, "it enrolled another key");
  if (identity.clonedBoots.includes(claim.bootId)) {
    return refusal("HOST_CLONED", claim, "another machine has the same identity: enrol anew");
  }
  return undefined;
}

function refusal(reason: Refusal, { hostId }: Claim, message: string): IdentityError {
  return new IdentityError(reason, `host ${hostId}: ${message}`);
}
