/** Calls of the enrolment service. */
import { type ChannelCredentials, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import {
  type EnrollHostRequest,
  type EnrollHostResponse,
  EnrollmentServiceClient,
  type HostCertificate,
  type RenewHostCertificateResponse,
} from "@hosttrail/proto/enrollment";
import { connectionFailure } from "@hosttrail/lib/tls";

export type Proof = NonNullable<EnrollHostRequest["proof"]>;

interface Call {
  /** `host:port`; one after the other is tried. */
  endpoints: readonly string[];
  ca: string;
  request: Buffer;
}

const TIMEOUT_MS = 15_000;

/** Asks for the first certificate; throws with all reasons where nobody gave one. */
export async function enroll(
  call: Call & { hostId: string; hostName: string; bootId: string; proof: Proof | undefined },
): Promise<HostCertificate> {
  const { hostName, bootId, proof, request } = call;
  const answer = await ask<EnrollHostResponse>(
    call,
    credentials.createSsl(Buffer.from(call.ca)),
    (client, deadline, done) => {
      client.enrollHost(
        { certificateSigningRequest: request, proof, hostName, bootId },
        new Metadata(),
        deadline,
        done,
      );
    },
  );
  if (answer.hostId !== call.hostId)
    throw new Error(`the collector calls this host ${answer.hostId}, not ${call.hostId}`);
  return certificateOf(answer);
}

/** Asks for the next certificate, by the one that there is. */
export async function renew(call: Call & { certificate: string; key: string }): Promise<HostCertificate> {
  const { ca, key, certificate } = call;
  const own = credentials.createSsl(Buffer.from(ca), Buffer.from(key), Buffer.from(certificate));
  const answer = await ask<RenewHostCertificateResponse>(call, own, (client, deadline, done) => {
    client.renewHostCertificate({ certificateSigningRequest: call.request }, new Metadata(), deadline, done);
  });
  return certificateOf(answer);
}

function certificateOf({ certificate }: { certificate?: HostCertificate | undefined }): HostCertificate {
  if (certificate === undefined) throw new Error("the collector gave no certificate");
  return certificate;
}

type Done<Response> = (error: ServiceError | null, response: Response) => void;

async function ask<Response>(
  { endpoints, certificate = "" }: Call & { certificate?: string },
  channel: ChannelCredentials,
  start: (client: EnrollmentServiceClient, options: { deadline: number }, done: Done<Response>) => void,
): Promise<Response> {
  const reasons: string[] = [];
  for (const endpoint of endpoints) {
    // No TXT record of the collector's name may configure an agent.
    const client = new EnrollmentServiceClient(endpoint, channel, { "grpc.service_config_disable_resolution": 1 });
    try {
      return await new Promise((resolve, reject) => {
        start(client, { deadline: Date.now() + TIMEOUT_MS }, (error, response) =>
          error === null ? resolve(response) : reject(error),
        );
      });
    } catch (error) {
      const reason = error instanceof Error && "details" in error ? String(error.details) : String(error);
      reasons.push(`${endpoint}: ${connectionFailure(reason, certificate)}`);
    } finally {
      client.close();
    }
  }
  throw new Error(`no certificate: ${reasons.join("; ")}`);
}
