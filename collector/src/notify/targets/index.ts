/** Targets: what a notice is to each of them. */
import { readFileSync } from "node:fs";
import { readSecretFile } from "@hosttrail/lib/files";
import { line } from "@hosttrail/lib/text";
import type { AddressGuard } from "../address.ts";
import { DeliveryError } from "../failure.ts";
import { post } from "../http.ts";
import type { Notice } from "../notice.ts";
import type { RouteConfig } from "../route.ts";
import { mailOf } from "./mail.ts";
import { ocsfBody } from "./ocsf.ts";
import { PAGERDUTY_URL, pagerDutyBodies } from "./pagerduty.ts";
import { slackBody } from "./slack.ts";
import { sendMail } from "./smtp.ts";
import { sendSyslog, syslogMessage, type SyslogOptions } from "./syslog.ts";
import { webhookBody, webhookHeaders, webhookKey } from "./webhook.ts";

export interface Target {
  /** Host, or host and port: what may be shown. */
  address: string;
  /** Resolves where it took the notice; else throws a DeliveryError. */
  deliver(notice: Notice): Promise<void>;
}

/** Files are read at each delivery, so that secrets can be changed in place; and now, so that one that cannot be read is told at once. */
export function openTarget(route: RouteConfig, guard: AddressGuard): Target {
  const read = secretsOf(route);
  const { address } = read();
  return {
    address,
    async deliver(notice) {
      let secrets: Secrets;
      try {
        secrets = read();
      } catch (error) {
        throw new DeliveryError(error instanceof Error ? error.message : String(error), { cause: error });
      }
      try {
        await DELIVER[route.target](notice, { route, guard, secrets });
      } catch (error) {
        throw withoutSecrets(error, secrets);
      }
    },
  };
}

interface Secrets {
  address: string;
  url: string;
  keys: Buffer[];
  key: string;
  password: string;
  ca: string;
  all: string[];
}

function secretsOf(route: RouteConfig): () => Secrets {
  return () => {
    const { target, name } = route;
    const secret = (file: string): string => (file === "" ? "" : readSecretFile(file).trim());
    const texts = route.secretFiles.map(secret);
    const [key, password] = [secret(route.keyFile), secret(route.passwordFile)];
    const url =
      route.urlFile === "" ? route.url || (target === "pagerduty" ? PAGERDUTY_URL : "") : secret(route.urlFile);
    const isHttp = target !== "smtp" && target !== "syslog";
    if (isHttp && !/^https?:\/\/[^/]/.test(url)) throw new Error(`route ${name}: ${route.urlFile} has no URL in it`);
    if (isHttp && !URL.canParse(url)) throw new Error(`route ${name}: ${route.urlFile || "url"} is no URL`);
    return {
      address: isHttp ? new URL(url).host : hostPort(route.address).join(":"),
      url,
      keys: texts.map(webhookKey),
      key,
      password,
      ca: route.caFile === "" ? "" : readFileSync(route.caFile, "utf8"),
      all: [...texts, key, password, ...(route.urlFile === "" ? [] : [url])].filter((text) => text !== ""),
    };
  };
}

/** `host:port`, perhaps with `scheme://` before it; an IPv6 address in brackets. */
function hostPort(address: string): [string, string] {
  const match = /^(?:[a-z]+:\/\/)?(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(address);
  return [match?.[1] ?? match?.[2] ?? "", match?.[3] ?? ""];
}

interface Delivery {
  route: RouteConfig;
  guard: AddressGuard;
  secrets: Secrets;
}

const JSON_HEADERS = { "content-type": "application/json" } as const;

function send(
  body: string,
  headers: Readonly<Record<string, string>>,
  { route, guard, secrets }: Delivery,
): Promise<void> {
  return post({ url: secrets.url, headers, body }, { guard, timeoutMs: route.timeoutMs, ca: secrets.ca });
}

function sendSigned(notice: Notice, body: string, delivery: Delivery): Promise<void> {
  return send(body, webhookHeaders(notice.id, Math.floor(Date.now() / 1000), body, delivery.secrets.keys), delivery);
}

const DELIVER: Readonly<Record<RouteConfig["target"], (notice: Notice, delivery: Delivery) => Promise<void>>> = {
  webhook: (notice, delivery) => sendSigned(notice, webhookBody(notice), delivery),
  ocsf: (notice, delivery) => sendSigned(notice, ocsfBody(notice), delivery),
  slack: (notice, delivery) => send(slackBody(notice), JSON_HEADERS, delivery),
  async pagerduty(notice, delivery) {
    for (const body of pagerDutyBodies(notice, delivery.secrets.key, delivery.route.name))
      await send(body, JSON_HEADERS, delivery);
  },
  async smtp(notice, { route, guard, secrets }) {
    const [host, port] = hostPort(route.address);
    const { user, from, to, tls, timeoutMs } = route;
    const { password, ca } = secrets;
    const options = { host, port: Number(port), tls, user, password, from, to, ca, guard, timeoutMs };
    await sendMail(mailOf(notice, { from, to }), options);
  },
  async syslog(notice, { route, guard, secrets }) {
    const [host, port] = hostPort(route.address);
    const protocol = route.address.slice(0, 3) as SyslogOptions["protocol"];
    const options = { protocol, host, port: Number(port), allowsPlain: route.tls === "none", ca: secrets.ca, guard };
    await sendSyslog(syslogMessage(notice, protocol), { ...options, timeoutMs: route.timeoutMs });
  },
};

const REASON_LENGTH_MAX = 500;

/** Whatever a library or a server put into an error: no secret stands in it. */
function withoutSecrets(error: unknown, { all }: Secrets): DeliveryError {
  let text = error instanceof Error ? error.message : String(error);
  for (const secret of all) text = text.replaceAll(secret, "…");
  const shown = line(text, REASON_LENGTH_MAX);
  if (!(error instanceof DeliveryError)) return new DeliveryError(shown);
  const { isPermanent, retryAfterMs } = error;
  return new DeliveryError(shown, { isPermanent, retryAfterMs });
}
