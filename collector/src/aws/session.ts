/**
 * Who asks AWS: the collector itself, by the SDK's own chain of credentials (the role of its instance, mostly), or a role that it assumes in
 * another account. No secret of AWS is ever in our configuration.
 */
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { AwsCredentialIdentity, Provider } from "@smithy/types";
import type { CallCounter } from "./calls.ts";
import { CloudError, toCloudError } from "./failure.ts";

/** How every client asks. In its adaptive mode the SDK slows down by itself where AWS says that it asks too much. */
export const ASKING = {
  retryMode: "adaptive",
  maxAttempts: 10,
  requestHandler: { connectionTimeout: 5000, requestTimeout: 60_000, throwOnRequestTimeout: true },
} as const;

const SESSION_NAME = "hosttrail-coverage";
/** The least that AWS gives: it is renewed where a look takes longer. */
const SESSION_SECONDS = 900;
const RENEW_BEFORE_MS = 360_000;

/** Undefined for the collector's own. */
export type Credentials = Provider<AwsCredentialIdentity> | undefined;

export interface SessionOptions {
  homeRegion: string;
  roleName: string;
  externalId: string;
}

export class Sessions {
  readonly #options: SessionOptions;
  readonly #client: STSClient;
  #own: Promise<{ account: string; partition: string }> | undefined;

  constructor(options: SessionOptions, calls: CallCounter) {
    this.#options = options;
    this.#client = new STSClient({ ...ASKING, region: options.homeRegion });
    calls.watch(this.#client);
  }

  /** The account that the collector is in. Throws a CloudError where it has no credentials. */
  own(signal: AbortSignal): Promise<{ account: string; partition: string }> {
    return (this.#own ??= this.#askOwn(signal));
  }

  async #askOwn(signal: AbortSignal): Promise<{ account: string; partition: string }> {
    const operation = "GetCallerIdentity";
    try {
      const { Account = "", Arn = "" } = await this.#client.send(new GetCallerIdentityCommand({}), {
        abortSignal: signal,
      });
      return { account: Account, partition: Arn.split(":", 2)[1] ?? "aws" };
    } catch (error) {
      throw toCloudError(operation, error);
    }
  }

  /** Credentials for an account, assumed anew before they end. Throws a CloudError where the role cannot be assumed. */
  async of(account: string, signal: AbortSignal): Promise<Credentials> {
    const own = await this.own(signal);
    if (account === own.account) return undefined;
    let current = await this.#assume(account, own.partition, signal);
    return async () => {
      // All clients of the account share them.
      const endMs = current.expiration?.getTime() ?? Infinity;
      if (endMs - Date.now() < RENEW_BEFORE_MS) current = await this.#assume(account, own.partition, signal);
      return current;
    };
  }

  async #assume(account: string, partition: string, signal: AbortSignal): Promise<AwsCredentialIdentity> {
    const { roleName, externalId } = this.#options;
    const operation = "AssumeRole";
    const question = new AssumeRoleCommand({
      RoleArn: `arn:${partition}:iam::${account}:role/${roleName}`,
      RoleSessionName: SESSION_NAME,
      DurationSeconds: SESSION_SECONDS,
      ...(externalId === "" ? {} : { ExternalId: externalId }),
    });
    try {
      const { Credentials: given } = await this.#client.send(question, { abortSignal: signal });
      if (given?.AccessKeyId === undefined || given.SecretAccessKey === undefined)
        throw new CloudError(operation, "NoCredentials", "the answer has no credentials in it");
      return {
        accessKeyId: given.AccessKeyId,
        secretAccessKey: given.SecretAccessKey,
        ...(given.SessionToken === undefined ? {} : { sessionToken: given.SessionToken }),
        ...(given.Expiration === undefined ? {} : { expiration: given.Expiration }),
      };
    } catch (error) {
      throw toCloudError(operation, error);
    }
  }

  close(): void {
    this.#client.destroy();
  }
}
