/** Certificates with which hosts came: a block can be checked as long as it is kept, also when its host and its authority are gone. */
import { Binary, type Db, Long } from "mongodb";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import type { KeptCertificate } from "../model/index.ts";
import { classify } from "./failure.ts";
import { Rows } from "./rows.ts";

/** Certificates that this process knows to be there; those that were noted first go first. */
const KNOWN_MAX = 10_000;
/** Of one host, at most: one that is given a certificate a day has some 800 in the days that events are kept. */
const CERTIFICATES_MAX = 1000;

export class CertificateStore {
  readonly #certificates: Rows;
  readonly #known = new Set<string>();

  constructor(database: Db) {
    this.#certificates = new Rows(database, "certificates");
  }

  /** Keeps a certificate for good; one that is there stays. `chain`: DER, its own first. Throws a RetryableError where the database is away. */
  async noteCertificate({ hostId, chain }: KeptCertificate): Promise<void> {
    const [own] = chain;
    if (own === undefined) return;
    const id = `${hostId}-${Buffer.from(nodePrimitives.sha256(own)).toString("hex")}`;
    if (this.#known.has(id)) return;
    try {
      const certificates = chain.map((der) => new Binary(der));
      await this.#certificates.tryInsert({ _id: id, chain: certificates, note_ms: Long.fromNumber(Date.now()) });
    } catch (error) {
      throw classify(error);
    }
    this.#known.add(id);
    const [oldest] = this.#known;
    if (this.#known.size > KNOWN_MAX && oldest !== undefined) this.#known.delete(oldest);
  }

  /** Those of a host. What is damaged is there with the bytes that it has. Throws as `noteCertificate`. */
  async certificatesOf(hostId: string): Promise<KeptCertificate[]> {
    try {
      const rows = await this.#certificates.all
        .find({ _id: { $gte: `${hostId}-`, $lt: `${hostId}.` } })
        .limit(CERTIFICATES_MAX)
        .toArray();
      return rows.map(({ chain }) => {
        const list: unknown[] = Array.isArray(chain) ? chain : [];
        return { hostId, chain: list.map((each) => (each instanceof Binary ? each.buffer : new Uint8Array(0))) };
      });
    } catch (error) {
      throw classify(error);
    }
  }
}
