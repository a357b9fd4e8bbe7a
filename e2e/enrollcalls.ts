/** Calls of the enrolment service by hand. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ChannelCredentials, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import {
  type EnrollHostRequest,
  type EnrollHostResponse,
  EnrollmentServiceClient,
  type RenewHostCertificateResponse,
} from "@hosttrail/proto/enrollment";
import type { Stack } from "@hosttrail/stack";

function strangers(stack: Stack): ChannelCredentials {
  return credentials.createSsl(readFileSync(join(stack.authority, "trust.crt")));
}

function call<Response>(
  port: number,
  channel: ChannelCredentials,
  start: (client: EnrollmentServiceClient, done: (error: ServiceError | null, response: Response) => void) => void,
): Promise<Response> {
  const client = new EnrollmentServiceClient(`localhost:${port}`, channel);
  return new Promise<Response>((resolve, reject) => {
    start(client, (error, response) => (error === null ? resolve(response) : reject(error)));
  }).finally(() => client.close());
}

/** Asks for a host's first certificate, as a stranger. */
export function enroll(
  stack: Stack,
  request: Buffer,
  proof: EnrollHostRequest["proof"],
  port: number = stack.enrollPort,
): Promise<EnrollHostResponse> {
  return call<EnrollHostResponse>(port, strangers(stack), (client, done) => {
    const about = { hostName: "by hand", bootId: "b" };
    client.enrollHost({ certificateSigningRequest: request, proof, ...about }, done);
  });
}

/** Asks for a host's next certificate. */
export function renew(
  stack: Stack,
  request: Buffer,
  channel: ChannelCredentials = strangers(stack),
): Promise<RenewHostCertificateResponse> {
  return call<RenewHostCertificateResponse>(stack.enrollPort, channel, (client, done) => {
    client.renewHostCertificate({ certificateSigningRequest: request }, new Metadata(), done);
  });
}
