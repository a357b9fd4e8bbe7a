/** Gives hosts their identity: a certificate for a key that never leaves the host. */
import { type handleUnaryCall, type ServiceError, status } from "@grpc/grpc-js";
import { fingerprintOf, hostIdOf } from "@hosttrail/lib/crypto";
import type { Logger } from "@hosttrail/lib/log";
import {
  type EnrollHostRequest,
  type EnrollHostResponse,
  type EnrollmentServiceServer,
  type HostCertificate,
  type RenewHostCertificateRequest,
  type RenewHostCertificateResponse,
} from "@hosttrail/proto/enrollment";
import { fitsHash, type Labels, parseSecret } from "../access/index.ts";
import { type Authority, readRequest, RequestError } from "../authority/index.ts";
import { metrics } from "../metrics/index.ts";
import type { EnrollmentToken, HostIdentity } from "../model/index.ts";
import { asServiceError, PeerError, peerOf, serviceError } from "../serve/index.ts";
import { type AwsOptions, type Instance, InstanceIdentityError, verifyInstance } from "./aws.ts";

export type { AwsOptions } from "./aws.ts";

interface Tokens {
  getEnrollmentToken(id: string): Promise<EnrollmentToken | undefined>;
  /** False where no use is left. */
  useEnrollmentToken(token: EnrollmentToken, hostId: string): Promise<boolean>;
  returnEnrollmentToken(id: string, hostId: string): Promise<void>;
}

interface Identities {
  getIdentity(hostId: string): Promise<HostIdentity | undefined>;
  /** False where the host is known already. */
  insertIdentity(identity: HostIdentity): Promise<boolean>;
  noteCertificate(hostId: string, expireMs: number): Promise<void>;
  /** Takes a machine of a cloud for one host; false where another one has it. */
  claimMachine(machine: string, hostId: string): Promise<boolean>;
}

export interface EnrollOptions {
  authority: Authority;
  trustBundle: () => string;
  /** How long after its certificate's end a known host gets a new one by its key alone. */
  graceMs: number;
  aws: AwsOptions | undefined;
}

/** What lets a host in, and what it brings along. */
interface Admission {
  proof: string;
  labels: Labels;
  /** Takes the proof's use; false where there is none left. */
  use: () => Promise<boolean>;
  giveBack: () => Promise<void>;
}

export class Enrollment {
  readonly #tokens: Tokens;
  readonly #identities: Identities;
  readonly #options: EnrollOptions;
  readonly #logger: Logger;

  constructor(tokens: Tokens, identities: Identities, options: EnrollOptions, logger: Logger) {
    this.#tokens = tokens;
    this.#identities = identities;
    this.#options = options;
    this.#logger = logger;
  }

  get methods(): EnrollmentServiceServer {
    return {
      enrollHost: this.#unary((request) => this.#enroll(request)),
      renewHostCertificate: this.#unary((request, call) => this.#renew(request, call)),
    };
  }

  #unary<Request, Response>(
    answer: (request: Request, call: Parameters<handleUnaryCall<Request, Response>>[0]) => Promise<Response>,
  ): handleUnaryCall<Request, Response> {
    return (call, callback) => {
      answer(call.request, call).then(
        (response) => {
          metrics.enrollments.inc({ result: "OK" });
          callback(null, response);
        },
        (error: unknown) => {
          const shown = this.#explain(error);
          metrics.enrollments.inc({ result: status[shown.code] ?? "" });
          this.#logger.warn({ peer: call.getPeer(), reason: shown.details }, "a host got no certificate");
          callback(shown);
        },
      );
    };
  }

  #explain(error: unknown): ServiceError {
    const known = asServiceError(error);
    if (known !== undefined) return known;
    if (error instanceof RequestError) {
      return serviceError(status.INVALID_ARGUMENT, "REQUEST_INVALID", error.message);
    }
    if (error instanceof PeerError) {
      return serviceError(status.UNAUTHENTICATED, "CERTIFICATE_UNSUITABLE", error.message);
    }
    if (error instanceof InstanceIdentityError) return denied("INSTANCE_IDENTITY_INVALID", error.message);
    this.#logger.error({ error: String(error) }, "a certificate could not be given");
    return serviceError(
      status.UNAVAILABLE,
      "ENROLLMENT_UNAVAILABLE",
      "no certificate can be given at the moment",
      {},
      5000,
    );
  }

  async #enroll(request: EnrollHostRequest): Promise<EnrollHostResponse> {
    const key = await readRequest(request.certificateSigningRequest);
    const hostId = hostIdOf(key);
    const known = await this.#identities.getIdentity(hostId);
    // The request shows that its sender has the key. So a known host needs no further proof, and an answer that was lost
    // costs no second use of a token.
    if (known === undefined) await this.#admit(request, hostId, fingerprintOf(key));
    else await this.#admitAgain(request, known);
    const certificate = await this.#issue(hostId, key, request.certificateSigningRequest);
    this.#logger.info({ host: hostId, name: request.hostName, known: known !== undefined }, "a host is enrolled");
    return { hostId, certificate };
  }

  /** A host that is known needs no proof but its key, unless it has been away for too long. */
  async #admitAgain(request: EnrollHostRequest, known: HostIdentity): Promise<void> {
    checkNotRevoked(known);
    // A host that enrolled and never got its certificate, since the authority did not answer, has no end of one.
    const lastMs = Math.max(known.expireMs, known.enrollMs);
    if (Date.now() <= lastMs + this.#options.graceMs) return;
    if (request.proof === undefined) {
      const { hostId } = known;
      throw denied("PROOF_MISSING", `the certificate of host ${hostId} has been over for too long; enrol with a token`);
    }
    const { use } = await this.#admission(request, known.hostId);
    if (!(await use())) throw denied("TOKEN_USED_UP", "the proof is used up or over");
  }

  async #admit(request: EnrollHostRequest, hostId: string, keyFingerprint: string): Promise<void> {
    const admission = await this.#admission(request, hostId);
    if (!(await admission.use())) throw denied("TOKEN_USED_UP", "the proof is used up or over");
    const { proof, labels } = admission;
    const isNew = await this.#identities.insertIdentity({
      hostId,
      hostName: printable(request.hostName),
      labels,
      proof,
      keyFingerprint,
      enrollMs: Date.now(),
      expireMs: 0,
      revokeMs: 0,
      revokeReason: "",
      boots: [],
      clonedBoots: [],
    });
    // The same request came twice at once: one host, one use.
    if (!isNew) await admission.giveBack();
  }

  async #admission({ proof }: EnrollHostRequest, hostId: string): Promise<Admission> {
    if (proof?.$case === "token") return await this.#byToken(proof.value, hostId);
    if (proof?.$case === "awsInstanceIdentity") return this.#byInstance(proof.value.pkcs7, hostId);
    throw denied("PROOF_MISSING", "a new host enrols with a token or with its instance identity");
  }

  async #byToken(text: string, hostId: string): Promise<Admission> {
    const parsed = parseSecret("enrollment", text.trim());
    if (parsed === undefined) throw denied("TOKEN_INVALID", "the token is not one of ours");
    const token = await this.#tokens.getEnrollmentToken(parsed.id);
    const fits = fitsHash(parsed.secret, token?.hash ?? "0".repeat(64));
    if (token === undefined || !fits) throw denied("TOKEN_INVALID", "the token is not one of ours");
    if (token.expireMs <= Date.now()) throw denied("TOKEN_EXPIRED", `token ${token.id} is over`);
    return {
      proof: `token:${token.id}`,
      labels: token.labels,
      use: () => this.#tokens.useEnrollmentToken(token, hostId),
      giveBack: () => this.#tokens.returnEnrollmentToken(token.id, hostId),
    };
  }

  #byInstance(pkcs7: string, hostId: string): Admission {
    const { aws } = this.#options;
    if (aws === undefined) throw denied("PROOF_UNSUITABLE", "this collector takes no instance identities");
    const { accountId, instanceId, region }: Instance = verifyInstance(pkcs7, aws, Date.now());
    const instance = `aws:${accountId}/${instanceId}`;
    return {
      proof: instance,
      labels: { ...aws.labels, "aws.account": accountId, "aws.region": region },
      // Whoever can read the document on the instance later must not become a second host with it.
      use: () => this.#identities.claimMachine(instance, hostId),
      giveBack: async () => undefined,
    };
  }

  async #renew(
    request: RenewHostCertificateRequest,
    call: Parameters<typeof peerOf>[0],
  ): Promise<RenewHostCertificateResponse> {
    const peer = peerOf(call);
    const key = await readRequest(request.certificateSigningRequest);
    if (!key.equals(peer.publicKey)) throw denied("KEY_MISMATCH", "the request is of another key than the certificate");
    const known = await this.#identities.getIdentity(peer.name);
    if (known === undefined || known.keyFingerprint !== peer.keyFingerprint) {
      throw denied("NOT_ENROLLED", `host ${peer.name} has not enrolled here with this key`);
    }
    checkNotRevoked(known);
    return { certificate: await this.#issue(peer.name, key, request.certificateSigningRequest) };
  }

  async #issue(
    hostId: string,
    key: Parameters<Authority["issueHost"]>[1],
    request: Uint8Array,
  ): Promise<HostCertificate> {
    const { chainPem, expireMs } = await this.#options.authority.issueHost(hostId, key, request);
    await this.#identities.noteCertificate(hostId, expireMs);
    return {
      certificateChainPem: chainPem,
      trustBundlePem: this.#options.trustBundle(),
      expireTime: { seconds: BigInt(Math.floor(expireMs / 1000)), nanos: 0 },
    };
  }
}

function checkNotRevoked({ hostId, revokeMs }: HostIdentity): void {
  if (revokeMs > 0) throw denied("HOST_REVOKED", `host ${hostId} was revoked; it needs a new key and a new proof`);
}

function denied(reason: string, message: string): ServiceError {
  return serviceError(status.PERMISSION_DENIED, reason, message);
}

/** A host's own name of itself goes to logs and terminals. */
function printable(name: string): string {
  return name.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 256);
}
