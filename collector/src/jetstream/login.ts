/** NATS servers as URLs may name a user and a password, which the client wants apart. */

/** `nats://user:password@host:port`. */
const URL_WITH_USER = /^([a-z+]+:\/\/)?([^/@:]*):([^/@]*)@(.*)$/;

/** The servers without what only the login needs, and the login; throws where the servers have different ones. */
export function serversOf(urls: readonly string[]): { servers: string[]; login: { user?: string; pass?: string } } {
  let login: { user?: string; pass?: string } = {};
  const servers = urls.map((url) => {
    const match = URL_WITH_USER.exec(url);
    if (match === null) return url;
    const [, scheme = "", user = "", pass = "", rest = ""] = match;
    const found = { user: decodeURIComponent(user), pass: decodeURIComponent(pass) };
    if (login.user !== undefined && (login.user !== found.user || login.pass !== found.pass))
      throw new Error("nats.servers name different users or passwords; allowed is one for all");
    login = found;
    return `${scheme}${rest}`;
  });
  return { servers, login };
}
