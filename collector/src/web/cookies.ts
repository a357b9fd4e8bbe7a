/** Cookies of ours, which a browser sends back over HTTPS to this host alone (RFC 6265bis, the prefix `__Host-`). */

export const SESSION_COOKIE = "__Host-hosttrail";
export const LOGIN_COOKIE = "__Host-hosttrail-login";

/** A browser has a few; more is nonsense. */
const HEADER_LENGTH_MAX: number = 8 * 1024;

/** The value of a cookie; undefined where there is none, or two, of which one is not ours. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  if (header === undefined || header.length > HEADER_LENGTH_MAX) return undefined;
  const found = header
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`));
  return found.length === 1 ? found[0]?.slice(name.length + 1) : undefined;
}

/** Without an age it goes when the browser ends; with 0 at once. */
export function cookie(name: string, value: string, sameSite: "Strict" | "Lax", maxAgeSeconds?: number): string {
  const age = maxAgeSeconds === undefined ? "" : `; Max-Age=${maxAgeSeconds}`;
  return `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=${sameSite}${age}`;
}
