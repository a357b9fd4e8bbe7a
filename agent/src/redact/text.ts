/** Secrets in a text that is no argument list, or in one word of it: assignments, URLs, headers, fields, tokens. */
import { assignments, type Extent } from "./assignments.ts";
import { isSecretValue, secretName, secretStart, TOKENS } from "./names.ts";
import { type Mark, replaceSpans, type Span } from "./spans.ts";

const URL_SECRET = /\b[a-z][a-z0-9+.-]{1,31}:\/\/([^\s/?#@:'"]{0,256}):([^\s/?#'"]{1,1024})@/gi;
/** A user without a password; with the one that says that the user is a token. */
const URL_USER = /\bhttps?:\/\/([^\s/?#@:'"]{8,1024})(?::(?:x-oauth-basic)?)?@/gi;
/** A header, up to where its value begins: `Authorization: Bearer …`, `X-Api-Key: …`. */
const HEADER =
  /(?<!\w)([A-Za-z][\w.-]{1,63}):([ \t]{0,64})((?:(?:Bearer|Basic|Token|Digest|Negotiate|ApiKey|Bot)[ \t]{1,64})?)(?=[^\s'"])/gi;
const SCHEME = /^(?:Bearer|Basic|Token|Digest|Negotiate|ApiKey|Bot)(?:\s{1,8}|$)/i;
/** JSON, and what Python, Ruby, PHP and JavaScript make of it: `"password": "…"`, `'password' => '…'`, `pwd: '…'`. */
const FIELD =
  /(?<![\w.-])(["']?)([A-Za-z_][\w.-]{0,127})\1\s{0,8}(?::|=>)\s{0,8}(?:(["'])((?:(?!\3)[^\\]|\\.){1,4096})\3|(\d{4,32})(?![\w.]))/g;
/** `define('DB_PASSWORD', '…')` */
const DEFINED = /\(\s{0,8}(["'])([A-Za-z_][\w.-]{0,127})\1\s{0,8},\s{0,8}(["'])([^"']{1,1024})\3/g;
const ELEMENT = /<([A-Za-z_][\w.:-]{0,127})(?:\s[^<>]{0,256})?>([^<]{1,1024})<\//g;
/** SQL's ways to give a role its password. */
const SQL =
  /(?<![\w-])(?:identified\s{1,8}by(?:\s{1,8}password)?\s{0,8}(["'])([^"']{1,1024})\1|password(?:\s{1,8}|\s{0,8}\(\s{0,8})'([^']{1,1024})')/gi;
/** A line of .netrc. */
const NETRC = /\blogin\s{1,8}\S{1,256}\s{1,8}password\s{1,8}([^\s'"]{1,256})/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----([\s\S]*?)(?:-----END|$)/g;
/** The path is the secret. */
const WEBHOOK = /https:\/\/(?:hooks\.slack\.com\/services|discord(?:app)?\.com\/api\/webhooks)\/([\w/-]{10,256})/g;

/** A token that stands in the place of a user: such names have no letters of all kinds. */
function isTokenLike(user: string): boolean {
  if (user.includes("%40") || !isSecretValue(user)) return false;
  const digits = /\d/.test(user);
  return (
    user.length >= 24 ||
    (digits && /[A-Z]/.test(user) && /[a-z]/.test(user)) ||
    (digits && user.length >= 16 && /[a-z]/i.test(user))
  );
}

/** Secrets with a beginning or an end of their own, which need not be words of their own. */
export function spansInText(text: string, extent: Extent): Span[] {
  const spans: Span[] = [];
  const add = (start: number, length: number): void => void spans.push({ start, end: start + length });
  const field = (match: RegExpExecArray, name: string, value: string, tail: number): void => {
    const start = secretStart(name, secretName(name), value) === undefined ? undefined : fieldStart(name, value);
    if (start !== undefined) add(match.index + match[0].length - tail - value.length + start, value.length - start);
  };
  if (text.includes("=")) assignments(text, extent, spans);
  if (text.includes("://")) inUrls(text, add);
  if (text.includes(":")) {
    for (const match of text.matchAll(HEADER)) inHeader(text, match, extent, spans);
  }
  if (/["']/.test(text)) {
    for (const match of text.matchAll(FIELD)) {
      const value = match[4] ?? match[5] ?? "";
      field(match, match[2] ?? "", value, match[4] === undefined ? 0 : 1);
    }
    for (const match of text.matchAll(DEFINED)) field(match, match[2] ?? "", match[4] ?? "", 1);
    for (const match of text.matchAll(SQL)) {
      const secret = match[2] ?? match[3] ?? "";
      if (isSecretValue(secret)) add(match.index + match[0].length - 1 - secret.length, secret.length);
    }
  }
  if (text.includes("</")) {
    for (const match of text.matchAll(ELEMENT)) field(match, match[1] ?? "", match[2] ?? "", 2);
  }
  if (text.includes("-----BEGIN")) {
    for (const match of text.matchAll(PRIVATE_KEY)) {
      const secret = match[1] ?? "";
      if (secret !== "") add(match.index + match[0].indexOf(secret), secret.length);
    }
  }
  if (text.includes("login")) {
    for (const match of text.matchAll(NETRC)) {
      const secret = match[1] ?? "";
      if (isSecretValue(secret)) add(match.index + match[0].length - secret.length, secret.length);
    }
  }
  if (text.length >= TOKEN_LENGTH_MIN) for (const match of text.matchAll(TOKENS)) add(match.index, match[0].length);
  return spans;
}

const TOKEN_LENGTH_MIN = 14;

/** A field may be a header, too, whose scheme is no secret. */
function fieldStart(name: string, value: string): number | undefined {
  const scheme = /authorization$/i.test(name) ? (SCHEME.exec(value)?.[0].length ?? 0) : 0;
  return scheme > 0 ? scheme : secretStart(name, secretName(name), value);
}

function inUrls(text: string, add: (start: number, length: number) => void): void {
  for (const match of text.matchAll(URL_SECRET)) {
    const secret = match[2] ?? "";
    if (isSecretValue(secret) && secret !== "x-oauth-basic") {
      add(match.index + match[0].length - 1 - secret.length, secret.length);
    }
  }
  for (const match of text.matchAll(URL_USER)) {
    const user = match[1] ?? "";
    if (isTokenLike(user)) add(match.index + match[0].indexOf("://") + 3, user.length);
  }
  for (const match of text.matchAll(WEBHOOK)) {
    const secret = match[1] ?? "";
    add(match.index + match[0].length - secret.length, secret.length);
  }
}

function inHeader(text: string, match: RegExpExecArray, extent: Extent, spans: Span[]): void {
  const [whole, name = "", blank = "", scheme = ""] = match;
  const start = match.index + whole.length;
  // `pass:` begins what is no header, and so does a URL's scheme; without a blank, `name:value` may be anything.
  if (
    name.length <= 4 ||
    text.startsWith("//", start) ||
    (blank === "" && scheme === "" && !/-|authorization/i.test(name))
  )
    return;
  // A user of a URL is divided from its password by the same sign.
  if (text.startsWith("//", match.index - 2)) return;
  const sureness = secretName(name);
  if (sureness === "none") return;
  const value = text.slice(start, headerEnd(text, start, name, extent)).trimEnd();
  const secret = secretStart(name, sureness, value);
  if (secret === undefined || SCHEME.exec(value)?.[0].length === value.length) return;
  if (/cookie$/i.test(name) && value.includes("=")) spans.push(...cookieSpans(text, start, start + value.length));
  else spans.push({ start: start + secret, end: start + value.length });
}

/** A header goes to the end of its line; elsewhere, what follows a comma or a bracket is another field. */
function headerEnd(text: string, start: number, name: string, extent: Extent): number {
  const isWhole = extent !== "line" && /(?:authorization|cookie)$/i.test(name);
  const end = isWhole ? /['"\r\n]/g : extent === "line" ? /[\s'"|;&<>)}]|,\s/g : /['"\r\n]|,\s|\s+[\w.-]+:\s|[}\]]/g;
  end.lastIndex = start;
  return end.exec(text)?.index ?? text.length;
}

/** The values in `name=secret; name=secret`. */
export function cookieSpans(text: string, start: number, end: number): Span[] {
  const spans: Span[] = [];
  for (const match of text.slice(start, end).matchAll(/=([^;]+)/g)) {
    const value = match[1] ?? "";
    const from = start + match.index + 1;
    if (isSecretValue(value)) spans.push({ start: from, end: from + value.length });
  }
  return spans;
}

/** The text with every secret replaced; the same text where there is none. */
export function redactText(text: string, mark: Mark): string {
  return replaceSpans(text, spansInText(text, "words"), mark);
}
