/** Bodies of requests: JSON, up to a bound, within a time. */
import { status } from "@grpc/grpc-js";
import { serviceError } from "../serve/index.ts";
import { type Exchange, JSON_TYPE } from "./exchange.ts";

/** A body must be there within this time. */
const TIMEOUT_MS = 30_000;

/** The JSON value of a body of up to so many bytes. Throws a ServiceError that says what is wrong with it. */
export async function readJson(
  { body, headers }: Pick<Exchange, "body" | "headers">,
  bytesMax: number,
): Promise<unknown> {
  const type = headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type !== JSON_TYPE)
    throw serviceError(
      status.INVALID_ARGUMENT,
      "CONTENT_TYPE",
      `content-type is ${shown(type)}; allowed is ${JSON_TYPE}`,
    );
  const bytes = await readAll(body, bytesMax);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch {
    throw serviceError(status.INVALID_ARGUMENT, "JSON_INVALID", "the body is no JSON in UTF-8");
  }
}

function shown(type: string | undefined): string {
  return type === undefined ? "missing" : JSON.stringify(type.slice(0, 64));
}

async function readAll(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Buffer> {
  const read = async (): Promise<Buffer> => {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of body) {
      bytes += piece.length;
      if (bytes > bytesMax)
        throw serviceError(status.INVALID_ARGUMENT, "REQUEST_TOO_LARGE", `the body has more than ${bytesMax} bytes`);
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  };
  const { promise, reject } = Promise.withResolvers<never>();
  const late = setTimeout(() => {
    reject(
      serviceError(status.DEADLINE_EXCEEDED, "REQUEST_SLOW", `the body was not there within ${TIMEOUT_MS / 1000} s`),
    );
  }, TIMEOUT_MS);
  try {
    return await Promise.race([read(), promise]);
  } finally {
    clearTimeout(late);
  }
}
