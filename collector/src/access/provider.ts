/** Tokens of an OpenID Connect provider. Checked here; the CLI gets them by the device flow. */
import { createRemoteJWKSet, customFetch, decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";

export interface ProviderOptions {
  /** As in the tokens' `iss`; discovery is below it. */
  issuer: string;
  /** As in the tokens' `aud`: the client id that the CLI uses, or the API's name. */
  audience: string;
  userClaim: string;
  groupsClaim: string;
  /** Seconds that the clocks may differ. */
  clockToleranceSeconds: number;
}

const TIMEOUT_MS = 5000;
const RETRY_MS = 10_000;
/** Never `none`, never an HMAC: the provider's public key would be its secret. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/** What the provider says of who bears its token. */
export interface ProviderUser {
  user: string;
  groups: readonly string[];
}

/** The provider does not answer: nothing is said about the token. */
export class ProviderUnavailable extends Error {
  override readonly name = "ProviderUnavailable";
}

type Keys = ReturnType<typeof createRemoteJWKSet>;

/** jose's codes for trouble with fetching keys, not with the token. */
const FETCH_CODES = new Set(["ERR_JWKS_TIMEOUT", "ERR_JOSE_GENERIC"]);

/**
 * A check of tokens by the provider's keys, which are fetched when first needed and again when it has new ones. Throws a
 * ProviderUnavailable where they cannot be had, and any other error where the token is not valid.
 */
export function openProvider(options: ProviderOptions): (token: string) => Promise<ProviderUser> {
  let keys: Promise<Keys> | undefined;
  const keysOf = (): Promise<Keys> => {
    keys ??= discover(options.issuer).catch((cause: unknown) => {
      // Not asked again at once, whoever calls how often.
      setTimeout(() => {
        keys = undefined;
      }, RETRY_MS).unref();
      throw new ProviderUnavailable("the identity provider does not answer", { cause });
    });
    return keys;
  };
  return async (token) => {
    // A stranger's nonsense must not make us ask anybody.
    if (decodeJwt(token).iss !== options.issuer) throw new Error("the token is of another issuer");
    const known = await keysOf();
    try {
      const { payload } = await jwtVerify(token, known, {
        issuer: options.issuer,
        audience: options.audience,
        algorithms: ALGORITHMS,
        clockTolerance: options.clockToleranceSeconds,
        requiredClaims: ["exp", "sub"],
      });
      return userOf(payload, options);
    } catch (cause) {
      const isFetch = cause instanceof TypeError || (cause instanceof errors.JOSEError && FETCH_CODES.has(cause.code));
      throw isFetch ? new ProviderUnavailable("the identity provider does not answer", { cause }) : cause;
    }
  };
}

function userOf(payload: JWTPayload, { userClaim, groupsClaim }: ProviderOptions): ProviderUser {
  const user = payload[userClaim];
  if (typeof user !== "string" || user === "") throw new Error(`the token has no ${userClaim}`);
  // Whoever may write an address there themselves could call themselves anybody.
  if (userClaim === "email" && payload["email_verified"] !== true) throw new Error("the token's email is not verified");
  const groups = payload[groupsClaim];
  return { user, groups: Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : [] };
}

async function discover(issuer: string): Promise<Keys> {
  const url = new URL(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "error" });
  if (!response.ok) throw new Error(`${url.href} answers ${response.status}`);
  const { issuer: named, jwks_uri: jwks } = (await response.json()) as Record<string, unknown>;
  if (named !== issuer) throw new Error(`${url.href} names another issuer`);
  if (typeof jwks !== "string") throw new Error(`${url.href} names no jwks_uri`);
  return createRemoteJWKSet(new URL(jwks), {
    timeoutDuration: TIMEOUT_MS,
    [customFetch]: (input, init) => fetch(input, { ...init, redirect: "error" }),
  });
}
