/** [hosts] and [drops] -> attest -> [transparency log], kept by one process at a time; and its files for whoever checks it. */
import { readFileSync } from "node:fs";
import type { TLSSocket } from "node:tls";
import { formatVerifierKey, isQuorum, parsePolicy, type Policy, type VerifierKey } from "@hosttrail/lib/tlog";
import { logSource } from "../archives.ts";
import { Attester, serveLog } from "../attest/index.ts";
import { type Access, UnknownCaller } from "../access/index.ts";
import { LogReader } from "../logbook/index.ts";
import { userOf } from "../serve/index.ts";
import { openSigner } from "../signer/index.ts";
import { accessOf } from "./query/gate.ts";
import type { RunningRole, Shared } from "./role.ts";

const LEASE = "attest";

export async function startAttest(shared: Shared): Promise<RunningRole | undefined> {
  const { config, stream, archive, reach, signal, logger } = shared;
  const { origin, keyFile, policyFile, leaseMs } = config.attest;
  if (origin === "" || keyFile === "") {
    if (config.roles.includes("attest")) throw new Error("the role attest needs attest.origin and attest.key_file");
    return undefined;
  }
  const signer = openSigner("ed25519", origin, keyFile);
  const attester = new Attester(
    {
      source: logSource(archive),
      log: archive.log,
      anchors: stream.anchors,
      hold: (until, work, log) => stream.lease(LEASE, leaseMs).hold(until, work, log),
    },
    { ...config.attest, signer, policy: policyOf(policyFile, signer.key) },
    logger,
  );
  const server = await openLogServer(shared);
  return {
    needs: [reach.nats, reach.database],
    work: attester.run(signal),
    close: () => server?.close(),
  };
}

function policyOf(file: string, key: VerifierKey): Policy | undefined {
  if (file === "") return undefined;
  try {
    const policy = parsePolicy(readFileSync(file));
    const asked = policy.witnesses.filter(({ url }) => url !== "").map(({ name }) => name);
    if (!isQuorum(policy, new Set(asked)))
      throw new Error(
        "its witnesses that have an address are fewer than its quorum, so nothing would ever be published",
      );
    if (policy.logs.length > 0 && !policy.logs.some((log) => formatVerifierKey(log.key) === formatVerifierKey(key)))
      throw new Error(`it names logs, and not this one: ${formatVerifierKey(key)}`);
    return policy;
  } catch (cause) {
    throw new Error(`attest.policy_file: ${file}: ${String(cause)}`, { cause });
  }
}

async function openLogServer({ config, live, archive, logger }: Shared): Promise<{ close(): void } | undefined> {
  const { origin, listen, readers } = config.attest;
  if (listen === "") return undefined;
  const { max, strangersPerAddressMax, handshakeTimeoutMs } = config.connections;
  const access = accessOf(live, archive);
  const server = await serveLog(
    {
      listen,
      tls: config.tls,
      connectionsMax: max,
      connectionsPerAddressMax: strangersPerAddressMax,
      handshakeTimeoutMs,
      refusal: async (socket, authorization) =>
        readers === "anybody" ? undefined : await refusalOf(access, socket, authorization),
    },
    new LogReader(archive.log, origin),
    logger,
  );
  logger.info({ port: server.port }, "the transparency log's files are served");
  return server;
}

/** Entries are of all hosts, so only who may see all hosts is let in. */
async function refusalOf(
  access: Access,
  socket: TLSSocket,
  authorization: string | undefined,
): Promise<string | undefined> {
  const certificate = userOf({
    getAuthContext: () => (socket.authorized ? { sslPeerCertificate: socket.getPeerCertificate() } : {}),
    getPeer: () => `${socket.remoteAddress}:${socket.remotePort}`,
  });
  try {
    const { name, scope } = await access.authenticate({ certificate, authorization });
    return Object.keys(scope).length === 0 ? undefined : `${name} may not see all hosts`;
  } catch (error) {
    if (error instanceof UnknownCaller) return error.message;
    throw error;
  }
}
