/** Login with an OpenID Connect provider: the code flow with PKCE, run by us, so that no token gets to a page. */
import * as oidc from "openid-client";
import { ProviderUnavailable, type ProviderUser } from "../../access/index.ts";

export interface ProviderLoginOptions {
  issuer: string;
  clientId: string;
  /** Empty for a public client. */
  clientSecret: string;
  scope: string;
  /** Where the provider sends the browser back. */
  redirectUri: string;
  /** Checks an ID token and says whose it is. */
  check: (idToken: string) => Promise<ProviderUser>;
}

/** What must be remembered from the beginning of a login to its end. */
export interface ProviderState {
  state: string;
  nonce: string;
  verifier: string;
  /** Path of the page to go to afterwards. */
  to: string;
}

/** The provider, or the person there, said no; or somebody made an answer up. */
export class LoginRefused extends Error {
  override readonly name = "LoginRefused";
}

const TIMEOUT_SECONDS = 5;
const RETRY_MS = 10_000;

export class ProviderLogin {
  readonly #options: ProviderLoginOptions;
  #configuration: Promise<oidc.Configuration> | undefined;

  constructor(options: ProviderLoginOptions) {
    this.#options = options;
  }

  /** Where to send the browser, and what to remember. Throws a ProviderUnavailable. */
  async begin(to: string): Promise<{ url: URL; state: ProviderState }> {
    const configuration = await this.#discover();
    const verifier = oidc.randomPKCECodeVerifier();
    const state: ProviderState = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier, to };
    const url = oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#options.redirectUri,
      scope: this.#options.scope,
      response_type: "code",
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state: state.state,
      nonce: state.nonce,
    });
    return { url, state };
  }

  /** Who came back with these parameters. Throws a ProviderUnavailable or a LoginRefused. */
  async finish(parameters: URLSearchParams, { state, nonce, verifier }: ProviderState): Promise<ProviderUser> {
    const configuration = await this.#discover();
    const url = new URL(this.#options.redirectUri);
    url.search = parameters.toString();
    try {
      const tokens = await oidc.authorizationCodeGrant(configuration, url, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      });
      // Its signature as well, by the same rules as for tokens that programs send.
      return await this.#options.check(tokens.id_token ?? "");
    } catch (cause) {
      if (cause instanceof ProviderUnavailable) throw cause;
      if (isAway(cause)) throw new ProviderUnavailable("the identity provider does not answer", { cause });
      throw new LoginRefused("the identity provider's answer is not taken", { cause });
    }
  }

  #discover(): Promise<oidc.Configuration> {
    this.#configuration ??= this.#ask().catch((cause: unknown) => {
      // Not asked again at once, whoever calls how often.
      setTimeout(() => {
        this.#configuration = undefined;
      }, RETRY_MS).unref();
      throw new ProviderUnavailable("the identity provider does not answer", { cause });
    });
    return this.#configuration;
  }

  async #ask(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.#options;
    const url = new URL(issuer);
    const execute = url.protocol === "http:" ? [oidc.allowInsecureRequests] : [];
    const options = { execute, timeout: TIMEOUT_SECONDS };
    if (clientSecret === "") return await oidc.discovery(url, clientId, undefined, oidc.None(), options);
    const found = await oidc.discovery(url, clientId, undefined, oidc.ClientSecretPost(clientSecret), options);
    // Without a word of it, servers take HTTP's own way (OpenID Connect Discovery 1.0, section 3).
    const methods = found.serverMetadata().token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    if (methods.includes("client_secret_post")) return found;
    return await oidc.discovery(url, clientId, undefined, oidc.ClientSecretBasic(clientSecret), options);
  }
}

/** Nothing is said about the login: it was not heard, took too long, or the provider failed. */
function isAway(error: unknown): boolean {
  if (error instanceof TypeError || (error instanceof Error && error.name === "TimeoutError")) return true;
  if (!(error instanceof Error) || !("code" in error)) return false;
  if (error.code === "OAUTH_TIMEOUT") return true;
  const { cause } = error;
  return cause instanceof Response && cause.status >= 500;
}
