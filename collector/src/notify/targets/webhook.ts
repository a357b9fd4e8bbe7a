/** Webhooks in the form of Standard Webhooks 1.0.0 (https://www.standardwebhooks.com). */
import { createHmac } from "node:crypto";
import { isoOf, type Notice } from "../notice.ts";
import { headingOf } from "../text.ts";
import { alertDocument, heldBackDocument } from "./document.ts";

const PREFIX = "whsec_";
/** As the specification says. */
const SECRET_BYTES = { min: 24, max: 64 } as const;

/** The key in a secret as it is handed to people: `whsec_` and base64. Throws where it is none, without showing it. */
export function webhookKey(secret: string): Buffer {
  const text = secret.trim();
  const base64 = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : "";
  const key = Buffer.from(base64, "base64");
  const isRight =
    /^[A-Za-z0-9+/]+={0,2}$/.test(base64) && key.length >= SECRET_BYTES.min && key.length <= SECRET_BYTES.max;
  if (!isRight)
    throw new Error(`the secret must be "${PREFIX}" and ${SECRET_BYTES.min} to ${SECRET_BYTES.max} bytes in base64`);
  return key;
}

/** The headers of one try: a signature for each key, so that receivers can change from one to another. */
export function webhookHeaders(
  id: string,
  timestampSeconds: number,
  body: string,
  keys: readonly Buffer[],
): Record<string, string> {
  const signed = `${id}.${timestampSeconds}.${body}`;
  const signatures = keys.map((key) => `v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
  return {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(timestampSeconds),
    "webhook-signature": signatures.join(" "),
  };
}

const TYPES: Readonly<Partial<Record<Notice["kind"], string>>> = {
  held_back: "notification.held_back",
  test: "notification.test",
};

export function webhookBody(notice: Notice): string {
  const { alert, kind, actor, link } = notice;
  const data =
    alert === undefined
      ? { message: headingOf(notice) }
      : { ...alertDocument(alert, notice.eventsLeftOut), actor, link };
  return JSON.stringify({
    type: TYPES[kind] ?? `alert.${kind}`,
    timestamp: isoOf(notice.timeMs),
    data,
    held_back: heldBackDocument(notice),
  });
}
