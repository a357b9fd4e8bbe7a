/** `hosttrail-collector doctor`: what is looked at, from the configuration. */
import { get } from "node:http";
import { text } from "node:stream/consumers";
import { type CollectorConfig, loadCollectorConfig } from "../config/index.ts";
import {
  examine,
  failed,
  type Finding,
  type NamedFile,
  type NamedListen,
  ok,
  type Others,
  textOf,
  warning,
} from "../doctor/index.ts";
import { readNatsClock, surveyNats } from "../jetstream/index.ts";
import { examineDatabase } from "../mongodb/index.ts";
import { databaseOptions, natsOptions, rolesOf } from "../roles/index.ts";

const HTTP_TIMEOUT_MS = 2000;
const CODES = { ok: 0, warning: 1, failed: 2 } as const;

/** Prints what it finds; 0 where all is well, 1 with warnings, 2 where something must be repaired. */
export async function doctor(file: string, output: NodeJS.WritableStream = process.stdout): Promise<number> {
  const findings = await look(file);
  for (const { level, text: what } of findings) output.write(`${level.padEnd(7)}  ${what}\n`);
  return Math.max(...findings.map(({ level }) => CODES[level]));
}

async function look(file: string): Promise<Finding[]> {
  let config: CollectorConfig;
  try {
    config = loadCollectorConfig(file);
  } catch (error) {
    return textOf(error)
      .split("\n")
      .map((problem) => failed(problem));
  }
  const { tls, ca, connections } = config;
  const patient = {
    files: filesOf(file, config),
    listens: listensOf(config),
    tls,
    ca,
    connectionsMax: connections.max,
  };
  return [ok(`${file} is right`), ...(await examine(patient, othersOf(config)))];
}

function othersOf(config: CollectorConfig): Others {
  return {
    async checkNats() {
      const findings = await surveyNats({ ...natsOptions(config), placementTags: config.nats.placementTags });
      return findings.map(({ level, text: what }) =>
        level === "change" ? warning(`${what} (hosttrail-collector nats apply)`) : { level, text: what },
      );
    },
    readNatsClock: () => readNatsClock(natsOptions(config)),
    examineDatabase: () => examineDatabase(databaseOptions(config)),
    isRunning: () => answers(config.metrics.listen),
  };
}

async function answers(listen: string): Promise<boolean> {
  if (listen === "") return false;
  const url = `http://${listen.replace(/^0\.0\.0\.0:/, "127.0.0.1:").replace(/^\[::\]:/, "[::1]:")}/livez`;
  return await new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: HTTP_TIMEOUT_MS }, (response) => {
      text(response).then(
        (body) => resolve(response.statusCode === 200 && body === "ok\n"),
        () => resolve(false),
      );
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}

/** Files by their keys; those that are not set are left out. */
function filesOf(file: string, config: CollectorConfig): NamedFile[] {
  const { tls, ca, nats, mongodb, notify, enroll, attest } = config;
  const secret = (key: string, path: string): NamedFile => ({ key, path, isSecret: true });
  const open = (key: string, path: string): NamedFile => ({ key, path, isSecret: false });
  const routes = notify.routes.flatMap(({ name, urlFile, keyFile, passwordFile, secretFiles, caFile }) => [
    secret(`notify route ${name}: url_file`, urlFile),
    secret(`notify route ${name}: key_file`, keyFile),
    secret(`notify route ${name}: password_file`, passwordFile),
    ...secretFiles.map((path) => secret(`notify route ${name}: secret_files`, path)),
    open(`notify route ${name}: ca_file`, caFile),
  ]);
  return [
    open("--config", file),
    open("tls.ca_file", tls.caFile),
    open("tls.certificate_file", tls.certificateFile),
    secret("tls.key_file", tls.keyFile),
    open("ca.certificate_file", ca.certificateFile),
    secret("ca.key_file", ca.keyFile),
    secret("ca.passphrase_file", ca.passphraseFile),
    open("enroll.aws.certificates_file", enroll.aws.certificatesFile),
    secret("nats.credentials_file", nats.credentialsFile),
    open("nats.tls.ca_file", nats.tls.caFile),
    open("nats.tls.certificate_file", nats.tls.certificateFile),
    secret("nats.tls.key_file", nats.tls.keyFile),
    secret("mongodb.url_file", mongodb.urlFile),
    secret("mongodb.password_file", mongodb.passwordFile),
    open("mongodb.tls.ca_file", mongodb.tls.caFile),
    open("mongodb.tls.certificate_file", mongodb.tls.certificateFile),
    secret("mongodb.tls.key_file", mongodb.tls.keyFile),
    secret("attest.key_file", attest.keyFile),
    open("attest.policy_file", attest.policyFile),
    secret("console.oidc.client_secret_file", config.console.oidc.clientSecretFile),
    ...routes,
  ].filter(({ path }) => path !== "");
}

/** What its roles would listen at. */
function listensOf(config: CollectorConfig): NamedListen[] {
  const roles = rolesOf(config);
  const named = (["ingest", "query", "enroll", "console"] as const)
    .filter((role) => roles.includes(role))
    .map((role) => ({ key: `${role}.listen`, listen: config[role].listen }));
  const attest = config.attest.keyFile === "" ? [] : [{ key: "attest.listen", listen: config.attest.listen }];
  return [...named, ...attest, { key: "metrics.listen", listen: config.metrics.listen }].filter(
    ({ listen }) => listen !== "",
  );
}
