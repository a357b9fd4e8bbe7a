/** How programs take secrets, and which programs run another one. */

/** What a program's words mean. Several may hold for one program. */
export interface ProgramRule {
  /** Only where these words follow the program's name, in this order. */
  when?: readonly string[];
  /** Flags with the secret in the same word and never in the next: `-pSECRET`. */
  glued?: readonly string[];
  /** Flags whose value is the secret. */
  secret?: readonly string[];
  /** Flags with `user:secret`. */
  pair?: readonly string[];
  /** What divides such a pair. */
  divider?: ":" | "%" | "/" | ",";
  /** Flags with cookies: what stands behind each name. */
  cookies?: readonly string[];
  /** Flags of one dash are whole words: `-key` is not `-k` with a value. */
  whole?: true;
  /** Flags that sound like a secret's and take the name of one, or of a file. */
  names?: readonly string[];
  /** Short flags with a value, so that several after one dash can be told: `-sSu user:secret`. */
  takes?: string;
  /** Long flags with a value, where a place is counted. */
  takesLong?: readonly string[];
  /** Flags that sound like a secret's, and have the program ask for one. */
  prompts?: readonly string[];
  /** The secret is this word without a dash after those of `when`, counted from 1; -1 is the last one. */
  place?: number;
  /** The word at that place is a pair. */
  placePair?: true;
  /** Words without a dash are names, each with its value after it: `set password SECRET`. */
  named?: true;
  /** Flags with `NAME=secret`, whatever the name; an empty text for words without a flag. */
  assigned?: readonly string[];
  /** What comes on standard input is a secret, or lines of `user:secret`. */
  input?: "secret" | "pairs";
  /** For `input`: only with one of these words; a short flag may stand among others. */
  inputWith?: readonly string[];
}

const each = (names: string, ...rules: ProgramRule[]): [string, ProgramRule[]][] =>
  names.split(/\s+/).map((name) => [name, rules]);

/** A program may stand in several lines of the table. */
function gathered(entries: readonly [string, ProgramRule[]][]): Map<string, ProgramRule[]> {
  const table = new Map<string, ProgramRule[]>();
  for (const [name, rules] of entries) table.set(name, [...(table.get(name) ?? []), ...rules]);
  return table;
}

const MYSQL: ProgramRule = { glued: ["-p"], prompts: ["--password"], takes: "hueDPSRr" };
const POSTGRES: ProgramRule = { prompts: ["--password"] };

/** By the program's base name. */
export const PROGRAMS: ReadonlyMap<string, readonly ProgramRule[]> = gathered([
  // Databases.
  ...each(
    `mysql mysqldump mysqlimport mysqlshow mysqlcheck mysqlbinlog mysqlslap mariadb mariadb-dump mariadb-check
    xtrabackup mariabackup`,
    MYSQL,
  ),
  ...each("mysqladmin mariadb-admin", MYSQL, { when: ["password"], place: 1 }),
  ...each("mysql_config_editor", { prompts: ["--password"] }),
  ...each(
    `psql pg_dump pg_dumpall pg_restore pg_basebackup pg_receivewal pg_isready createdb dropdb createuser dropuser
    vacuumdb reindexdb clusterdb pgbench trino`,
    POSTGRES,
  ),
  ...each(
    "redis-cli valkey-cli",
    { secret: ["-a"], takes: "hpusnrd" },
    { when: ["AUTH"], place: -1 },
    { when: ["auth"], place: -1 },
    { when: ["CONFIG", "SET"], named: true },
    { when: ["config", "set"], named: true },
  ),
  ...each("mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat mongotop", { secret: ["-p"] }),
  ...each("sqlplus expdp impdp exp imp", { place: 1, placePair: true, divider: "/" }),
  ...each("rman", { when: ["target"], place: 1, placePair: true, divider: "/" }),
  ...each("sqlldr", { pair: ["userid="], divider: "/" }),
  ...each("sqlcmd bcp isql", { secret: ["-P"] }),
  ...each("db2", { when: ["using"], place: 1 }),
  ...each("cqlsh beeline cypher-shell", { secret: ["-p"] }),
  ...each("neo4j-admin", { when: ["set-initial-password"], place: 1 }),
  ...each("etcdctl", { pair: ["--user"] }),
  ...each("mysqlsh", { place: 1, placePair: true, prompts: ["--password"] }),
  // HTTP and files.
  ...each("curl", {
    pair: ["-u", "--user", "-U", "--proxy-user", "-E", "--cert", "--proxy-cert"],
    cookies: ["-b", "--cookie"],
    secret: ["--pass", "--proxy-pass", "--tlspassword", "--proxy-tlspassword"],
    takes: "AbCcDdEeFHhKmoPQrTtUuwXxYyz",
  }),
  ...each("http https xh xhs ab hey", { pair: ["-a", "-A"] }),
  ...each("http https xh xhs", { when: ["bearer"], secret: ["-a", "--auth"] }),
  ...each("lftp", { pair: ["-u"], divider: "," }),
  ...each("ncftpget ncftpput ncftpls", { secret: ["-p"] }),
  ...each("nikto", { pair: ["-id"] }),
  ...each("wget", { prompts: ["--ask-password"] }),
  // Containers.
  ...each(
    "docker podman nerdctl buildah skopeo crane oras helm oc az expo",
    { when: ["login"], secret: ["-p"] },
    { when: ["login"], input: "secret", inputWith: ["--password-stdin"] },
    { pair: ["--creds", "--src-creds", "--dest-creds"] },
  ),
  ...each("crictl ctr", { pair: ["--creds", "--user"] }),
  ...each("kubectl oc", { when: ["create", "secret"], assigned: ["--from-literal"] }),
  // Clouds and secret stores.
  ...each(
    "aws",
    { when: ["configure", "set"], named: true },
    { when: ["put-parameter", "SecureString"], secret: ["--value"] },
  ),
  ...each("az", { when: ["sql"], secret: ["-p"] }, { when: ["keyvault", "secret", "set"], secret: ["--value"] }),
  ...each("doctl", { when: ["auth", "init"], secret: ["-t"] }),
  ...each("mc", { when: ["alias", "set"], place: 4 }),
  ...each("nmcli pdftk pppd", { named: true }),
  ...each("npm pnpm yarn poetry composer git rclone", { when: ["config"], named: true }),
  ...each("pulumi", { when: ["config", "set"], named: true }, { names: ["--secret"] }),
  ...each("consul", { when: ["kv", "put"], named: true }),
  ...each("etcdctl", { when: ["put"], named: true }),
  ...each("dotnet", { when: ["user-secrets", "set"], named: true }),
  ...each("wpa_cli", { when: ["set_network"], named: true }),
  ...each("chamber", { when: ["write"], place: 3 }),
  ...each("gcloud docker podman nerdctl buildah", { names: ["--secret"] }),
  ...each("puttygen", { names: ["--old-passphrase", "--new-passphrase"] }),
  ...each("rclone", { when: ["obscure"], place: 1 }),
  ...each("ansible-vault", { when: ["encrypt_string"], place: 1 }),
  ...each("knife", { secret: ["-P"] }),
  ...each(
    "vault",
    { when: ["login"], place: 1, input: "secret", inputWith: ["-"] },
    { when: ["unseal"], place: 1 },
    { when: ["token", "revoke"], place: 1 },
    { when: ["kv", "put"], input: "secret" },
  ),
  ...each(
    "bw",
    { when: ["login"], place: 2 },
    { when: ["unlock"], place: 1, takesLong: ["--passwordenv", "--passwordfile"] },
  ),
  ...each("doppler fly flyctl", { when: ["secrets", "set"], assigned: [""] }),
  ...each("wrangler", { when: ["secret", "put"], input: "secret" }),
  ...each("ngrok", { when: ["add-authtoken"], place: 1 }, { when: ["authtoken"], place: 1 }),
  ...each("cloudflared", { when: ["service", "install"], place: 1 }),
  // Accounts.
  ...each("sshpass", { secret: ["-p"] }),
  ...each("plink pscp psftp", { secret: ["-pw"] }),
  ...each("chpasswd", { input: "pairs" }),
  ...each("passwd kinit smbpasswd cryptsetup", { input: "secret" }),
  ...each("sudo", { input: "secret", inputWith: ["-S", "--stdin"] }),
  ...each("useradd usermod", { secret: ["-p"] }),
  ...each("mkpasswd", { place: 1, takes: "mSRP" }),
  ...each("htpasswd", { when: ["-b"], place: -1 }),
  // Keys and archives.
  ...each(
    "openssl",
    { secret: ["-k", "-K", "-passin", "-passout", "-pass", "-password", "-hmac"], whole: true },
    { when: ["passwd"], place: -1, takes: "", input: "secret", inputWith: ["-stdin"] },
  ),
  ...each("apksigner", { secret: ["--ks-pass", "--key-pass"] }),
  ...each("easyrsa", { secret: ["--passin", "--passout"] }),
  ...each("ssh-keygen", { secret: ["-N", "-P"] }),
  ...each("gpg gpg2", { input: "secret", inputWith: ["--passphrase-fd"] }),
  ...each("zip unzip", { secret: ["-P"] }),
  ...each("7z 7za 7zz unrar", { glued: ["-p"] }),
  ...each("rar", { glued: ["-hp", "-p"] }),
  ...each("pdftk", { when: ["user_pw"], place: 1 }, { when: ["owner_pw"], place: 1 }),
  ...each("pdftotext pdfimages pdftoppm pdfinfo", { secret: ["-upw", "-opw"] }),
  ...each("steghide", { secret: ["-p"] }),
  ...each("ccrypt ccencrypt ccdecrypt", { secret: ["-K"] }),
  // Directories, file servers, mail.
  ...each("ldapsearch ldapmodify ldapadd ldapdelete ldapwhoami ldapcompare ldapmodrdn dsconf", {
    secret: ["-w"],
    takes: "abDdefHlPsTUXYyzo",
  }),
  ...each("ldappasswd", { secret: ["-w", "-s", "-a"], takes: "DdefHTUXYyo" }),
  ...each("ipa-client-install kadmin", { secret: ["-w"] }),
  ...each("net rpcclient winexe wmic smbget", { pair: ["-U", "--user"], divider: "%" }),
  ...each(
    "smbclient",
    { pair: ["-U", "--user"], divider: "%", takes: "UcDpILOTWAs" },
    { place: 2, takes: "UcDpILOTWAs" },
  ),
  ...each("smbmap crackmapexec nxc hydra medusa evil-winrm rdesktop racadm rabbitmqadmin supervisorctl xfreerdp", {
    secret: ["-p"],
  }),
  ...each("xfreerdp xfreerdp3 wlfreerdp", { glued: ["/p:"] }),
  ...each("x11vnc", { prompts: ["-passwdfile"] }),
  ...each("vncviewer", { prompts: ["-passwd"] }),
  ...each("psexec.py wmiexec.py smbexec.py secretsdump.py", { place: 1, placePair: true }, { pair: ["-hashes"] }),
  ...each("wpa_passphrase", { place: 2 }),
  ...each("iwconfig", { when: ["key"], place: 1 }),
  ...each("snmpget snmpwalk snmpset snmpbulkwalk snmptable", { secret: ["-A", "-X", "-c"] }),
  ...each("ipmitool", { secret: ["-P"] }, { when: ["user", "set", "password"], place: 2 }),
  ...each("rabbitmqctl", { when: ["add_user"], place: 2 }, { when: ["change_password"], place: 2 }),
  ...each("mosquitto_pub mosquitto_sub mosquitto_rr", { secret: ["-P"] }),
  ...each("mosquitto_passwd", { when: ["-b"], place: -1 }),
  ...each("swaks", { secret: ["-ap"] }),
  ...each("sendemail", { secret: ["-xp"] }),
  ...each("dig nsupdate", { pair: ["-y"] }),
  ...each("virsh", { when: ["secret-set-value"], place: 2 }, { when: ["set-user-password"], place: 3 }),
  ...each("squidclient", { secret: ["-w"] }),
  // Packages and build servers.
  ...each("twine", { secret: ["-p"] }),
  ...each("poetry", { when: ["publish"], secret: ["-p"] }, { when: ["config"], place: 3 }),
  ...each("cargo", { when: ["login"], place: 1 }),
  ...each("mvn", { secret: ["--encrypt-password", "--encrypt-master-password"] }),
  ...each("dotnet", { when: ["nuget", "push"], secret: ["-k"] }),
  ...each("nuget", { when: ["setapikey"], place: 1 }),
  ...each("composer", { when: ["config"], place: 3 }),
  ...each("bundle", { when: ["config"], place: 2, placePair: true }),
  ...each(
    "gh",
    { when: ["secret", "set"], secret: ["-b", "--body"], input: "secret" },
    { when: ["auth", "login"], input: "secret", inputWith: ["--with-token"] },
  ),
  ...each("npm", { when: ["login"], input: "secret" }),
  ...each("netlify", { secret: ["--auth"] }),
  ...each("codecov", { secret: ["-t"] }),
]);

/** What stands between a program and the command that it runs. */
export interface Wrapper {
  /** The words that make it run one: `docker exec`, `ip netns exec`. One of these lists. */
  path?: readonly (readonly string[])[];
  /** Short flags with a value. */
  takes?: string;
  /** Long flags with a value; `all` but those of `switches`. */
  long?: readonly string[] | "all";
  switches?: readonly string[];
  /** Words without a dash before the command: a container's name, a host. */
  skip?: number;
}

const wrap = (names: string, wrapper: Wrapper): [string, Wrapper][] =>
  names.split(/\s+/).map((name) => [name, wrapper]);

/** By the program's base name. A command after `--` is found with any program. */
export const WRAPPERS: ReadonlyMap<string, Wrapper> = new Map<string, Wrapper>([
  ...wrap("sudo", {
    takes: "ughpCrtTUDR",
    long: [
      "--user",
      "--group",
      "--host",
      "--prompt",
      "--close-from",
      "--role",
      "--type",
      "--other-user",
      "--chdir",
      "--chroot",
    ],
  }),
  ...wrap("doas", { takes: "uC" }),
  ...wrap("env", { takes: "uCS", long: ["--unset", "--chdir"] }),
  ...wrap("nice ionice", { takes: "ncpPu" }),
  ...wrap(
    "nohup setsid busybox catchsegv dumb-init eatmydata unshare builtin command exec then do else ! { parallel",
    {},
  ),
  ...wrap("time", { takes: "fo" }),
  ...wrap("timeout", { takes: "ks", long: ["--signal", "--kill-after"], skip: 1 }),
  ...wrap("strace ltrace", { takes: "aeEIoOpPsSuUX" }),
  ...wrap("xargs", { takes: "adEIiLlnPs" }),
  ...wrap("stdbuf", { takes: "ioe" }),
  ...wrap("chroot gosu su-exec", { skip: 1 }),
  ...wrap("nsenter", { takes: "tSG", long: ["--target", "--setuid", "--setgid"] }),
  ...wrap("setpriv", { long: "all", switches: ["--reset-env", "--clear-groups", "--keep-groups", "--init-groups"] }),
  ...wrap("taskset", { skip: 1 }),
  ...wrap("chrt", { takes: "TPD", skip: 1 }),
  ...wrap("flock", { takes: "wE", long: ["--timeout"], skip: 1 }),
  ...wrap("watch", { takes: "n", long: ["--interval"] }),
  ...wrap("systemd-run", {
    takes: "pHMEu",
    long: ["--property", "--setenv", "--unit", "--slice", "--description", "--uid", "--gid"],
  }),
  ...wrap("systemd-inhibit numactl cgexec tini", { takes: "gep" }),
  ...wrap("runuser", { takes: "ugGsc", long: ["--user", "--group", "--shell", "--command"] }),
  ...wrap("screen", { takes: "SecTpt" }),
  ...wrap("ssh", { takes: "BbcDEeFIiJLlmOopQRSWw", skip: 1 }),
  ...wrap("ip", { path: [["netns", "exec"]], skip: 1 }),
  ...wrap("find", { path: [["-exec"], ["-execdir"], ["-ok"]] }),
  ...wrap("kubectl oc crictl docker-compose lxc machinectl", {
    path: [["exec"], ["shell"]],
    takes: "nceuw",
    long: ["--namespace", "--container", "--env", "--user", "--workdir", "--context"],
    skip: 1,
  }),
  ...wrap("docker podman nerdctl", {
    path: [["exec"], ["run"]],
    takes: "acehlmpuvw",
    long: "all",
    switches: [
      "--rm",
      "--init",
      "--privileged",
      "--read-only",
      "--detach",
      "--interactive",
      "--tty",
      "--publish-all",
      "--no-healthcheck",
      "--oom-kill-disable",
      "--quiet",
      "--no-TTY",
      "--service-ports",
      "--no-deps",
    ],
    skip: 1,
  }),
  ...wrap("sshpass", { takes: "pfdP" }),
]);

/** Programs, and flags of any, whose argument is a command line. */
export const SCRIPT_PROGRAMS: ReadonlySet<string> = new Set([
  "eval",
  "ssh",
  "watch",
  "tmux",
  "screen",
  "parallel",
  "xargs",
]);
export const SCRIPT_FLAG: RegExp = /^-[a-z]{0,4}c$|^--command$|^-e$|^-q$/;
