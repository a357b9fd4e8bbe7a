/** Who calls the API: by a client certificate, by one of our tokens, or by a token of the identity provider. */
import type { ApiToken } from "../model/index.ts";
import type { Labels } from "./labels.ts";
import { includesRole, type Role } from "./role.ts";
import { ProviderUnavailable, type ProviderUser } from "./provider.ts";
import { fitsHash, parseSecret } from "./secret.ts";

export interface Caller {
  /** "certificate:<name>", "token:<id>" or "oidc:<subject>". */
  name: string;
  role: Role;
  /** Only hosts with all of these labels are there for the caller. */
  scope: Labels;
  identity: Identity;
}

/** What a caller is known by, as it is kept for a session that asks again and again whether it still holds. */
export interface Identity {
  /** The caller's name first; with "oidc:<user>" also "oidc-group:<group>" for each of their groups. */
  subjects: readonly string[];
  /** When it ends by itself, milliseconds since 1970; Infinity where nothing says so. */
  endMs: number;
}

/** Gives a role to a subject: "certificate:<name>", "oidc:<user>" or "oidc-group:<group>". */
interface Binding {
  subject: string;
  role: Role;
  scope: Labels;
}

export interface AccessOptions {
  /** As they are now. */
  bindings: () => readonly Binding[];
  findApiToken: (id: string) => Promise<ApiToken | undefined>;
  /** Checks a token of the identity provider; undefined where none is configured. Throws where the token is not valid. */
  checkProviderToken: ((token: string) => Promise<ProviderUser>) | undefined;
}

/** What a call brings along. */
export interface Credentials {
  /** The name in the client's certificate, which TLS has verified; or why there is none. */
  certificate: { name: string; expireMs: number } | { problem: string };
  /** The `authorization` header. */
  authorization: string | undefined;
}

/** A caller who is not known. The message tells nothing that helps to guess. */
export class UnknownCaller extends Error {
  override readonly name = "UnknownCaller";
}

const TOKEN_SUBJECT = /^token:([0-9a-f]{16})$/;

export class Access {
  readonly #options: AccessOptions;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /** Who calls; throws an UnknownCaller. A header that is there counts, whatever certificate comes with it. */
  async authenticate({ authorization, certificate }: Credentials): Promise<Caller> {
    if (authorization !== undefined) return await this.#bearer(authorization);
    if ("problem" in certificate) {
      throw new UnknownCaller(`neither a user's certificate nor a bearer token: ${certificate.problem}`);
    }
    return this.#bound({ subjects: [`certificate:${certificate.name}`], endMs: certificate.expireMs });
  }

  /** Who a person is to us that our provider vouched for. Throws an UnknownCaller. */
  vouched({ user, groups }: ProviderUser): Caller {
    return this.#bound({
      subjects: [`oidc:${user}`, ...groups.map((group) => `oidc-group:${group}`)],
      endMs: Infinity,
    });
  }

  /** The caller of an identity that was good before, as it is now; throws an UnknownCaller where it does not hold any more. */
  async again(identity: Identity): Promise<Caller> {
    const [subject = ""] = identity.subjects;
    if (identity.endMs <= Date.now()) throw new UnknownCaller(`${subject} has ended`);
    const tokenId = TOKEN_SUBJECT.exec(subject)?.[1];
    if (tokenId === undefined) return this.#bound(identity);
    const token = await this.#options.findApiToken(tokenId);
    if (token === undefined || token.expireMs <= Date.now()) throw new UnknownCaller(`${subject} is gone`);
    return { name: subject, role: token.role, scope: token.scope, identity };
  }

  async #bearer(authorization: string): Promise<Caller> {
    const token = /^bearer ([\w.~+/=-]{1,8192})$/i.exec(authorization)?.[1];
    if (token === undefined) throw new UnknownCaller("the authorization header is not a bearer token");
    const own = parseSecret("api", token);
    if (own !== undefined) return await this.#ownToken(own);
    const { checkProviderToken } = this.#options;
    if (checkProviderToken === undefined) throw new UnknownCaller("the bearer token is not valid");
    let user: ProviderUser;
    try {
      user = await checkProviderToken(token);
    } catch (cause) {
      if (cause instanceof ProviderUnavailable) throw cause;
      throw new UnknownCaller("the bearer token is not valid", { cause });
    }
    return this.vouched(user);
  }

  async #ownToken({ id, secret }: { id: string; secret: string }): Promise<Caller> {
    const token = await this.#options.findApiToken(id);
    // The hash is compared in any case, so that time does not tell whether the id is known.
    const fits = fitsHash(secret, token?.hash ?? "0".repeat(64));
    if (token === undefined || !fits || token.expireMs <= Date.now()) {
      throw new UnknownCaller("the bearer token is not valid");
    }
    const name = `token:${id}`;
    return { name, role: token.role, scope: token.scope, identity: { subjects: [name], endMs: token.expireMs } };
  }

  /** Of several bindings the highest role counts, with its own scope; throws an UnknownCaller where there is none. */
  #bound(identity: Identity): Caller {
    const { subjects } = identity;
    let best: Binding | undefined;
    for (const binding of this.#options.bindings()) {
      if (!subjects.includes(binding.subject)) continue;
      if (best === undefined || !includesRole(best.role, binding.role)) best = binding;
    }
    const [name = ""] = subjects;
    if (best === undefined)
      throw new UnknownCaller(`no role is bound to ${name}${name.startsWith("oidc:") ? " or a group of theirs" : ""}`);
    return { name, role: best.role, scope: best.scope, identity };
  }
}
