/** What a process of simulated agents can be asked. */

export interface Prepare {
  /** Number of its first agent. */
  from: number;
  count: number;
  port: number;
  /** Where certificates go, and the authority that signs them. */
  directory: string;
  authority: string;
}

interface Looked {
  open: number;
  attempts: number;
  blocksSent: number;
  blocksStored: number;
  /** Blocks that are not stored yet. */
  held: number;
  /** Why streams broke, and how often. */
  failures: [string, number][];
}

/** All times in milliseconds where the name does not say otherwise. */
export interface Commands {
  prepare(about: Prepare): Promise<void>;
  connect(about: { parallel: number }): Promise<void>;
  tellStatus(about: { seconds: number }): Promise<void>;
  /** Waits until all is stored, a while at most; what each block waited for both words. */
  send(about: {
    seconds: number;
    intervalSeconds: number;
    events: number;
  }): Promise<{ sent: number; received: number[]; stored: number[] }>;
  keepSending(about: { intervalSeconds: number; events: number }): Promise<void>;
  stopSending(): Promise<{ held: number }>;
  flood(about: {
    agents: number;
    seconds: number;
    heldMax: number;
    events: number;
    free: "received" | "stored";
  }): Promise<{ freed: number; heldMost: number; held: number }>;
  look(): Promise<Looked>;
  handshakes(about: { count: number; isResumed: boolean }): Promise<{ resumed: number }>;
  /** What becomes of agents that share a certificate: why they were refused. */
  shareCertificate(): Promise<string[]>;
}

export interface Asked {
  id: number;
  name: keyof Commands;
  argument: unknown;
}

export interface Answered {
  id: number;
  result?: unknown;
  error?: string;
}
