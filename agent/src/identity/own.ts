/**
 * An identity of the agent's own. The key is made at the first start and never leaves the host; the host's id is the beginning of
 * its fingerprint, so the trail can begin before the collector has ever been reached. In `<state>/identity`:
 *
 *   host.key    Ed25519, readable by its owner alone
 *   host.crt    the certificate and those above it; renewed when two thirds of its time are over
 *   trust.crt   the collector's authorities, as it told them last
 *   machine     which machine the key was made on
 *
 * States: without certificate -> enrolled -> (renewal due -> enrolled) … A copied disk finds another machine around it, or is told so
 * by the collector: then identity and spool are put aside, and it begins anew.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { hostIdOf } from "@hosttrail/lib/crypto";
import { makePrivateDirectory, readSecretFile, writeFileDurably } from "@hosttrail/lib/files";
import type { Logger } from "@hosttrail/lib/log";
import type { HostCertificate } from "@hosttrail/proto/enrollment";
import type { AgentConfig } from "../config/index.ts";
import { Imds } from "../imds/index.ts";
import { enroll, type Proof, renew } from "./enroll.ts";
import type { Identity, TlsCredentials } from "./identity.ts";
import { certificateRequest } from "./request.ts";

/** A certificate is renewed after this part of its time. */
const RENEW_SHARE = 2 / 3;
/** A renewal that fails is tried again after this part of its time, within these bounds. */
const RETRY_SHARE = 1 / 30;
const RETRY_MS = { min: 2000, max: 3_600_000 } as const;
/** Timers take no longer time than this. */
const TIMER_MS_MAX = 2_147_483_647;
const MACHINE = "/sys/class/dmi/id/product_uuid";

interface Certificate {
  pem: string;
  startMs: number;
  expireMs: number;
}

export class OwnIdentity implements Identity {
  readonly hostId: string;
  readonly key: string;
  readonly #config: AgentConfig;
  readonly #about: { hostName: string; bootId: string };
  readonly #logger: Logger;
  readonly #directory: string;
  readonly #keyObject: KeyObject;
  #certificate: Certificate | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** One request at a time. */
  #asking: Promise<void> | undefined;
  #closed = false;

  /** `machineFile` tells which machine this is. */
  constructor(
    config: AgentConfig,
    about: { hostName: string; bootId: string },
    logger: Logger,
    machineFile: string = MACHINE,
  ) {
    this.#config = config;
    this.#about = about;
    this.#logger = logger;
    this.#directory = join(config.stateDirectory, "identity");
    const machine = readText(machineFile);
    const before = readText(this.#path("machine"));
    if (machine !== "" && before !== "" && machine !== before) {
      this.#putAside("this disk is a copy: the key was made on another machine");
    }
    makePrivateDirectory(this.#directory);
    this.#keyObject = this.#openKey(machine);
    this.key = this.#keyObject.export({ format: "pem", type: "pkcs8" }).toString();
    this.hostId = hostIdOf(createPublicKey(this.#keyObject));
    this.#certificate = this.#readCertificate();
    this.#schedule();
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }

  #openKey(machine: string): KeyObject {
    if (existsSync(this.#path("host.key"))) return createPrivateKey(readSecretFile(this.#path("host.key")));
    const { privateKey } = generateKeyPairSync("ed25519");
    writeFileDurably(this.#path("machine"), machine);
    writeFileDurably(this.#path("host.key"), privateKey.export({ format: "pem", type: "pkcs8" }));
    return privateKey;
  }

  #readCertificate(): Certificate | undefined {
    const pem = readText(this.#path("host.crt"));
    if (pem === "") return undefined;
    try {
      return this.#check(pem);
    } catch (error) {
      this.#logger.error({ error: String(error) }, "the host's certificate cannot be used; a new one is asked for");
      return undefined;
    }
  }

  #check(pem: string): Certificate {
    const certificate = new X509Certificate(pem);
    if (!certificate.checkPrivateKey(this.#keyObject)) throw new Error("the certificate is of another key");
    return { pem, startMs: Date.parse(certificate.validFrom), expireMs: Date.parse(certificate.validTo) };
  }

  /** A full disk is no reason not to use what we have. */
  #keep(name: string, content: string): void {
    try {
      writeFileDurably(this.#path(name), content);
    } catch (error) {
      this.#logger.error({ file: this.#path(name), error: String(error) }, "what the collector gave cannot be kept");
    }
  }

  async credentials(): Promise<TlsCredentials> {
    if (this.#certificate === undefined || this.#certificate.expireMs <= Date.now()) await this.#ask();
    const { pem } = this.#certificate ?? { pem: "" };
    return { ca: this.#trusted(), certificate: pem, key: this.key };
  }

  /** What the configuration trusts, and what the collector told since. */
  #trusted(): string {
    return `${readFileSync(this.#config.collector.caFile, "utf8")}\n${readText(this.#path("trust.crt"))}`;
  }

  /** Asks for a certificate; throws where none was given. */
  #ask(): Promise<void> {
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
      this.#schedule();
    });
    return this.#asking;
  }

  async #askOnce(): Promise<void> {
    const { endpoints } = this.#config.enroll;
    const request = certificateRequest(this.#keyObject);
    const isValid = this.#certificate !== undefined && this.#certificate.expireMs > Date.now();
    const call = { endpoints, ca: this.#trusted(), request };
    let answer: HostCertificate;
    if (isValid) {
      answer = await renew({ ...call, certificate: this.#certificate?.pem ?? "", key: this.key });
    } else {
      const proof = await this.#proof();
      answer = await enroll({ ...call, ...this.#about, proof, hostId: this.hostId });
      if (proof?.$case === "token") this.#removeToken();
    }
    this.#certificate = this.#check(answer.certificateChainPem);
    this.#keep("trust.crt", answer.trustBundlePem);
    this.#keep("host.crt", answer.certificateChainPem);
    this.#logger.info(
      { host: this.hostId, renewed: isValid, expires: new Date(this.#certificate?.expireMs ?? 0).toISOString() },
      "the host has a certificate",
    );
  }

  /** What lets a new host in; a known one needs nothing but its key. */
  async #proof(): Promise<Proof | undefined> {
    const { method, tokenFile } = this.#config.enroll;
    if (method === "aws") {
      const imds = new Imds(this.#config.enrich.imdsEndpoint);
      const pkcs7 = await imds.get("/latest/dynamic/instance-identity/rsa2048");
      return { $case: "awsInstanceIdentity", value: { pkcs7 } };
    }
    return tokenFile === "" || !existsSync(tokenFile)
      ? undefined
      : { $case: "token", value: readSecretFile(tokenFile).trim() };
  }

  /** Used, it is of no more use here, but perhaps to a thief. */
  #removeToken(): void {
    const { tokenFile, removeToken } = this.#config.enroll;
    if (!removeToken) return;
    try {
      rmSync(tokenFile, { force: true });
    } catch (error) {
      this.#logger.warn({ file: tokenFile, error: String(error) }, "the used enrolment token cannot be removed");
    }
  }

  /** The next renewal. */
  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#certificate === undefined || this.#closed) return;
    const { startMs, expireMs } = this.#certificate;
    const lifetimeMs = expireMs - startMs;
    const retryMs = Math.min(Math.max(lifetimeMs * RETRY_SHARE, RETRY_MS.min), RETRY_MS.max);
    const dueMs = startMs + lifetimeMs * RENEW_SHARE - Date.now();
    // Not all of a fleet that was rolled out at once.
    const delayMs = Math.max(dueMs, retryMs) + Math.random() * retryMs;
    this.#timer = setTimeout(
      () => {
        // A long time is waited for in parts.
        if (delayMs > TIMER_MS_MAX) this.#schedule();
        else
          this.#ask().catch((error: unknown) =>
            this.#logger.warn({ error: String(error) }, "the certificate is not renewed yet"),
          );
      },
      Math.min(delayMs, TIMER_MS_MAX),
    );
    this.#timer.unref();
  }

  expireTime(): string | undefined {
    return this.#certificate && new Date(this.#certificate.expireMs).toISOString();
  }

  trust(pem: string): void {
    if (pem !== readText(this.#path("trust.crt"))) this.#keep("trust.crt", pem);
  }

  renounce(): void {
    this.#putAside("the collector says that another machine has this identity");
  }

  /** Nothing is deleted: what the original has not shipped may be in this spool only. */
  #putAside(reason: string): void {
    const suffix = `copied-${Date.now()}`;
    for (const name of ["identity", "spool"]) {
      const path = join(this.#config.stateDirectory, name);
      if (existsSync(path)) renameSync(path, `${path}.${suffix}`);
    }
    this.#logger.error({ suffix }, `${reason}; identity and spool are put aside, and this host begins anew`);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
