/** A process of simulated agents: does what its parent asks, one thing after the other. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { signerOf } from "@hosttrail/lib/crypto";
import { DevelopmentCa } from "@hosttrail/stack";
import { type Counters, SimulatedAgent } from "./agent.ts";
import { type Content, makeContents } from "./blocks.ts";
import type { Asked, Commands, Prepare } from "./commands.ts";

/** So many agents come from one address: `connections.per_address_max` is as it comes. */
const AGENTS_PER_ADDRESS = 250;
/** Not a multiple of anything: the next host begins elsewhere in what there is to say. */
const CONTENT_STEP = 7;
/** Streams of one certificate: more than `ingest.quota.streams_max`. */
const STREAMS_TRIED = 5;

const agents: SimulatedAgent[] = [];
const counters: Counters = { open: 0, attempts: 0, blocksSent: 0, blocksStored: 0, failures: new Map() };
let about: Prepare | undefined;
let sign: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes;
/** Key and certificate of the first one, for connections without an agent. */
let first = { key: "", certificate: "", ca: "" };
let sending: NodeJS.Timeout | undefined;

const commands: Commands = {
  async prepare(wanted) {
    about = wanted;
    const authority = await DevelopmentCa.open(wanted.directory, wanted.authority);
    const ca = readFileSync(authority.caFile, "utf8");
    for (let at = wanted.from; at < wanted.from + wanted.count; at++) {
      const hostId = hostIdOf(at);
      const { keyFile, certificateFile } = await authority.host(hostId, `agent-${at}`);
      const [key, certificate] = [readFileSync(keyFile, "utf8"), readFileSync(certificateFile, "utf8")];
      sign = signerOf(key);
      if (first.key === "") first = { key, certificate, ca };
      const place = Math.floor(at / AGENTS_PER_ADDRESS);
      const localAddress = `127.1.${Math.floor(place / 200)}.${1 + (place % 200)}`;
      const { port } = wanted;
      agents.push(new SimulatedAgent({ port, localAddress, ca, key, certificate, hostId, sign, counters }));
    }
  },

  async connect({ parallel }) {
    const waiting = agents.values();
    const one = async (): Promise<void> => {
      for (const agent of waiting) await agent.open();
    };
    await Promise.all(Array.from({ length: parallel }, one));
  },

  /** Spread over the time, as the fleet's are. */
  async tellStatus({ seconds }) {
    await spread(seconds, (agent) => agent.tellStatus());
  },

  async send({ seconds, intervalSeconds, events }) {
    const received: number[] = [];
    const stored: number[] = [];
    for (const agent of agents)
      agent.ears = { received: (ms) => void received.push(ms), stored: (ms) => void stored.push(ms) };
    const { blocksSent } = counters;
    const contents = makeContents(events, sign);
    let round = 0;
    for (let left = seconds; left > 0; left -= intervalSeconds, round += CONTENT_STEP)
      await spread(
        Math.min(left, intervalSeconds),
        (agent, at) => agent.send(contentOf(contents, at + round)),
        left / intervalSeconds,
      );
    await settle();
    for (const agent of agents) agent.ears = {};
    return { sent: counters.blocksSent - blocksSent, received, stored };
  },

  async keepSending({ intervalSeconds, events }) {
    const contents = makeContents(events, sign);
    const tickMs = 50;
    const perTick = (agents.length * tickMs) / (intervalSeconds * 1000);
    let due = 0;
    let at = 0;
    sending = setInterval(() => {
      for (due += perTick; due >= 1; due--, at++)
        agents[at % agents.length]?.send(contentOf(contents, at * CONTENT_STEP));
    }, tickMs);
  },

  async stopSending() {
    clearInterval(sending);
    await settle();
    return { held: held() };
  },

  /** Some agents send as fast as they may, each with at most `heldMax` blocks that are not freed. */
  async flood({ agents: count, seconds, heldMax, events, free }) {
    const contents = makeContents(events, sign);
    const active = agents.slice(0, count);
    const endMs = performance.now() + seconds * 1000;
    let freed = 0;
    let most = 0;
    let at = 0;
    for (const agent of active) {
      const next = (): void => {
        freed++;
        if (performance.now() < endMs) agent.send(contentOf(contents, at++));
      };
      agent.ears = { [free]: next };
      for (let held = 0; held < heldMax; held++) agent.send(contentOf(contents, at++));
    }
    while (performance.now() < endMs) {
      await sleep(Math.min(250, Math.max(1, endMs - performance.now())));
      most = Math.max(
        most,
        active.reduce((sum, agent) => sum + agent.held, 0),
      );
    }
    const during = freed;
    await settle();
    for (const agent of active) agent.ears = {};
    return { freed: during, heldMost: most, held: held() };
  },

  async look() {
    const { open, attempts, blocksSent, blocksStored, failures } = counters;
    return { open, attempts, blocksSent, blocksStored, held: held(), failures: [...failures] };
  },

  /** TLS alone, with one certificate, one after the other. */
  async handshakes({ count, isResumed }) {
    let session: Buffer | undefined;
    let resumed = 0;
    for (let at = 0; at <= count; at++) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const { key, certificate: cert, ca } = first;
      const socket = connect({
        host: "127.0.0.1",
        port: about?.port ?? 0,
        servername: "localhost",
        ca,
        key,
        cert,
        minVersion: "TLSv1.3",
        ALPNProtocols: ["h2"],
        ...(isResumed && session !== undefined ? { session } : {}),
      });
      socket.on("session", (ticket) => {
        session = ticket;
        if (!isResumed || at === 0) socket.end();
      });
      socket.on("secureConnect", () => {
        if (!socket.isSessionReused()) return;
        resumed++;
        socket.end();
      });
      socket.on("error", reject);
      socket.on("close", () => resolve());
      // The other end says nothing.
      socket.resume();
      await promise;
    }
    return { resumed };
  },

  async shareCertificate() {
    const hostId = hostIdOf(about?.from ?? 0);
    const options = { ...first, port: about?.port ?? 0, localAddress: "127.0.0.1", sign, isOnce: true };
    const open = (as: string): { agent: SimulatedAgent; counters: Counters } => {
      const own: Counters = { open: 0, attempts: 0, blocksSent: 0, blocksStored: 0, failures: new Map() };
      const agent = new SimulatedAgent({ ...options, hostId: as, counters: own });
      void agent.open();
      return { agent, counters: own };
    };
    const another = [open(hostIdOf(4_000_000_000))];
    const same = Array.from({ length: STREAMS_TRIED }, () => open(hostId));
    const all = [...another, ...same];
    const isDone = (): boolean => all.every(({ counters: own }) => own.open > 0 || own.failures.size > 0);
    for (let waited = 0; !isDone() && waited < SETTLE_MS; waited += 50) await sleep(50);
    const told = [...new Set(all.flatMap(({ counters: own }) => [...own.failures.keys()]))];
    for (const { agent } of all) agent.end();
    return told;
  },
};

function contentOf(contents: readonly Content[], at: number): Content {
  return contents[at % contents.length] as Content;
}

function hostIdOf(at: number): string {
  return (at + 1).toString(16).padStart(32, "0");
}

function held(): number {
  return agents.reduce((sum, agent) => sum + agent.held, 0);
}

/** Each agent once, evenly over the time; of the last round only the part that is due. */
async function spread(seconds: number, act: (agent: SimulatedAgent, at: number) => void, part = 1): Promise<void> {
  const beganMs = performance.now();
  const count = Math.round(agents.length * Math.min(1, part));
  for (let done = 0; done < count; ) {
    const due = Math.min(count, Math.ceil((count * (performance.now() - beganMs)) / (seconds * 1000)));
    for (; done < due; done++) act(agents[done] as SimulatedAgent, done);
    await sleep(10);
  }
}

const SETTLE_MS = 90_000;

/** Until all is stored, or no longer. */
async function settle(): Promise<void> {
  const endMs = performance.now() + SETTLE_MS;
  while (held() > 0 && performance.now() < endMs) await sleep(50);
}

process.on("message", ({ id, name, argument }: Asked) => {
  const run = commands[name] as (argument: unknown) => Promise<unknown>;
  run(argument).then(
    (result) => process.send?.({ id, result }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
