/**
 * Certificates beside those that the collector gives: for benchmarks without one, and for tests of what must be refused. For
 * development and tests only.
 */
import { createPrivateKey, randomBytes, webcrypto } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
// @peculiar/x509 stands on a container of dependencies that wants this first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

const DAY_MS = 86_400_000;
const VALID_DAYS = 30;
const EC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** Hosts sign blocks with the key of their certificate, so it is Ed25519. */
const ED = { name: "Ed25519" } as const;

/** Milliseconds from now. */
interface Lifetime {
  notBefore: number;
  notAfter: number;
}
const VALID: Lifetime = { notBefore: -DAY_MS, notAfter: VALID_DAYS * DAY_MS };

/** Files of one identity. */
export interface Identity {
  certificateFile: string;
  keyFile: string;
}

/** A certificate authority that lives in a folder. */
export class DevelopmentCa {
  readonly caFile: string;
  readonly #directory: string;
  readonly #certificate: x509.X509Certificate;
  readonly #key: webcrypto.CryptoKey;
  /** Of the names of its files. */
  readonly #prefix: string;

  private constructor(directory: string, certificate: x509.X509Certificate, key: webcrypto.CryptoKey, file = "ca") {
    this.#directory = directory;
    this.#certificate = certificate;
    this.#key = key;
    this.#prefix = file === "ca" ? "" : `${file}-`;
    this.caFile = join(directory, `${file}.crt`);
  }

  /** Makes a CA; its key stays in memory and is gone with this process. */
  static async create(directory: string, file = "ca"): Promise<DevelopmentCa> {
    x509.cryptoProvider.set(webcrypto as never);
    const keys = await webcrypto.subtle.generateKey(EC, true, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serial(),
      name: "CN=Hosttrail development CA",
      ...validity(),
      signingAlgorithm: EC,
      keys: keys as never,
      extensions: [
        new x509.BasicConstraintsExtension(true, 1, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ],
    });
    const ca = new DevelopmentCa(directory, certificate, keys.privateKey, file);
    writeFileSync(ca.caFile, certificate.toString("pem"), { mode: 0o644 });
    return ca;
  }

  /** An authority below this one: what it signs is trusted where its certificate comes along. */
  async intermediate(file = "intermediate", time: Lifetime = VALID): Promise<DevelopmentCa> {
    const keys = await webcrypto.subtle.generateKey(EC, true, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject: `CN=Hosttrail ${file}`,
      issuer: this.#certificate.subject,
      ...validity(time),
      signingAlgorithm: EC,
      publicKey: keys.publicKey as never,
      signingKey: this.#key as never,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ],
    });
    const ca = new DevelopmentCa(this.#directory, certificate, keys.privateKey, file);
    writeFileSync(ca.caFile, certificate.toString("pem"), { mode: 0o644 });
    return ca;
  }

  /** The authority of a stack, by its files. */
  static async open(directory: string, authority: string): Promise<DevelopmentCa> {
    x509.cryptoProvider.set(webcrypto as never);
    const certificate = new x509.X509Certificate(readFileSync(join(authority, "ca.crt"), "utf8"));
    const der = createPrivateKey(readFileSync(join(authority, "ca.key"))).export({ format: "der", type: "pkcs8" });
    const key = await webcrypto.subtle.importKey("pkcs8", der, EC, false, ["sign"]);
    const ca = new DevelopmentCa(directory, certificate, key);
    writeFileSync(ca.caFile, certificate.toString("pem"), { mode: 0o644 });
    return ca;
  }

  /** A certificate for an agent: its URI names the host. */
  host(hostId: string, file = "host", time: Lifetime = VALID): Promise<Identity> {
    return this.#issue(
      file,
      `CN=${hostId}`,
      ED,
      [{ type: "url", value: `spiffe://hosttrail/host/${hostId}` }],
      ["client"],
      time,
    );
  }

  /** A certificate for a person or a program that asks. */
  user(name: string, time: Lifetime = VALID): Promise<Identity> {
    const names = [{ type: "url" as const, value: `spiffe://hosttrail/user/${name}` }];
    return this.#issue(`user-${name}-${randomBytes(4).toString("hex")}`, `CN=${name}`, EC, names, ["client"], time);
  }

  /** A user's certificate that nobody but its own key has signed. */
  async selfSigned(name: string): Promise<Identity> {
    const keys = await webcrypto.subtle.generateKey(EC, true, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serial(),
      name: `CN=${name}`,
      ...validity(),
      signingAlgorithm: EC,
      keys: keys as never,
      extensions: extensionsOf([{ type: "url", value: `spiffe://hosttrail/user/${name}` }], ["client"]),
    });
    return await this.#write(`self-${name}`, certificate, keys.privateKey);
  }

  /** A certificate for a collector on this machine. */
  server(file = "collector", time: Lifetime = VALID): Promise<Identity> {
    const names: x509.JsonGeneralNames = [
      { type: "dns", value: "localhost" },
      { type: "ip", value: "127.0.0.1" },
    ];
    return this.#issue(file, "CN=localhost", EC, names, ["server"], time);
  }

  async #issue(
    file: string,
    subject: string,
    algorithm: typeof EC | typeof ED,
    names: x509.JsonGeneralNames,
    usages: ("client" | "server")[],
    time: Lifetime = VALID,
  ): Promise<Identity> {
    const keys = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject,
      issuer: this.#certificate.subject,
      ...validity(time),
      signingAlgorithm: EC,
      publicKey: keys.publicKey as never,
      signingKey: this.#key as never,
      extensions: extensionsOf(names, usages),
    });
    return await this.#write(file, certificate, keys.privateKey);
  }

  async #write(file: string, certificate: x509.X509Certificate, key: webcrypto.CryptoKey): Promise<Identity> {
    const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
    const identity = {
      certificateFile: join(this.#directory, `${this.#prefix}${file}.crt`),
      keyFile: join(this.#directory, `${this.#prefix}${file}.key`),
    };
    writeFileSync(identity.certificateFile, certificate.toString("pem"), { mode: 0o644 });
    writeFileSync(identity.keyFile, x509.PemConverter.encode(der, "PRIVATE KEY"), { mode: 0o600 });
    return identity;
  }
}

function extensionsOf(names: x509.JsonGeneralNames, usages: ("client" | "server")[]): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(
      usages.map((usage) => x509.ExtendedKeyUsage[usage === "client" ? "clientAuth" : "serverAuth"]),
    ),
    new x509.SubjectAlternativeNameExtension(names),
  ];
}

function serial(): string {
  const bytes = randomBytes(16);
  // A positive number: the first bit of the DER integer is its sign.
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return bytes.toString("hex");
}

function validity({ notBefore, notAfter }: Lifetime = VALID): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now + notBefore), notAfter: new Date(now + notAfter) };
}

/** A certificate signing request (PKCS#10, DER) with a name of its own, for tests of what must be ignored or refused. */
export async function signingRequest(kind: "Ed25519" | "P-256", name: string): Promise<Buffer> {
  x509.cryptoProvider.set(webcrypto as never);
  const algorithm = kind === "Ed25519" ? ED : EC;
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${name}`,
    keys: keys as never,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 3, true),
      new x509.SubjectAlternativeNameExtension([{ type: "url", value: `spiffe://hosttrail/user/${name}` }]),
    ],
  });
  return Buffer.from(request.rawData);
}
