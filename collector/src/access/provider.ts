/** Tokens of an OpenID Connect provider. Checked here; the CLI gets them by the device flow. */
import { createRemoteJWKSet, customFetch, type JWTPayload, jwtVerify } from "jose";
import type { ProviderUser } from "./caller.ts";

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
/** Never `none`, never an HMAC: the provider's public key would be its secret. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

/** A check of tokens by the provider's keys, which are fetched when first needed and again when it has new ones. */
export function openProvider(options: ProviderOptions): (token: string) => Promise<ProviderUser> {
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined;
  return async (token) => {
    keys ??= await discover(options.issuer);
    const { payload } = await jwtVerify(token, keys, {
      issuer: options.issuer,
      audience: options.audience,
      algorithms: ALGORITHMS,
      clockTolerance: options.clockToleranceSeconds,
      requiredClaims: ["exp", "sub"],
    });
    return userOf(payload, options);
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

async function discover(issuer: string): Promise<ReturnType<typeof createRemoteJWKSet>> {
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
