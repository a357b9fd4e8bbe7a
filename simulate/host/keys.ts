/** Keys and certificates of simulated hosts: always the same ones, since a seed must mean the same in every process. */
import { createHash, createPrivateKey, createPublicKey, webcrypto } from "node:crypto";
// @peculiar/x509 stands on a container of dependencies that wants this first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { hostIdOf } from "@hosttrail/lib/crypto";

export interface HostKeys {
  hostId: string;
  /** PEM. */
  key: string;
  certificate: string;
  publicKey: ReturnType<typeof createPublicKey>;
}

/** PKCS #8 of an Ed25519 key, up to its 32 bytes (RFC 8410, section 10.3). */
const ED25519_PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const ED = { name: "Ed25519" } as const;
const VALID = { notBefore: new Date("2026-01-01"), notAfter: new Date("2036-01-01") };

async function keysOf(name: string): Promise<{ pem: string; pair: webcrypto.CryptoKeyPair }> {
  const der = Buffer.concat([ED25519_PKCS8, createHash("sha256").update(`simulated ${name}`).digest()]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  const { subtle } = webcrypto;
  return {
    pem: key.export({ format: "pem", type: "pkcs8" }).toString(),
    pair: {
      privateKey: await subtle.importKey("pkcs8", der, ED, true, ["sign"]),
      publicKey: await subtle.importKey("spki", spki, ED, true, ["verify"]),
    },
  };
}

/** Keys of so many hosts, each with a certificate of one authority. */
export async function makeKeys(count: number): Promise<{ hosts: HostKeys[]; authority: string }> {
  x509.cryptoProvider.set(webcrypto as never);
  const ca = await keysOf("authority");
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: "CN=Simulated authority",
    ...VALID,
    signingAlgorithm: ED,
    keys: ca.pair as never,
  });
  const hosts: HostKeys[] = [];
  for (let number = 0; number < count; number++) {
    const { pem, pair } = await keysOf(`host ${number}`);
    const publicKey = createPublicKey(createPrivateKey(pem));
    const hostId = hostIdOf(publicKey);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: (number + 2).toString(16).padStart(2, "0"),
      subject: `CN=${hostId}`,
      issuer: authority.subject,
      ...VALID,
      signingAlgorithm: ED,
      publicKey: pair.publicKey as never,
      signingKey: ca.pair.privateKey as never,
      extensions: [
        new x509.SubjectAlternativeNameExtension([{ type: "url", value: `spiffe://hosttrail/host/${hostId}` }]),
      ],
    });
    hosts.push({ hostId, key: pem, certificate: certificate.toString("pem"), publicKey });
  }
  return { hosts, authority: authority.toString("pem") };
}
