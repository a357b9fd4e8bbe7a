/** Stands in for agent/src/identity: a host that has enrolled, with a certificate that lasts. */
import { type Machine, Present, runningProcess } from "../schedule/index.ts";
import type { HostKeys } from "./keys.ts";

/** Whose keys are on which machine. */
export const presentKeys: Present<(machine: Machine) => { keys: HostKeys; authority: string }> = new Present("keys");

interface SimulatedIdentity {
  hostId: string;
  key: string;
  credentials(): Promise<{ ca: string; certificate: string; key: string }>;
  trust(pem: string): void;
  renounce(): void;
  expireTime(): string;
  close(): void;
}

export function openIdentity(): SimulatedIdentity {
  const { keys, authority } = presentKeys.now(runningProcess().machine);
  const { hostId, key, certificate } = keys;
  return {
    hostId,
    key,
    credentials: () => Promise.resolve({ ca: authority, certificate, key }),
    trust: () => undefined,
    renounce: () => {
      throw new Error(`host ${hostId} was told that another machine has its identity, which none has`);
    },
    expireTime: () => "2036-01-01T00:00:00.000Z",
    close: () => undefined,
  };
}
