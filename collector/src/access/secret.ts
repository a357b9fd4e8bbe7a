/** Secrets that are shown once: only their hash is kept. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** What a secret is for is seen from its beginning, also by scanners that look for leaked ones. */
export type SecretKind = "enrollment" | "api";

const PREFIX: Readonly<Record<SecretKind, string>> = { enrollment: "hte", api: "hta" };
const FORM = /^(hte|hta)_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

const CODE_BYTES = 32;
const CODE = /^[A-Za-z0-9_-]{43}$/;

interface NewSecret {
  id: string;
  /** What the owner gets. */
  text: string;
  /** What the database gets. The secret has 256 random bits, so a plain hash cannot be turned back. */
  hash: string;
}

export function makeSecret(kind: SecretKind): NewSecret {
  const id = randomBytes(8).toString("hex");
  const secret = randomBytes(32).toString("base64url");
  return { id, text: `${PREFIX[kind]}_${id}_${secret}`, hash: hashOf(secret) };
}

/** Takes a secret apart; undefined where it is none of this kind. */
export function parseSecret(kind: SecretKind, text: string): { id: string; secret: string } | undefined {
  const [, prefix, id = "", secret = ""] = FORM.exec(text) ?? [];
  return prefix === PREFIX[kind] ? { id, secret } : undefined;
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether a secret has this hash; takes as long for a wrong one as for the right one. */
export function fitsHash(secret: string, hash: string): boolean {
  const own = Buffer.from(hashOf(secret));
  const other = Buffer.from(hash);
  return own.length === other.length && timingSafeEqual(own, other);
}

/** The code of a link that is used once, and the id under which it is kept: its hash, which nobody can turn back. */
export function makeCode(): { code: string; id: string } {
  const code = randomBytes(CODE_BYTES).toString("base64url");
  return { code, id: hashOf(code) };
}

/** The id of a code; undefined where it is none. */
export function idOfCode(code: string): string | undefined {
  return CODE.test(code) ? hashOf(code) : undefined;
}
