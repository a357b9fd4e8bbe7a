import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openLogger } from "@hosttrail/lib/log";
import type { HostIdentity } from "../model/index.ts";
import { HostIdentities, IdentityError } from "./index.ts";

const logger = openLogger("test", "error");
logger.level = "silent";

/** Identities in memory, and a NATS that loses every word. */
function lossy(identity: HostIdentity) {
  let current: HostIdentity & { changedMs: number } = { ...identity, changedMs: 0 };
  const store = {
    getIdentity: async (hostId: string) => (hostId === current.hostId ? current : undefined),
    identitiesChangedSince: async (timeMs: number) => (current.changedMs >= timeMs ? [current] : []),
    changeBoots: async (
      _hostId: string,
      change: (known: Pick<HostIdentity, "boots" | "clonedBoots">) => Pick<HostIdentity, "boots" | "clonedBoots">,
    ) => {
      current = { ...current, ...change(current), changedMs: Date.now() };
    },
  };
  const notices = { tellIdentity: () => undefined, onIdentity: () => ({ close: () => undefined }) };
  const change = (fields: Partial<HostIdentity>): void => {
    current = { ...current, ...fields, changedMs: Date.now() };
  };
  return { identities: new HostIdentities(store, notices, { hosts: "enrolled" }, logger), change };
}

const IDENTITY: HostIdentity = {
  hostId: "a".repeat(32),
  hostName: "a",
  labels: {},
  proof: "token:1",
  keyFingerprint: "k",
  enrollMs: 1,
  expireMs: 2,
  revokeMs: 0,
  revokeReason: "",
  boots: [],
  clonedBoots: [],
};
const CLAIM = { hostId: IDENTITY.hostId, keyFingerprint: "k", bootId: "b1" };

describe("identities of hosts", () => {
  it("take no hello that waited while its machine booted again for a second machine, however many did", async () => {
    const { identities } = lossy(IDENTITY);
    const come = (bootId: string): Promise<void> => identities.admit({ ...CLAIM, bootId });
    try {
      for (const boot of ["b1", "b2"]) await come(boot);
      // All that waited for a process that stood still comes at once.
      for (let time = 0; time < 3; time++)
        await assert.rejects(come("b1"), { name: "IdentityError", reason: "BOOT_SUPERSEDED" });
      await come("b2");
      await sleep(1100);
      await come("b2");
    } finally {
      identities.close();
    }
  });

  it("end a stream within five seconds of a revocation, though the word of it is lost", async () => {
    const { identities, change } = lossy(IDENTITY);
    try {
      await identities.admit(CLAIM);
      const ended = new Promise<IdentityError>((resolve) => identities.watch(CLAIM, resolve));
      change({ revokeMs: Date.now() });
      const error = await Promise.race([ended, sleep(5000, undefined, { ref: true })]);
      assert.equal(error?.reason, "HOST_REVOKED");
    } finally {
      identities.close();
    }
  });

  it("take any number of restarts and reboots for one machine, and an earlier boot that comes back for a second one", async () => {
    const { identities } = lossy(IDENTITY);
    const come = (bootId: string): Promise<void> => identities.admit({ ...CLAIM, bootId });
    try {
      for (const boot of ["b1", "b1", "b2", "b2", "b3"]) await come(boot);
      await assert.rejects(come("b2"), { name: "IdentityError", reason: "BOOT_SUPERSEDED" });
      await sleep(1100);
      await come("b2");
      await assert.rejects(come("b3"), { name: "IdentityError", reason: "HOST_CLONED" });
      await come("b2");
      await come("b4");
    } finally {
      identities.close();
    }
  });
});
