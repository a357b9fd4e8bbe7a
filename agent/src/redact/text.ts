/** Secrets in a text that is no argument list: a path, a title, a script after `sh -c`. */
import { isSecretName, TOKENS } from "./names.ts";

/** Replaces a secret by its marker. */
export type Mark = (secret: string) => string;

/** A part of a text that is a secret. */
interface Span {
  start: number;
  end: number;
}

const URL_SECRET = /\b[a-z][a-z0-9+.-]{1,31}:\/\/([^\s/?#@:'"]{0,256}):([^\s/?#'"]{1,1024})@/gi;
/** NAME=value, NAME="value", and the same with the dashes of a flag or as a parameter of a URL. */
const ASSIGNMENT = /([A-Za-z_][A-Za-z0-9_.-]{0,127})=("[^"]*"|'[^']*'|[^\s&;|'")]+)/g;
/** A header: `Authorization: Bearer …`, `X-Api-Key: …`. */
const HEADER =
  /\b([A-Za-z][A-Za-z0-9-]{1,63}):[ \t]*((?:(?:Bearer|Basic|Token|Digest|Negotiate|ApiKey|Bot)[ \t]+)?)([^\s'"][^'"\r\n]*)/gi;
/** JSON as tools take it on the command line: `"password": "…"`. */
const JSON_FIELD = /"([A-Za-z_][A-Za-z0-9_.-]{0,127})"\s{0,8}:\s{0,8}"([^"]{1,4096})"/g;
const PRIVATE_KEY = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----([\s\S]*?)(?:-----END|$)/g;
/** AWS's webhook-like addresses: the path is the secret. */
const WEBHOOK = /https:\/\/(?:hooks\.slack\.com\/services|discord(?:app)?\.com\/api\/webhooks)\/([\w/-]{10,256})/g;

/** Names of headers that carry secrets; other words with a colon (`Host: …`) do not. */
function isSecretHeader(name: string): boolean {
  return name.length > 4 && isSecretName(name);
}

/** A value is one; a shell's reference to a variable, what was replaced already or nothing at all is none. */
export function isSecretValue(value: string): boolean {
  return value.length > 0 && !/^(?:\$\{?[A-Z_][A-Z0-9_]*\}?$|%\w+%$|\(null\)$|\[redacted)/.test(value);
}

function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  const add = (start: number, length: number): void => void spans.push({ start, end: start + length });
  for (const match of text.matchAll(URL_SECRET)) {
    const secret = match[2] ?? "";
    if (isSecretValue(secret)) add(match.index + match[0].length - 1 - secret.length, secret.length);
  }
  for (const match of text.matchAll(ASSIGNMENT)) {
    const [whole, name = "", value = ""] = match;
    const quoted = /^["']/.test(value) ? 1 : 0;
    const inner = value.slice(quoted, quoted === 1 ? -1 : undefined);
    if (isSecretName(name) && isSecretValue(inner))
      add(match.index + whole.length - value.length + quoted, inner.length);
  }
  for (const match of text.matchAll(HEADER)) {
    const [whole, name = "", , value = ""] = match;
    if (isSecretHeader(name) && isSecretValue(value)) add(match.index + whole.length - value.length, value.length);
  }
  for (const match of text.matchAll(JSON_FIELD)) {
    const [whole, name = "", value = ""] = match;
    if (isSecretName(name) && isSecretValue(value)) add(match.index + whole.length - 1 - value.length, value.length);
  }
  for (const pattern of [PRIVATE_KEY, WEBHOOK]) {
    for (const match of text.matchAll(pattern)) {
      const secret = match[1] ?? "";
      if (secret !== "") add(match.index + match[0].indexOf(secret), secret.length);
    }
  }
  for (const match of text.matchAll(TOKENS)) add(match.index, match[0].length);
  return spans;
}

/** The text with every secret replaced; the same text where there is none. */
export function redactText(text: string, mark: Mark): string {
  const spans = spansOf(text).sort((a, b) => a.start - b.start || b.end - a.end);
  let result = "";
  let at = 0;
  for (const { start, end } of spans) {
    // One inside of another, found twice.
    if (start < at) continue;
    result += text.slice(at, start) + mark(text.slice(start, end));
    at = end;
  }
  return at === 0 ? text : result + text.slice(at);
}
