/** Commands that give and take access. */
import {
  type AccessServiceClient,
  ApiToken,
  AuditEntry,
  Caller,
  type CreateApiTokenResponse,
  type CreateEnrollmentTokenResponse,
  CreateLoginLinkResponse,
  type DeleteApiTokenResponse,
  type DeleteEnrollmentTokenResponse,
  EnrollmentToken,
  HostIdentity,
  type ListApiTokensResponse,
  type ListAuditEntriesResponse,
  type ListEnrollmentTokensResponse,
  type ListHostIdentitiesResponse,
  Role,
} from "@hosttrail/proto/access";
import { writeFileDurably } from "@hosttrail/lib/files";
import { call } from "../call.ts";
import { labelsOf, parseLabels } from "../labels.ts";
import { printable, timeOf } from "../text.ts";
import { parseDuration } from "../time.ts";
import type { Output } from "../output/index.ts";

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

const ROLES: Readonly<Record<string, Role>> = { viewer: Role.VIEWER, responder: Role.RESPONDER, admin: Role.ADMIN };

function roleName(role: Role): string {
  return Object.keys(ROLES).find((name) => ROLES[name] === role) ?? "";
}

/** `hosttrail whoami` */
export async function whoami(client: AccessServiceClient, { json, print, table }: Output): Promise<void> {
  const caller = await call<Caller>((done) => client.getCaller({}, done));
  if (json) print(line(Caller.toJSON(caller)));
  else
    print(
      table([
        ["CALLER", "ROLE", "SCOPE"],
        [caller.name, roleName(caller.role), labelsOf(caller.scope) || "all hosts"].map(printable),
      ]),
    );
}

/** `hosttrail console`: nothing opens it by itself, since whatever is started can be seen with its arguments by all on this machine. */
export async function consoleLink(client: AccessServiceClient, { json, print }: Output): Promise<void> {
  const link = await call<CreateLoginLinkResponse>((done) => client.createLoginLink({}, done));
  print(json ? line(CreateLoginLinkResponse.toJSON(link)) : `${printable(link.uri)}\n`);
}

/** Hands out a secret: into a file of its owner alone, or alone on standard output. */
function give(token: string, about: unknown, path: string, { json, print }: Output): void {
  if (path !== "") writeFileDurably(path, `${token}\n`);
  if (json) print(line(path === "" ? { token, ...(about as object) } : about));
  else if (path === "") print(`${token}\n`);
}

/** `hosttrail token create` */
export async function createToken(
  client: AccessServiceClient,
  options: { hosts: string; ttl: string; labels: readonly string[]; output: string },
  output: Output,
): Promise<void> {
  const request = {
    hostsMax: Number(options.hosts),
    ttlSeconds: BigInt(parseDuration("--ttl", options.ttl)),
    labels: parseLabels("--label", options.labels),
  };
  if (!Number.isInteger(request.hostsMax)) throw new Error(`--hosts is "${options.hosts}"; it must be a whole number`);
  const { token, enrollmentToken } = await call<CreateEnrollmentTokenResponse>((done) =>
    client.createEnrollmentToken(request, done),
  );
  give(token, { enrollmentToken: enrollmentToken && EnrollmentToken.toJSON(enrollmentToken) }, options.output, output);
}

/** `hosttrail token list` */
export async function listTokens(client: AccessServiceClient, { json, print, table }: Output): Promise<void> {
  const rows = [["ID", "HOSTS", "LABELS", "CREATOR", "EXPIRES"]];
  for await (const token of pages(async (pageToken) => {
    const page = await call<ListEnrollmentTokensResponse>((done) =>
      client.listEnrollmentTokens({ pageSize: 1000, pageToken }, done),
    );
    return { items: page.enrollmentTokens, next: page.nextPageToken };
  })) {
    if (json) print(line(EnrollmentToken.toJSON(token)));
    const hosts = `${token.hostsEnrolled}/${token.hostsMax}`;
    rows.push([token.id, hosts, labelsOf(token.labels), token.creator, timeOf(token.expireTime)].map(printable));
  }
  if (!json) print(table(rows));
}

/** `hosttrail token delete` */
export async function deleteToken(client: AccessServiceClient, id: string): Promise<void> {
  await call<DeleteEnrollmentTokenResponse>((done) => client.deleteEnrollmentToken({ id }, done));
}

/** `hosttrail api-token create` */
export async function createApiToken(
  client: AccessServiceClient,
  options: { name: string; role: string; ttl: string; scope: readonly string[]; output: string },
  output: Output,
): Promise<void> {
  const role = ROLES[options.role];
  if (role === undefined) throw new Error(`--role is "${options.role}"; allowed are ${Object.keys(ROLES).join(", ")}`);
  const request = {
    displayName: options.name,
    role,
    scope: parseLabels("--scope", options.scope),
    ttlSeconds: BigInt(parseDuration("--ttl", options.ttl)),
  };
  const { token, apiToken } = await call<CreateApiTokenResponse>((done) => client.createApiToken(request, done));
  give(token, { apiToken: apiToken && ApiToken.toJSON(apiToken) }, options.output, output);
}

/** `hosttrail api-token list` */
export async function listApiTokens(client: AccessServiceClient, { json, print, table }: Output): Promise<void> {
  const rows = [["ID", "NAME", "ROLE", "SCOPE", "CREATOR", "EXPIRES"]];
  for await (const token of pages(async (pageToken) => {
    const page = await call<ListApiTokensResponse>((done) => client.listApiTokens({ pageSize: 1000, pageToken }, done));
    return { items: page.apiTokens, next: page.nextPageToken };
  })) {
    if (json) print(line(ApiToken.toJSON(token)));
    const { id, displayName, role, scope, creator, expireTime } = token;
    rows.push([id, displayName, roleName(role), labelsOf(scope), creator, timeOf(expireTime)].map(printable));
  }
  if (!json) print(table(rows));
}

/** `hosttrail api-token delete` */
export async function deleteApiToken(client: AccessServiceClient, id: string): Promise<void> {
  await call<DeleteApiTokenResponse>((done) => client.deleteApiToken({ id }, done));
}

const IDENTITY_HEADER = ["HOST", "NAME", "LABELS", "PROOF", "ENROLLED", "CERTIFICATE UNTIL", "STATE"];

function identityRow(identity: HostIdentity): string[] {
  const { hostId, hostName, labels, proof, enrollTime, expireTime, revokeTime, cloned } = identity;
  const state = revokeTime !== undefined ? "revoked" : cloned ? "cloned" : "enrolled";
  return [hostId, hostName, labelsOf(labels), proof, timeOf(enrollTime), timeOf(expireTime), state].map(printable);
}

/** `hosttrail host list` */
export async function listIdentities(client: AccessServiceClient, { json, print, table }: Output): Promise<void> {
  const rows = [IDENTITY_HEADER];
  for await (const identity of pages(async (pageToken) => {
    const page = await call<ListHostIdentitiesResponse>((done) =>
      client.listHostIdentities({ pageSize: 1000, pageToken }, done),
    );
    return { items: page.hostIdentities, next: page.nextPageToken };
  })) {
    if (json) print(line(HostIdentity.toJSON(identity)));
    rows.push(identityRow(identity));
  }
  if (!json) print(table(rows));
}

/** `hosttrail host revoke` */
export async function revokeHost(
  client: AccessServiceClient,
  hostId: string,
  reason: string,
  { json, print, table }: Output,
): Promise<void> {
  const identity = await call<HostIdentity>((done) => client.revokeHost({ hostId, reason }, done));
  print(json ? line(HostIdentity.toJSON(identity)) : table([IDENTITY_HEADER, identityRow(identity)]));
}

/** `hosttrail audit`: who asked what, newest first. */
export async function audit(client: AccessServiceClient, limit: number, { json, print, table }: Output): Promise<void> {
  const rows = [["TIME", "CALLER", "PEER", "METHOD", "STATUS", "RESULTS", "REQUEST"]];
  let left = limit;
  for await (const entry of pages(async (pageToken) => {
    const pageSize = Math.min(Math.max(left, 1), 1000);
    const page = await call<ListAuditEntriesResponse>((done) => client.listAuditEntries({ pageSize, pageToken }, done));
    return { items: page.auditEntries, next: page.nextPageToken };
  })) {
    if (left-- <= 0) break;
    if (json) print(line(AuditEntry.toJSON(entry)));
    const { time, caller, peerAddress, method, status, results, request } = entry;
    rows.push(
      [timeOf(time), caller, peerAddress, method.split("/").at(-1) ?? "", status, String(results), request].map(
        printable,
      ),
    );
  }
  if (!json) print(table(rows));
}

/** All items of a list, page after page. */
async function* pages<Item>(
  read: (pageToken: string) => Promise<{ items: readonly Item[]; next: string }>,
): AsyncGenerator<Item> {
  let pageToken = "";
  do {
    const { items, next } = await read(pageToken);
    yield* items;
    pageToken = next;
  } while (pageToken !== "");
}
