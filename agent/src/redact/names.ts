/** Which names say that a secret follows, and which values are one. */

/** The last word of a secret's name: of a variable, a flag, a parameter, a header or a field. */
const SECRET_WORDS = new Set(
  `password passwd passphrase passcode pass pwd pw psk secret token credential credentials auth authorization
  cookie signature bearer otp`.split(/\s+/),
);
/** Words that make a `key` a secret: `key` alone is anything, and a public one is none. */
const KEY_WORDS = `api access secret private encryption encrypt signing master account shared session storage license
  auth service deploy aes hmac jwt activation`
  .split(/\s+/)
  .join("|");
/** Ends that need no border before them, in `PGPASSWORD`, `apikey` or `bindpw`. `askpass`, `bypass` and `compass` end otherwise. */
const GLUED_END = new RegExp(
  `(?:password|passwd|passphrase|secret|token)$|(?:${KEY_WORDS})key$|^(?:bind|root|admin|user|db)pw$|^(?:require|${[
    "(?:src|dest)?store",
    "key",
    "ssh",
    "user",
    "db",
    "root",
    "admin",
    "smtp",
    "mail",
    "ftp",
    "bind",
    "ldap",
    "ssl",
    "sql",
    "new",
    "old",
    "login",
    "keystore",
    "truststore",
    "become",
  ].join("|")})pass$`,
);
/** A short flag with its value glued to it (`-psecret`, `-pMyPassword`) may end like a name: a name of one dash stands alone, or has a border. */
const SHORT =
  /^-(?:\w+[._-])?(?:pass(?:word|wd|phrase|code)?|secret|token|credentials?|auth|(?:api|access|secret|private|auth)[._-]?key|auth[._-]?token)$|^-(?:pw|psk|(?:(?:src|dest)?store|key)pass)$/i;

/** What a name begins with that says that no secret is given, but asked for, left out or made: `--no-password`, `ASK_PASS`. */
const NOT_GIVEN = new Set(
  `no not non skip prompt ask without with disable enable require required requires allow show hide use has is need needs
  force check min max minimum maximum print save store remember forget get existing reset generate regenerate gen expire list`.split(
    /\s+/,
  ),
);
/** Names that end like a secret's, and are none. */
const HARMLESS = new Set([
  "auth-user-pass",
  "tls-auth",
  "http-auth",
  "proxy-auth",
  "x-amz-credential",
  "user-signingkey",
]);
/** Names that are a secret's and end otherwise than others. */
const OTHER_NAMES =
  /^(?:rediscli-auth|masterauth|(?:token|otp|totp|mfa)-code|(?:.*-)?secret-key-base|(?:.*-)?secret-string|tf-token-.*)$/;

/** The words of a name: `dbPassword`, `DB_PASSWORD` and `db.password2` have the same ones. */
function wordsOf(name: string): string[] {
  return name
    .replace(/\d+$/, "")
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2")
    .toLowerCase()
    .split(/[-._:/]+/)
    .filter((word) => word !== "");
}

/** How sure a name is: `soft` where only some values are secrets, as `user:secret` after `--auth` and no path after `--credentials`. */
export type Sureness = "none" | "soft" | "sure";

const SOFT = new Set(["auth", "credential", "credentials", "cookie", "pwd"]);
/** Of a key, a path is the place where it is kept. */
const KEPT_IN_FILE = new Set(["key"]);

function surenessOf(words: readonly string[]): Sureness {
  const last = words.at(-1);
  if (last === undefined) return "none";
  const first = words[0] ?? "";
  // A reset's token is one that is given.
  if (words.length > 1 && NOT_GIVEN.has(first) && !(first === "reset" && last === "token")) return "none";
  if (HARMLESS.has(words.join("-"))) return "none";
  if (OTHER_NAMES.test(words.join("-"))) return "sure";
  if (SOFT.has(last)) return "soft";
  if (SECRET_WORDS.has(last)) return "sure";
  if (KEPT_IN_FILE.has(last)) return new RegExp(`^(?:${KEY_WORDS})$`).test(words.at(-2) ?? "") ? "soft" : "none";
  return GLUED_END.test(last) ? "sure" : "none";
}

const NAME_LENGTH_MAX = 128;

/** Of the name of a variable, a parameter, a header or a field. */
export function secretName(name: string): Sureness {
  if (name.length < 2 || name.length > NAME_LENGTH_MAX) return "none";
  if (name === "sig") return "sure";
  return surenessOf(wordsOf(name));
}

/** Of a flag whose value is the next word. */
export function secretFlag(flag: string): Sureness {
  if (!/^--?[A-Za-z_][\w.-]*$/.test(flag) || flag.length > NAME_LENGTH_MAX) return "none";
  if (flag.startsWith("--")) {
    const name = flag.slice(2);
    return /(?:^|-)pin$/.test(name) ? "sure" : secretName(name);
  }
  return SHORT.test(flag) ? secretName(flag) : "none";
}

/** What stands for a secret and is none: a shell's or a template's reference, a file, a place in a secret store, a marker. */
const REFERENCE =
  /^(?:\$(?:[A-Z_][A-Z0-9_]*|\d|\{[^}]*\}|\(.*\)|\(.*)?$|%\w+%$|\{\{.*\}\}$|\(null\)$|\[redacted|@(?:[./~]|$)|@\/|file:\/|op:\/\/|arn:aws|\/dev\/|\/proc\/|\/run\/secrets\/|\.\*|\[\^|`|(?:env|file|fd):|(?:stdin|prompt|-)$)/;
const SWITCHES = new Set(["true", "false", "yes", "no", "on", "off", "none", "null", "0", "1"]);
const PATH =
  /^(?:~|\.{1,2})?\/[\w.@-]+(?:\/[\w.@-]+)*$|^[\w./-]+\.(?:pem|key|crt|p12|pfx|jks|json|txt|ini|ya?ml|conf|asc|pub)$/;

/** False for what cannot be a secret, whatever the name before it says. */
export function isSecretValue(value: string): boolean {
  return value.length > 0 && !REFERENCE.test(value) && !SWITCHES.has(value);
}

/** Where in a value its secret begins, by its name; undefined where it has none. */
export function secretStart(name: string, sureness: Sureness, value: string): number | undefined {
  if (sureness === "none" || !isSecretValue(value)) return undefined;
  // What a flag calls a secret may have a name of its own: `--build-secret NPM=…`.
  const own = name.startsWith("--") ? /^[A-Z][A-Z0-9_]*=(?=.)/.exec(value) : null;
  if (own !== null) return own[0].length;
  if (sureness === "sure") return value.startsWith("pass:") && value.length > 5 ? 5 : 0;
  if (PATH.test(value)) return undefined;
  const last = wordsOf(name).at(-1) ?? "";
  // The shell's working directory has the name of a connection string's password.
  if (last === "pwd") return /^[/~.]/.test(value) ? undefined : 0;
  if (last !== "auth" && !last.startsWith("credential")) return 0;
  const colon = value.indexOf(":");
  if (colon >= 0 && colon + 1 < value.length && !value.startsWith("//", colon + 1)) return colon + 1;
  return last === "auth" ? undefined : 0;
}

/** Words that begin like this and are long enough are tokens, wherever they stand. */
export const TOKENS: RegExp =
  /\b(?:gh[pousr]_[A-Za-z0-9]{16,255}|github_pat_\w{20,255}|glpat-[\w-]{16,255}|xox[abeoprs]-[\w-]{10,255}|(?:sk|rk|pk)_(?:live|test)_\w{10,255}|sk-[A-Za-z0-9_-]{20,255}|AIza[\w-]{30,60}|ya29\.[\w-]{20,1024}|npm_[A-Za-z0-9]{30,60}|pypi-[\w-]{30,1024}|hv[sbr]\.[\w-]{20,1024}|dop_v1_[0-9a-f]{32,128}|SG\.[\w-]{16,64}\.[\w-]{16,128}|shp(?:at|ca|pa|ss)_[0-9a-f]{32}|ATATT[\w=-]{30,1024}|AGE-SECRET-KEY-1[0-9A-Z]{40,80}|eyJ[\w-]{8,4096}\.eyJ[\w-]{8,8192}\.[\w-]{8,4096})/g;
