/** Gives and takes access: tokens, identities of hosts, and the record of who asked what. */
import { type ServiceError, status } from "@grpc/grpc-js";
import { isHostId } from "@hosttrail/lib/block";
import {
  type AccessServiceServer,
  type ApiToken as ApiTokenMessage,
  type Caller as CallerMessage,
  CreateApiTokenRequest,
  type CreateApiTokenResponse,
  CreateEnrollmentTokenRequest,
  type CreateEnrollmentTokenResponse,
  CreateLoginLinkRequest,
  DeleteApiTokenRequest,
  DeleteEnrollmentTokenRequest,
  type EnrollmentToken as EnrollmentTokenMessage,
  GetCallerRequest,
  type HostIdentity as HostIdentityMessage,
  ListApiTokensRequest,
  ListAuditEntriesRequest,
  ListEnrollmentTokensRequest,
  ListHostIdentitiesRequest,
  RevokeHostRequest,
  Role as RoleNumber,
} from "@hosttrail/proto/access";
import { isWithin, type Labels, labelProblem, makeSecret, type Role } from "../access/index.ts";
import type { ApiToken, AuditEntry, EnrollmentToken, HostIdentity } from "../model/index.ts";
import {
  type Answers,
  type Gate,
  invalidField,
  pageSizeOf,
  serviceError,
  timestampOf,
  type Visit,
} from "../serve/index.ts";

import { createLoginLink, type LinkParts } from "./link.ts";

interface Tokens {
  insertEnrollmentToken(token: EnrollmentToken): Promise<void>;
  listEnrollmentTokens(afterId: string, limit: number): Promise<EnrollmentToken[]>;
  deleteEnrollmentToken(id: string): Promise<boolean>;
  insertApiToken(token: ApiToken): Promise<void>;
  listApiTokens(afterId: string, limit: number): Promise<ApiToken[]>;
  deleteApiToken(id: string): Promise<boolean>;
}

interface Identities {
  getIdentity(hostId: string): Promise<HostIdentity | undefined>;
  listIdentities(afterId: string, limit: number): Promise<HostIdentity[]>;
  revokeIdentity(hostId: string, nowMs: number, reason: string): Promise<void>;
}

/** What the API works on. */
export interface AccessStores {
  tokens: Tokens;
  identities: Identities;
  audit: AuditList;
  links: LinkParts;
}

interface AuditList {
  listAudit(beforeId: string, limit: number): Promise<AuditEntry[]>;
}

const HOSTS_MAX = 100_000;
const TTL_SECONDS = { min: 60n, max: 31_536_000n } as const;
const TEXT_LENGTH_MAX = 128;
const NONE: Answers<object> = { response: {}, results: 0 };

export class AccessApi {
  readonly #stores: AccessStores;
  readonly #gate: Gate;
  readonly #tellIdentity: (hostId: string) => void;

  constructor(stores: AccessStores, gate: Gate, tellIdentity: (hostId: string) => void) {
    this.#stores = stores;
    this.#gate = gate;
    this.#tellIdentity = tellIdentity;
  }

  /** The methods as grpc-js wants them. */
  get methods(): AccessServiceServer {
    const gate = this.#gate;
    return {
      getCaller: gate.unary(GetCallerRequest, async (_request, { caller }) => {
        const response: CallerMessage = { name: caller.name, role: numberOf(caller.role), scope: { ...caller.scope } };
        return { response, results: 0 };
      }),
      createEnrollmentToken: gate.change(CreateEnrollmentTokenRequest, (request, visit) =>
        this.#createEnrollmentToken(request, visit),
      ),
      listEnrollmentTokens: gate.unary(ListEnrollmentTokensRequest, async (request, { caller }) => {
        const { page, nextPageToken } = await this.#page(request, (after, limit) =>
          this.#stores.tokens.listEnrollmentTokens(after, limit),
        );
        const visible = page.filter(({ labels }) => isWithin(labels, caller.scope));
        return {
          response: { enrollmentTokens: visible.map(toEnrollmentToken), nextPageToken },
          results: visible.length,
        };
      }),
      deleteEnrollmentToken: gate.change(DeleteEnrollmentTokenRequest, async ({ id }, visit) => {
        this.#unscoped(visit);
        if (!(await this.#stores.tokens.deleteEnrollmentToken(id)))
          throw notFound("TOKEN_NOT_FOUND", `enrolment token ${id}`);
        return NONE;
      }),
      createApiToken: gate.change(CreateApiTokenRequest, (request, visit) => this.#createApiToken(request, visit)),
      listApiTokens: gate.unary(ListApiTokensRequest, async (request, { caller }) => {
        const { page, nextPageToken } = await this.#page(request, (after, limit) =>
          this.#stores.tokens.listApiTokens(after, limit),
        );
        const visible = page.filter(({ scope }) => isWithin(scope, caller.scope));
        return { response: { apiTokens: visible.map(toApiToken), nextPageToken }, results: visible.length };
      }),
      deleteApiToken: gate.change(DeleteApiTokenRequest, async ({ id }, visit) => {
        this.#unscoped(visit);
        if (!(await this.#stores.tokens.deleteApiToken(id))) throw notFound("TOKEN_NOT_FOUND", `API token ${id}`);
        return NONE;
      }),
      createLoginLink: gate.change(CreateLoginLinkRequest, (_request, visit) =>
        createLoginLink(this.#stores.links, visit),
      ),
      listHostIdentities: gate.unary(ListHostIdentitiesRequest, async (request, { caller }) => {
        const { page, nextPageToken } = await this.#page(request, (after, limit) =>
          this.#stores.identities.listIdentities(after, limit),
        );
        const visible = page.filter(({ labels }) => isWithin(labels, caller.scope));
        return { response: { hostIdentities: visible.map(toIdentity), nextPageToken }, results: visible.length };
      }),
      revokeHost: gate.change(RevokeHostRequest, (request, visit) => this.#revokeHost(request, visit)),
      listAuditEntries: gate.unary(ListAuditEntriesRequest, async (request, visit) => {
        // The record tells of all teams.
        this.#unscoped(visit);
        const { page, nextPageToken } = await this.#page(request, (before, limit) =>
          this.#stores.audit.listAudit(before, limit),
        );
        return { response: { auditEntries: page.map(toEntry), nextPageToken }, results: page.length };
      }),
    };
  }

  /** An administrator of some hosts has no say in what is of all. */
  #unscoped({ caller }: Visit): void {
    if (Object.keys(caller.scope).length === 0) return;
    throw serviceError(status.PERMISSION_DENIED, "SCOPE_TOO_SMALL", `${caller.name} may only see some hosts`);
  }

  /** Nobody gives away more than they have. */
  #within(labels: Labels, { caller }: Visit, what: string): void {
    if (isWithin(labels, caller.scope)) return;
    const scope = JSON.stringify(caller.scope);
    throw serviceError(
      status.PERMISSION_DENIED,
      "SCOPE_TOO_SMALL",
      `${what} must have the labels ${scope} of ${caller.name}`,
    );
  }

  async #createEnrollmentToken(
    { hostsMax, ttlSeconds, labels }: CreateEnrollmentTokenRequest,
    visit: Visit,
  ): Promise<Answers<CreateEnrollmentTokenResponse>> {
    if (hostsMax < 1 || hostsMax > HOSTS_MAX) throw invalidField("hosts_max", hostsMax, `1 to ${HOSTS_MAX}`);
    checkLabels("labels", labels);
    this.#within(labels, visit, "labels");
    const { id, text, hash } = makeSecret("enrollment");
    const token: EnrollmentToken = {
      id,
      hash,
      hostsMax,
      hostsEnrolled: 0,
      labels,
      creator: visit.caller.name,
      ...lifetime(ttlSeconds),
    };
    await this.#stores.tokens.insertEnrollmentToken(token);
    return { response: { enrollmentToken: toEnrollmentToken(token), token: text }, results: 1 };
  }

  async #createApiToken(
    { displayName, role, scope, ttlSeconds }: CreateApiTokenRequest,
    visit: Visit,
  ): Promise<Answers<CreateApiTokenResponse>> {
    if (displayName === "" || displayName.length > TEXT_LENGTH_MAX || /\p{Cc}/u.test(displayName)) {
      throw invalidField("display_name", displayName, `1 to ${TEXT_LENGTH_MAX} characters`);
    }
    const name = roleOf(role);
    if (name === undefined) throw invalidField("role", role, "viewer, responder and admin");
    checkLabels("scope", scope);
    this.#within(scope, visit, "scope");
    const { id, text, hash } = makeSecret("api");
    const creator = visit.caller.name;
    const token: ApiToken = { id, hash, displayName, role: name, scope, creator, ...lifetime(ttlSeconds) };
    await this.#stores.tokens.insertApiToken(token);
    return { response: { apiToken: toApiToken(token), token: text }, results: 1 };
  }

  async #revokeHost({ hostId, reason }: RevokeHostRequest, { caller }: Visit): Promise<Answers<HostIdentityMessage>> {
    if (!isHostId(hostId)) throw invalidField("host_id", hostId.slice(0, TEXT_LENGTH_MAX), "32 lower case hex digits");
    if (reason.length > TEXT_LENGTH_MAX)
      throw invalidField("reason", reason.length, `up to ${TEXT_LENGTH_MAX} characters`);
    const before = await this.#stores.identities.getIdentity(hostId);
    if (before === undefined || !isWithin(before.labels, caller.scope)) {
      throw notFound("HOST_NOT_FOUND", `enrolled host ${hostId}`);
    }
    await this.#stores.identities.revokeIdentity(hostId, Date.now(), reason);
    this.#tellIdentity(hostId);
    const after = (await this.#stores.identities.getIdentity(hostId)) ?? before;
    return { response: toIdentity(after), results: 1 };
  }

  async #page<Item extends { id: string } | { hostId: string }>(
    { pageSize, pageToken }: { pageSize: number; pageToken: string },
    list: (place: string, limit: number) => Promise<Item[]>,
  ): Promise<{ page: Item[]; nextPageToken: string }> {
    const size = pageSizeOf(pageSize);
    if (!/^[A-Za-z0-9_-]{0,64}$/.test(pageToken)) {
      throw invalidField("page_token", pageToken.slice(0, 64), "those that this API gave out");
    }
    const place = Buffer.from(pageToken, "base64url").toString("latin1");
    const items = await list(place, size + 1);
    const page = items.slice(0, size);
    const last = items.length > size ? page.at(-1) : undefined;
    const next = last === undefined ? "" : "id" in last ? last.id : last.hostId;
    return { page, nextPageToken: Buffer.from(next, "latin1").toString("base64url") };
  }
}

const ROLES: readonly (readonly [Role, RoleNumber])[] = [
  ["viewer", RoleNumber.VIEWER],
  ["responder", RoleNumber.RESPONDER],
  ["admin", RoleNumber.ADMIN],
];

function numberOf(role: Role): RoleNumber {
  return ROLES.find(([name]) => name === role)?.[1] ?? RoleNumber.UNSPECIFIED;
}

function roleOf(number: RoleNumber): Role | undefined {
  return ROLES.find(([, other]) => other === number)?.[0];
}

function notFound(reason: string, what: string): ServiceError {
  return serviceError(status.NOT_FOUND, reason, `there is no ${what.slice(0, TEXT_LENGTH_MAX)}`);
}

function checkLabels(field: string, labels: Labels): void {
  const problem = labelProblem(labels);
  if (problem !== undefined)
    throw serviceError(status.INVALID_ARGUMENT, "FIELD_INVALID", `${field}: ${problem}`, { field });
}

function lifetime(ttlSeconds: bigint): { createMs: number; expireMs: number } {
  const { min, max } = TTL_SECONDS;
  if (ttlSeconds < min || ttlSeconds > max) throw invalidField("ttl_seconds", ttlSeconds, `${min} to ${max}`);
  const createMs = Date.now();
  return { createMs, expireMs: createMs + Number(ttlSeconds) * 1000 };
}

function toEnrollmentToken(token: EnrollmentToken): EnrollmentTokenMessage {
  const { hash: _hash, createMs, expireMs, labels, ...rest } = token;
  return { ...rest, labels: { ...labels }, createTime: timestampOf(createMs), expireTime: timestampOf(expireMs) };
}

function toApiToken(token: ApiToken): ApiTokenMessage {
  const { hash: _hash, createMs, expireMs, scope, role, ...rest } = token;
  const times = { createTime: timestampOf(createMs), expireTime: timestampOf(expireMs) };
  return { ...rest, role: numberOf(role), scope: { ...scope }, ...times };
}

function toIdentity(identity: HostIdentity): HostIdentityMessage {
  const { hostId, hostName, labels, proof, keyFingerprint } = identity;
  return {
    hostId,
    hostName,
    labels: { ...labels },
    proof,
    keyFingerprint,
    enrollTime: timestampOf(identity.enrollMs),
    expireTime: timestampOf(identity.expireMs),
    revokeTime: timestampOf(identity.revokeMs),
    cloned: identity.clonedBoots.length > 0,
  };
}

function toEntry({ id, timeMs, caller, peerAddress, method, request, results, status: code }: AuditEntry) {
  return {
    id,
    time: timestampOf(timeMs),
    caller,
    peerAddress,
    method,
    request,
    results: BigInt(results),
    status: code,
  };
}
