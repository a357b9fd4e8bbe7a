/** A bucket of S3, or of what speaks as it does, by AWS's own client: it signs, finds credentials (the instance's role, mostly) and tries again. */
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";

export interface BucketOptions {
  bucket: string;
  /** Before each key; empty for none. */
  prefix: string;
  /** Empty: by the SDK's own means, or the usual one where `endpoint` is set. */
  region: string;
  /** Empty: by the SDK's own means. */
  endpoint: string;
  /** The bucket's name is a part of the path. */
  pathStyle: boolean;
  timeoutMs: number;
}

/** What others than AWS are told, who mostly have none. */
const REGION_OF_OTHERS = "us-east-1";
const CONNECT_MS_MAX = 5000;
const ATTEMPTS = 3;
const MESSAGE_LENGTH_MAX = 512;

export class Bucket {
  readonly #client: S3Client;
  readonly #options: BucketOptions;

  /** Speaks to nobody yet. */
  constructor(options: BucketOptions) {
    const { region, endpoint, pathStyle, timeoutMs } = options;
    this.#options = options;
    const named = region !== "" ? region : endpoint === "" ? undefined : REGION_OF_OTHERS;
    this.#client = new S3Client({
      ...(named === undefined ? {} : { region: named }),
      ...(endpoint === "" ? {} : { endpoint }),
      forcePathStyle: pathStyle,
      followRegionRedirects: true,
      maxAttempts: ATTEMPTS,
      requestHandler: {
        connectionTimeout: Math.min(CONNECT_MS_MAX, timeoutMs),
        requestTimeout: timeoutMs,
        throwOnRequestTimeout: true,
      },
    });
  }

  /**
   * Puts an object in the place of what is there under this key, as a whole or not at all. Throws an Error that names the object and what the store
   * says.
   */
  async put(key: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const { bucket, prefix } = this.#options;
    const Key = prefix === "" ? key : `${prefix}/${key}`;
    try {
      await this.#client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: bytes }), { abortSignal: signal });
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      const said = message.slice(0, MESSAGE_LENGTH_MAX);
      throw new Error(`s3://${bucket}/${Key} cannot be written: ${name}: ${said}`, { cause: error });
    }
  }

  close(): void {
    this.#client.destroy();
  }
}
