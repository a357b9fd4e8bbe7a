/**
 * The identity document of an EC2 instance, signed by AWS, verified offline. Source: Amazon EC2 User Guide, "Instance identity
 * documents": PKCS#7 from `/latest/dynamic/instance-identity/rsa2048`, one certificate per region.
 */
import { X509Certificate } from "node:crypto";
import type { Labels } from "../access/index.ts";
import { SignedMessageError, verifySignedMessage } from "../authority/index.ts";

export interface AwsOptions {
  /** AWS's public certificates for instance identity, of the regions in use. */
  certificates: readonly X509Certificate[];
  /** Accounts whose instances may enrol. */
  accounts: readonly string[];
  /** How long after its launch an instance may enrol. */
  launchedWithinMs: number;
  labels: Labels;
}

export interface Instance {
  accountId: string;
  instanceId: string;
  region: string;
}

/** An identity document that does not let its sender in. */
export class InstanceIdentityError extends Error {
  override readonly name = "InstanceIdentityError";
}

const CLOCK_SKEW_MS = 300_000;
const PKCS7_LENGTH_MAX = 16 * 1024;

/** Checks signature, account and age; throws an InstanceIdentityError. */
export function verifyInstance(pkcs7: string, options: AwsOptions, nowMs: number): Instance {
  if (pkcs7.length > PKCS7_LENGTH_MAX) throw new InstanceIdentityError("the instance identity is too long");
  const der = Buffer.from(pkcs7.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
  let document: Record<string, unknown>;
  try {
    const content = verifySignedMessage(der, options.certificates);
    document = JSON.parse(content.toString("utf8")) as Record<string, unknown>;
  } catch (cause) {
    const why = cause instanceof SignedMessageError ? `: ${cause.message}` : "";
    throw new InstanceIdentityError(`the instance identity is not signed by AWS${why}`, { cause });
  }
  const text = (key: string): string => (typeof document[key] === "string" ? document[key] : "");
  const [accountId, instanceId, region] = [text("accountId"), text("instanceId"), text("region")];
  if (!/^\d{12}$/.test(accountId) || !/^i-[0-9a-f]{8,17}$/.test(instanceId) || !/^[a-z0-9-]{1,32}$/.test(region)) {
    throw new InstanceIdentityError("the instance identity lacks account, instance or region");
  }
  if (!options.accounts.includes(accountId)) {
    throw new InstanceIdentityError(`instances of account ${accountId} may not enrol`);
  }
  const launchedMs = Date.parse(text("pendingTime"));
  if (!(launchedMs <= nowMs + CLOCK_SKEW_MS && nowMs - launchedMs <= options.launchedWithinMs)) {
    throw new InstanceIdentityError(`instance ${instanceId} was launched too long ago to enrol; use a token`);
  }
  return { accountId, instanceId, region };
}
