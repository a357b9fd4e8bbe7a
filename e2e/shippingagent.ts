/** Agents without a kernel: a spool and a shipper as every agent has them, and events of a test's own making. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Shipper, type ShipCounters } from "@hosttrail/agent/ship";
import { Spool } from "@hosttrail/agent/spool";
import { openLogger } from "@hosttrail/lib/log";
import type { HostProfile } from "@hosttrail/proto/ingest";
import type { Stack } from "@hosttrail/stack";
import { blockOf } from "./blocks.ts";

const SPOOL_BYTES_MAX = 64 << 20;
/** What warnings of so many agents would say stands in their counters. */
const LOGGER = openLogger("shippingagent", "error");
const STATUS = {
  source: "test",
  kernelLost: 0n,
  serialGaps: 0n,
  parseFailures: 0n,
  events: 0n,
  blocksSpooled: 0n,
  blocksStored: 0n,
  blocksPending: 0n,
  eventsEvicted: 0n,
  receiveBufferOverruns: 0n,
  quarantinedBlocks: 0n,
  quarantinedBytes: 0n,
};

export class ShippingAgent {
  readonly hostId: string;
  /** Events that were made. */
  events = 0;
  readonly #spool: Spool;
  readonly #shipper: Shipper;
  readonly #keyFile: string;
  readonly #directory: string;
  #making: NodeJS.Timeout | undefined;

  private constructor(hostId: string, spool: Spool, shipper: Shipper, keyFile: string, directory: string) {
    this.hostId = hostId;
    this.#spool = spool;
    this.#shipper = shipper;
    this.#keyFile = keyFile;
    this.#directory = directory;
  }

  /** A host with a certificate of the stack's authority; the collector must take hosts that never enrolled (`ingest.hosts: certified`). */
  static async open(stack: Stack, endpoints: readonly string[], profile?: () => HostProfile): Promise<ShippingAgent> {
    const hostId = randomBytes(16).toString("hex");
    const identity = await stack.ca.host(hostId, `host-${hostId}`);
    const [ca, certificate, key] = [join(stack.authority, "trust.crt"), identity.certificateFile, identity.keyFile].map(
      (file) => readFileSync(file, "utf8"),
    ) as [string, string, string];
    const directory = mkdtempSync(join(tmpdir(), "hosttrail-shipping-"));
    const spool = new Spool(
      {
        directory,
        bytesMax: SPOOL_BYTES_MAX,
        segmentBytes: 1 << 20,
        hoursMax: 0,
        sync: "never",
        quarantineBytesMax: SPOOL_BYTES_MAX,
        bootId: "b",
      },
      () => undefined,
    );
    const hello = {
      hostId,
      hostName: "shipping",
      agentVersion: "0",
      bootId: "b",
      epoch: spool.position.epoch,
      clockTime: undefined,
    };
    const shipper = new Shipper(
      {
        endpoints,
        credentials: async () => ({ ca, certificate, key }),
        trust: () => undefined,
        onCloned: () => undefined,
        hello: () => hello,
        status: () => STATUS,
        statusIntervalMs: 60_000,
        ...(profile === undefined ? {} : { profile }),
        storedTimeoutMs: 10_000,
        backoffMinMs: 200,
        backoffMaxMs: 2000,
      },
      spool,
      LOGGER,
    );
    return new ShippingAgent(hostId, spool, shipper, identity.keyFile, directory);
  }

  /** Ships from now on, and makes a block every so many milliseconds. */
  start(intervalMs: number): void {
    this.#shipper.start();
    this.resume(intervalMs);
  }

  /** Makes a block every so many milliseconds, again. */
  resume(intervalMs: number): void {
    this.#making = setInterval(() => this.#make(), intervalMs);
  }

  #make(): void {
    const { epoch, nextSeq, previousHeaderSha256 } = this.#spool.position;
    const about = { hostId: this.hostId, epoch, firstSeq: nextSeq, previous: previousHeaderSha256 };
    const events = [{ action: `shipped-${this.events++}` }, { action: `shipped-${this.events++}` }];
    this.#shipper.offer(this.#spool.append(blockOf(this.#keyFile, about, events)));
  }

  /** Tells its profile, where it is another one now. */
  tellProfile(): void {
    this.#shipper.tellProfile();
  }

  /** Makes no more events. */
  quieten(): void {
    clearInterval(this.#making);
  }

  /** Blocks that are not known to be stored. */
  get unstored(): number {
    return this.#spool.counters().blocks;
  }

  /** Events that it was told to be stored, and that it has no more. */
  get stored(): number {
    return this.#spool.counters().storedEvents;
  }

  get counters(): Readonly<ShipCounters> {
    return this.#shipper.counters;
  }

  /** Where it is connected; empty where it is not. */
  get endpoint(): string {
    return this.#shipper.connection.endpoint;
  }

  async close(): Promise<void> {
    this.quieten();
    await this.#shipper.close(0);
    this.#spool.close();
    rmSync(this.#directory, { recursive: true });
  }
}
