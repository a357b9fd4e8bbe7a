/** Which names say that a secret follows. */

/**
 * A name of a variable, a flag, a parameter or a header ends with one of these, after a word's border. `PWD` alone is the
 * shell's working directory, and `key` alone is anything.
 */
const SECRET_END =
  /(?:^|[._-]|[a-z0-9](?=[A-Z]))(?:pass(?:word|wd|phrase|code)?|secret|token|credentials?|auth|authorization|cookie|signature)$|(?:pass(?:word|wd|phrase)|secret|token)$|[._-]pwd$|(?:api|access|secret|private|encryption|encrypt|signing|master|account|shared|session|storage|license|auth|service|deploy|aes|hmac|jwt)[._-]?key$/i;

/** `--password-stdin`, `--token-file` and the like end otherwise and name no secret; these do end like one. */
const HARMLESS = new Set([
  "auth",
  "no-auth",
  "http-auth",
  "bypass",
  "--auth",
  "compass",
  "tls-auth",
  "ask-pass",
  "askpass",
  "ask-become-pass",
  "ssh-askpass",
  "ask-vault-pass",
]);

/** True where the value of this name is a secret. Trailing digits do not count: `PASSWORD2`. */
export function isSecretName(name: string): boolean {
  const plain = name.replace(/^-+/, "").replace(/\d+$/, "");
  return plain.length > 2 && plain.length <= 128 && SECRET_END.test(plain) && !HARMLESS.has(plain.toLowerCase());
}

/** A short flag with its value glued to it (`-psecret`) may end like a name: a name of one dash stands alone, or has a border. */
const SHORT =
  /^-(?:\w+[._-])?(?:pass(?:word|wd|phrase|code)?|secret|token|credentials?|auth[._-]?token|(?:api|access|secret|private)[._-]?key)$/i;

/** True for a flag whose next word is a secret. */
export function isSecretFlag(flag: string): boolean {
  if (!/^--?[A-Za-z][\w.-]*$/.test(flag)) return false;
  return flag.startsWith("--") ? isSecretName(flag) : SHORT.test(flag);
}

/** How a program takes a secret: in the flag's own word (`-pSECRET`), in the next one, or as a word by its place. */
export interface ProgramRules {
  /** Flags with the secret in the same word, e.g. `-p`. */
  glued?: readonly string[];
  /** Flags whose next word is the secret. */
  next?: readonly string[];
  /** Flags with `user:secret` in the next or the same word; the text says what divides them. */
  pair?: readonly string[];
  divider?: ":" | "%";
  /** Words without a dash that are secrets, counted from the end: 1 is the last one. */
  fromEnd?: number;
  /** Only where this word is among the arguments. */
  only?: string;
}

const MYSQL: ProgramRules = { glued: ["-p"] };
const LDAP: ProgramRules = { next: ["-w"], glued: ["-w"] };

/** By the program's base name. */
export const PROGRAMS: ReadonlyMap<string, ProgramRules> = new Map<string, ProgramRules>([
  ...[
    "mysql",
    "mysqldump",
    "mysqladmin",
    "mysqlimport",
    "mysqlshow",
    "mysqlcheck",
    "mysqlbinlog",
    "mariadb",
    "mariadb-dump",
    "mariadb-admin",
    "xtrabackup",
    "mariabackup",
  ].map((name): [string, ProgramRules] => [name, MYSQL]),
  ...["ldapsearch", "ldapmodify", "ldapadd", "ldapdelete", "ldappasswd", "ldapwhoami"].map(
    (name): [string, ProgramRules] => [name, LDAP],
  ),
  ["curl", { pair: ["-u", "--user", "-U", "--proxy-user"], divider: ":" }],
  ["sshpass", { next: ["-p"], glued: ["-p"] }],
  ["smbclient", { pair: ["-U", "--user"], divider: "%" }],
  ["rpcclient", { pair: ["-U", "--user"], divider: "%" }],
  ["redis-cli", { next: ["-a"] }],
  ["mongo", { next: ["-p"], glued: ["-p"] }],
  ["mongosh", { next: ["-p"], glued: ["-p"] }],
  ["mongodump", { next: ["-p"], glued: ["-p"] }],
  ["docker", { next: ["-p"], only: "login" }],
  ["podman", { next: ["-p"], only: "login" }],
  ["az", { next: ["-p"], only: "login" }],
  ["zip", { next: ["-P"] }],
  ["unzip", { next: ["-P"] }],
  ["7z", { glued: ["-p"] }],
  ["7za", { glued: ["-p"] }],
  ["rar", { glued: ["-p", "-hp"] }],
  ["unrar", { glued: ["-p"] }],
  ["useradd", { next: ["-p"] }],
  ["usermod", { next: ["-p"] }],
  ["htpasswd", { fromEnd: 1, only: "-b" }],
  ["openssl", { next: ["-k", "-K", "-passin", "-passout", "-pass", "-password"] }],
  ["snmpget", { next: ["-A", "-X", "-c"] }],
  ["snmpwalk", { next: ["-A", "-X", "-c"] }],
  ["ipmitool", { next: ["-P"] }],
  ["sqlcmd", { next: ["-P"] }],
  ["isql", { next: ["-P"] }],
  ["xfreerdp", { glued: ["/p:"] }],
]);

/** Words that begin like this and are long enough are tokens, wherever they stand. */
export const TOKENS: RegExp =
  /\b(?:gh[pousr]_[A-Za-z0-9]{16,255}|github_pat_\w{20,255}|glpat-[\w-]{16,255}|xox[abeoprs]-[\w-]{10,255}|(?:sk|rk|pk)_(?:live|test)_\w{10,255}|sk-[A-Za-z0-9_-]{20,255}|AIza[\w-]{30,60}|ya29\.[\w-]{20,1024}|npm_[A-Za-z0-9]{30,60}|pypi-[\w-]{30,1024}|hv[sbr]\.[\w-]{20,1024}|dop_v1_[0-9a-f]{32,128}|SG\.[\w-]{16,64}\.[\w-]{16,128}|shp(?:at|ca|pa|ss)_[0-9a-f]{32}|ATATT[\w=-]{30,1024}|AGE-SECRET-KEY-1[0-9A-Z]{40,80}|eyJ[\w-]{8,4096}\.eyJ[\w-]{8,8192}\.[\w-]{8,4096})/g;
