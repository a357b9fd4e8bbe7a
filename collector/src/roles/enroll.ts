/** Hosts get their identity here. */
import { readFileSync } from "node:fs";
import { certificatesOf } from "@hosttrail/lib/tls";
import { EnrollmentServiceService } from "@hosttrail/proto/enrollment";
import { type Authority, openAuthority } from "../authority/index.ts";
import type { CollectorConfig } from "../config/index.ts";
import { type AwsOptions, Enrollment } from "../enroll/index.ts";
import { REQUEST_BYTES_MAX } from "../serve/index.ts";
import type { RunningRole, Shared } from "./role.ts";
import { openServer } from "./server.ts";
import { watchTrust } from "./trust.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Undefined where nobody is there who signs, and the role was not asked for by its name. */
export async function startEnroll({ config, archive, reach, logger }: Shared): Promise<RunningRole | undefined> {
  const authority = await authorityOf(config);
  if (authority === undefined) return undefined;
  const trust = watchTrust(config.tls.caFile);
  const { methods } = new Enrollment(
    archive.tokens,
    archive.identities,
    {
      authority,
      trustBundle: trust.pem,
      graceMs: config.enroll.graceHours * HOUR_MS,
      aws: awsOf(config.enroll.aws),
    },
    logger,
  );
  const service = {
    name: "hosttrail.v1.EnrollmentService",
    definition: EnrollmentServiceService,
    implementation: { ...methods },
  };
  const about = {
    listen: config.enroll.listen,
    clientCertificate: "optional",
    messageBytesMax: REQUEST_BYTES_MAX,
  } as const;
  return {
    needs: [reach.database],
    server: await openServer(about, [service], config, logger),
    close: () => trust.close(),
  };
}

/** Whoever signs certificates; a node that has the role by its name must have one. */
async function authorityOf({ ca, roles }: CollectorConfig): Promise<Authority | undefined> {
  const authority = await openAuthority({ ...ca, hostCertificateMs: ca.hostCertificateMinutes * MINUTE_MS });
  if (authority === undefined && roles.includes("enroll")) {
    throw new Error("the role enroll needs ca.certificate_file and ca.key_file, or ca.command");
  }
  return authority;
}

function awsOf(aws: CollectorConfig["enroll"]["aws"]): AwsOptions | undefined {
  const { certificatesFile, accounts, launchedWithinMinutes, labels } = aws;
  if (certificatesFile === "") return undefined;
  return {
    certificates: certificatesOf(readFileSync(certificatesFile, "utf8")),
    accounts,
    launchedWithinMs: launchedWithinMinutes * MINUTE_MS,
    labels,
  };
}
