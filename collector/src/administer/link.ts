/** Links that open the console once. */
import { status } from "@grpc/grpc-js";
import type { CreateLoginLinkResponse } from "@hosttrail/proto/access";
import { makeCode } from "../access/index.ts";
import type { LoginLink } from "../model/index.ts";
import { type Answers, serviceError, timestampOf, type Visit } from "../serve/index.ts";

export interface LinkParts {
  insertLink: (link: LoginLink) => Promise<void>;
  /** How browsers see the console; empty where that is not known. */
  consoleUrl: string;
}

/** Long enough to go from a terminal to a browser. */
const LIFETIME_MS = 300_000;

/** A link for whoever asks: what it opens ends no later than what they asked with. Throws a ServiceError. */
export async function createLoginLink(
  { insertLink, consoleUrl }: LinkParts,
  { caller }: Visit,
): Promise<Answers<CreateLoginLinkResponse>> {
  if (consoleUrl === "")
    throw serviceError(
      status.FAILED_PRECONDITION,
      "CONSOLE_URL_UNKNOWN",
      "the collector does not know how browsers see the console: console.public_url is not set",
    );
  const { subjects, endMs } = caller.identity;
  const { code, id } = makeCode();
  const expireMs = Date.now() + LIFETIME_MS;
  await insertLink({ id, subjects, identityEndMs: endMs, expireMs });
  return { response: { uri: `${consoleUrl}/login#${code}`, expireTime: timestampOf(expireMs) }, results: 1 };
}
