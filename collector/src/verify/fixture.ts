/** Hosts with keys and certificates of their own, and what a database would keep of them, in memory, for tests. */
import { createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { eventId, sealBlock } from "@hosttrail/lib/block";
import { fingerprintOf, hostIdOf, nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import { Event } from "@hosttrail/proto/event";
import { issue, makeAuthority, openIssuer } from "../authority/x509.ts";
import {
  type Arrival,
  type Catalog,
  type CatalogEntry,
  type EpochTrail,
  type HostDocument,
  type KeptCertificate,
  OUTSIDE,
  type Place,
} from "../model/index.ts";
import { dayOf, extendTrail } from "../trail/index.ts";
import type { KeptArrival, KeptCatalog, KeptSource } from "./source.ts";

const HOUR_MS = 3_600_000;
const NO_FAULTS = { forkedBlocks: 0, brokenLinks: 0, outsideBlocks: 0, deadBlocks: 0 };
const NO_TIMES = { forkedMs: 0, brokenMs: 0, missingMs: 0, outsideMs: 0, deadMs: 0 };

/** A new authority, PEM, that certifies keys (SubjectPublicKeyInfo in DER). */
export async function authority(): Promise<{
  pem: string;
  certify(hostId: string, key: Buffer, lifetimeMs?: number): Promise<Uint8Array>;
}> {
  const { certificatePem, keyPem } = await makeAuthority("test", 24 * HOUR_MS);
  const der = Buffer.from(keyPem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
  const issuer = await openIssuer(certificatePem, der);
  return {
    pem: certificatePem,
    async certify(hostId, key, lifetimeMs = HOUR_MS) {
      const uri = `spiffe://hosttrail/host/${hostId}`;
      const subject = { commonName: hostId, uri, servers: [], usage: "client" } as const;
      return new X509Certificate((await issue(issuer, key, subject, lifetimeMs)).pem).raw;
    },
  };
}

/** A host that seals blocks as its agent does. */
export class SealingHost {
  readonly hostId: string;
  readonly publicKey: Buffer;
  readonly fingerprint: string;
  epoch: bigint;
  seq = 0n;
  previous: Uint8Array = new Uint8Array(0);
  readonly #sign: ReturnType<typeof signerOf>;

  constructor(startMs: number) {
    const pem = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    const key = createPublicKey(pem);
    this.#sign = signerOf(pem);
    this.hostId = hostIdOf(key);
    this.fingerprint = fingerprintOf(key);
    this.publicKey = key.export({ format: "der", type: "spki" });
    this.epoch = BigInt(startMs) << 16n;
  }

  /** A reboot, or a new spool: the chain goes on where the agent knows it. */
  begin(startMs: number, previous: Uint8Array = this.previous): void {
    this.epoch = BigInt(startMs) << 16n;
    this.seq = 0n;
    this.previous = previous;
  }

  /** The next block, as if it had arrived. `ledger`: fields of the agent's own report. */
  seal(count: number, timeMs: number, about: { receivedMs?: number; ledger?: Record<string, string> } = {}): Arrival {
    const { receivedMs = Date.now() - 120_000, ledger } = about;
    const events = Array.from({ length: count }, (_, at) =>
      Event.fromPartial({
        event: { timeUnixNano: BigInt(timeMs + at) * 1_000_000n, action: `a${at}` },
        host: { id: this.hostId, name: "h" },
        process: { args: ["true", `${timeMs}-${at}`], entityId: "e", pid: at },
        ...(ledger === undefined
          ? {}
          : {
              audit: {
                records: [
                  {
                    typeName: "HOSTTRAIL_LEDGER",
                    layout: "",
                    fields: Object.entries(ledger).map(([key, value]) => ({ key, value })),
                  },
                ],
              },
            }),
      }),
    );
    const { hostId, epoch, seq: firstSeq, previous } = this;
    const position = { hostId, epoch, firstSeq, bootId: "", agentVersion: "1", flags: 0 };
    const sealed = sealBlock(events, { ...position, previousHeaderSha256: previous }, nodePrimitives, this.#sign);
    this.seq += BigInt(count);
    this.previous = sealed.headerSha256;
    return {
      id: eventId(hostId, epoch, firstSeq),
      place: dayOf(timeMs),
      hostId,
      epoch,
      firstSeq,
      count,
      firstTimeNano: sealed.header.firstTimeUnixNano,
      lastTimeNano: sealed.header.lastTimeUnixNano,
      receivedMs,
      chain: { hash: hex(sealed.headerSha256), previous: hex(previous), status: "continues" },
      signer: this.fingerprint,
      bytes: sealed.bytes,
    };
  }
}

/** Makes segments of blocks, as the step `compact` does. */
type Compact = (job: {
  hostId: string;
  epoch: bigint;
  blocks: { receivedMs: number; signer: string; status: string; bytes: Uint8Array }[];
  segments: Uint8Array[];
}) => { entry: Omit<CatalogEntry, "id">; bytes: Uint8Array; sieve: Uint8Array }[];

/** What is kept, in memory: to be changed by tests as somebody with the database's password would. */
export class MemoryKept implements KeptSource {
  readonly arrivals: Map<string, Arrival> = new Map();
  readonly catalogs: Map<string, Catalog> = new Map();
  readonly payloads: Map<string, Uint8Array> = new Map();
  readonly sieves: Map<string, Uint8Array> = new Map();
  readonly certificates: Map<string, KeptCertificate[]> = new Map();
  readonly documents: Map<string, HostDocument> = new Map();

  readonly #compact: Compact;

  constructor(compact: Compact) {
    this.#compact = compact;
  }

  /** Keeps blocks as they arrived, and notes them in their host's document. */
  arrive(...blocks: readonly Arrival[]): void {
    for (const block of blocks) {
      this.arrivals.set(block.id, block);
      const before = this.documents.get(block.hostId);
      const { epoch, firstSeq, count, chain } = block;
      const link = { epoch, firstSeq, count, hash: chain.hash, previous: chain.previous };
      const trail: EpochTrail[] = before?.trail ?? [];
      const next = block.forkOf === undefined ? extendTrail(trail, link, block.receivedMs).trail : trail;
      this.documents.set(block.hostId, { ...documentOf(block.hostId), ...before, trail: next });
    }
  }

  /** Makes segments of arrivals. */
  compact(...blocks: readonly Arrival[]): void {
    for (const list of Map.groupBy(blocks, ({ hostId, place }) => `${hostId} ${place}`).values()) {
      const [first] = list;
      if (first === undefined) continue;
      const { hostId, place } = first;
      const key = `${place} ${hostId}`;
      const catalog = this.catalogs.get(key) ?? { hostId, place, version: 0, older: [], entries: [] };
      for (const [epoch, some] of Map.groupBy(list, (each) => each.epoch)) {
        const inputs = some.map(({ chain, ...block }) => ({ ...block, status: chain.status }));
        for (const { entry, bytes, sieve } of this.#compact({ hostId, epoch, blocks: inputs, segments: [] })) {
          const id = `${hostId}-${this.payloads.size.toString(16).padStart(24, "0")}`;
          this.payloads.set(`${place} ${id}`, bytes);
          this.sieves.set(`${place} ${id}`, sieve);
          catalog.entries.push({ ...entry, id });
        }
      }
      this.catalogs.set(key, { ...catalog, version: catalog.version + 1 });
      for (const { id } of list) this.arrivals.delete(id);
    }
  }

  async days(): Promise<Place[]> {
    return [...new Set(Array.from(this.catalogs.values(), ({ place }) => place))].filter((place) => place !== OUTSIDE);
  }

  async arrivalsOf(hostIds: readonly string[]): Promise<{ arrivals: KeptArrival[]; isAll: boolean }> {
    const own = [...this.arrivals].filter(([id]) => hostIds.some((hostId) => id.startsWith(`${hostId}-`)));
    return { arrivals: own.map(([id, arrival]) => ({ id, arrival })), isAll: true };
  }

  async catalogsOf(place: Place, hostIds: readonly string[]): Promise<KeptCatalog[]> {
    return [...this.catalogs.values()].filter((each) => each.place === place && hostIds.includes(each.hostId));
  }

  async payload(place: Place, id: string): Promise<Uint8Array | undefined> {
    return this.payloads.get(`${place} ${id}`);
  }

  async sieve(place: Place, id: string): Promise<Uint8Array | undefined> {
    return this.sieves.get(`${place} ${id}`);
  }

  async certificatesOf(hostId: string): Promise<KeptCertificate[]> {
    return this.certificates.get(hostId) ?? [];
  }

  async hostDocument(hostId: string): Promise<HostDocument | undefined> {
    return this.documents.get(hostId);
  }
}

function documentOf(hostId: string): HostDocument {
  const texts = { name: "h", bootId: "", agentVersion: "", kernel: "", osName: "", osVersion: "", architecture: "" };
  const times = { firstEventNano: 0n, lastEventNano: 0n, firstReceivedMs: 0, lastReceivedMs: 0 };
  const clock = { clockOffsetMs: 0, clockSinceMs: 0 };
  const faults = { faults: NO_FAULTS, faultTimes: NO_TIMES, missingEvents: 0 };
  const cloud = { cloudAccount: "", instances: [] };
  return { hostId, ...texts, ...times, ...clock, ...faults, ...cloud, goodbye: "", trail: [], names: [] };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
