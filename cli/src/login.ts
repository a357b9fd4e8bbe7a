/** `hosttrail login`: the device flow of OAuth 2.0 (RFC 8628) with an OpenID Connect provider. */
import { rmSync } from "node:fs";
import { readSecretFile, writeFileDurably } from "@hosttrail/lib/files";
import * as oidc from "openid-client";
import type { Profile } from "./profile.ts";

/** What is kept of a login; the file is readable by its owner alone. */
interface Session {
  idToken: string;
  refreshToken: string;
  expireMs: number;
}

/** A token is renewed so long before its end. */
const EARLY_MS = 30_000;

async function discover({ oidc: { issuer, clientId } }: Profile): Promise<oidc.Configuration> {
  const url = new URL(issuer);
  // Plain HTTP is for a provider on this machine, as tests have it.
  const isLocal = url.protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url.protocol !== "https:" && !isLocal) throw new Error(`oidc.issuer is ${issuer}; it must begin with https://`);
  const options = isLocal ? { execute: [oidc.allowInsecureRequests] } : {};
  return await oidc.discovery(url, clientId, undefined, oidc.None(), options);
}

/** Logs in; `show` tells the person where to confirm. */
export async function login(profile: Profile, show: (text: string) => void, signal: AbortSignal): Promise<void> {
  if (profile.oidc.issuer === "") throw new Error("the profile names no oidc.issuer to log in with");
  const configuration = await discover(profile);
  const device = await oidc.initiateDeviceAuthorization(configuration, { scope: profile.oidc.scope });
  show(
    `To log in, open ${device.verification_uri_complete ?? device.verification_uri} and confirm the code ${device.user_code}\n`,
  );
  const tokens = await oidc.pollDeviceAuthorizationGrant(configuration, device, undefined, { signal });
  keep(profile, tokens, "");
  show("Logged in.\n");
}

/** Forgets the login. */
export function logout({ sessionFile }: Profile): void {
  rmSync(sessionFile, { force: true });
}

/** A token that is valid now, renewed where need be. */
export async function accessToken(profile: Profile): Promise<string> {
  const session = JSON.parse(readSecretFile(profile.sessionFile)) as Session;
  if (session.expireMs - EARLY_MS > Date.now()) return session.idToken;
  if (session.refreshToken === "") throw new Error("the login is over: hosttrail login");
  try {
    const configuration = await discover(profile);
    const tokens = await oidc.refreshTokenGrant(configuration, session.refreshToken);
    return keep(profile, tokens, session.refreshToken).idToken;
  } catch (cause) {
    throw new Error("the login is over: hosttrail login", { cause });
  }
}

function keep(
  { sessionFile }: Profile,
  tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers,
  refreshToken: string,
): Session {
  const claims = tokens.claims();
  if (tokens.id_token === undefined || claims === undefined) throw new Error("the provider gave no ID token");
  const session: Session = {
    idToken: tokens.id_token,
    refreshToken: tokens.refresh_token ?? refreshToken,
    expireMs: claims.exp * 1000,
  };
  writeFileDurably(sessionFile, JSON.stringify(session));
  return session;
}
