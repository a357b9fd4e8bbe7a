import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { quote, recordText, condenseRecords } from "@hosttrail/lib/audit";
import fc from "fast-check";
import { decode } from "../decode/index.ts";
import type { RecordGroup } from "../model/index.ts";
import { parseLogLine } from "../source/index.ts";
import { Redactor } from "./index.ts";

const KEY = Buffer.alloc(32, 7);
const CANARY = "S3cr3tCanary0123";

function redactor(patterns: string[] = []): Redactor {
  return new Redactor({ enabled: true, patterns, key: KEY });
}

/** The arguments with each marker as `#`. */
function args(...words: string[]): string {
  return redactor()
    .arguments(words)
    .join(" ")
    .replaceAll(/\[redacted:[0-9a-f]{12}\]/g, "#");
}

function command(text: string): string {
  return redactor()
    .command(text)
    .replaceAll(/\[redacted:[0-9a-f]{12}\]/g, "#");
}

describe("a redacted argument list", () => {
  const cases: [string, string[], string][] = [
    ["a flag and its next argument", ["app", "--password", CANARY, "-v"], "app --password # -v"],
    ["a flag with its value", ["app", `--db-password=${CANARY}`], "app --db-password=#"],
    [
      "many kinds of flags",
      ["app", "--api-key", CANARY, "--auth-token", CANARY, "--client-secret", CANARY],
      "app --api-key # --auth-token # --client-secret #",
    ],
    [
      "a URL with credentials",
      ["git", "clone", `https://bob:${CANARY}@example.org/x.git`],
      "git clone https://bob:#@example.org/x.git",
    ],
    [
      "a connection string",
      ["app", `postgres://u:${CANARY}@db:5432/x?sslmode=on`],
      "app postgres://u:#@db:5432/x?sslmode=on",
    ],
    [
      "a parameter of a URL",
      ["curl", `https://x/y?a=1&access_token=${CANARY}&b=2`],
      "curl https://x/y?a=1&access_token=#&b=2",
    ],
    [
      "a variable",
      ["env", `DB_PASSWORD=${CANARY}`, `MYSQL_PWD=${CANARY}`, `AWS_SECRET_ACCESS_KEY=${CANARY}`, "x"],
      "env DB_PASSWORD=# MYSQL_PWD=# AWS_SECRET_ACCESS_KEY=# x",
    ],
    ["mysql -p", ["mysql", "-uroot", `-p${CANARY}`, "db"], "mysql -uroot -p# db"],
    [
      "mysql by its path and under sudo",
      ["sudo", "-n", "/usr/bin/mysqldump", `-p${CANARY}`],
      "sudo -n /usr/bin/mysqldump -p#",
    ],
    [
      "curl -u",
      ["curl", "-u", `bob:${CANARY}`, `--user=x:${CANARY}`, `-ubob:${CANARY}`],
      "curl -u bob:# --user=x:# -ubob:#",
    ],
    [
      "a header",
      ["curl", "-H", `Authorization: Bearer ${CANARY}`, "-H", `X-Api-Key: ${CANARY}`, "-H", "Accept: text/html"],
      "curl -H Authorization: Bearer # -H X-Api-Key: # -H Accept: text/html",
    ],
    ["JSON", ["curl", "-d", `{"user":"bob","password":"${CANARY}"}`], 'curl -d {"user":"bob","password":"#"}'],
    ["sshpass, docker login, redis-cli, openssl", ["sshpass", "-p", CANARY, "ssh", "h"], "sshpass -p # ssh h"],
    ["docker login", ["docker", "login", "-u", "x", "-p", CANARY], "docker login -u x -p #"],
    ["docker run -p is a port", ["docker", "run", "-p", "80:80", "x"], "docker run -p 80:80 x"],
    ["htpasswd -b", ["htpasswd", "-b", "f", "bob", CANARY], "htpasswd -b f bob #"],
    [
      "a shell's script",
      ["sh", "-c", `export TOKEN='${CANARY}'; mysql -p${CANARY} x | cat && app --secret ${CANARY}`],
      "sh -c export TOKEN='#'; mysql -p# x | cat && app --secret #",
    ],
    [
      "a well-known token anywhere",
      ["echo", `x-ghp_${"a1".repeat(18)}`, `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.abcdefghij`],
      "echo x-# #",
    ],
  ];
  for (const [name, words, expected] of cases) {
    it(`has no secret of ${name}`, () => assert.equal(args(...words), expected));
  }

  it("keeps what is no secret", () => {
    for (const words of [
      ["ls", "-la", "/etc/passwd", "/home/secret"],
      ["app", "--password-file", "/run/secrets/x", "--token-file=/x", "--no-auth"],
      ["env", "PWD=/root", "OLDPWD=/", "KEYBOARD=us", "PATH=/bin", "XAUTHORITY=/x", "SSH_AUTH_SOCK=/x"],
      ["bash", "-c", "echo $TOKEN --password $PASSWORD PASSWORD=$X"],
      ["tar", "-p", "-xf", "x"],
      ["git", "clone", "ssh://git@example.org/x"],
      ["curl", "-u", "bob", "https://example.org:8443/a@b"],
      ["passwd", "bob"],
      ["tool", "-xsecret", "value"],
      ["grep", "-r", "token", "."],
    ]) {
      assert.deepEqual(redactor().arguments(words), words);
    }
  });

  it("shows equal secrets as equal, by a keyed hash", () => {
    const mark = (key: Uint8Array, secret: string): string =>
      new Redactor({ enabled: true, patterns: [], key }).arguments(["x", "--password", secret])[2] ?? "";
    assert.equal(mark(KEY, "a"), mark(KEY, "a"));
    assert.notEqual(mark(KEY, "a"), mark(KEY, "b"));
    assert.notEqual(mark(KEY, "a"), mark(Buffer.alloc(32, 8), "a"));
  });

  it("is looked at as what it is: a harmless file name may be a command line with a secret", () => {
    const own = redactor();
    const text = `mysql -p${CANARY} db`;
    assert.equal(own.text(text), text);
    assert.ok(!own.command(text).includes(CANARY));
  });

  it("takes patterns of the user, in linear time", () => {
    const own = redactor(["emp-(\\d{6})", "(a+)+$"]);
    assert.match(own.arguments(["x", "id emp-123456 ok"])[1] ?? "", /^id emp-\[redacted:[0-9a-f]{12}\] ok$/);
    const started = process.cpuUsage().user;
    own.text(`${"a".repeat(5000)}!`);
    assert.ok(process.cpuUsage(undefined).user - started < 2e6);
    assert.throws(() => redactor(["(("]), /redact pattern "\(\("/);
  });

  it("takes linear time for whatever comes", () => {
    const hostile = [
      "=".repeat(60_000),
      "a=".repeat(30_000),
      "password".repeat(8000),
      "://:".repeat(15_000),
      "-----BEGIN PRIVATE KEY-----".repeat(2000),
      `"password":${" ".repeat(50_000)}`,
      "eyJ".repeat(20_000),
      "token: ".repeat(9000),
      "sk-".repeat(20_000),
      `auth${"-auth".repeat(12_000)}=`,
    ];
    const started = performance.now();
    for (const text of hostile) {
      redactor().command(text);
      redactor().arguments(["sh", "-c", text]);
    }
    // Quadratic time would take minutes.
    assert.ok(performance.now() - started < 20_000);
  });

  it("never throws, and is itself left alone", () => {
    const word = fc.oneof(
      fc.string(),
      fc.constantFrom(
        "--password",
        "mysql",
        "-p",
        "curl",
        "-u",
        "a:b",
        "sh",
        "-c",
        "X_TOKEN=1",
        "https://a:b@c",
        "'",
        '"',
      ),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (words) => {
        const once = redactor().arguments(words);
        assert.equal(once.length, words.length);
        void command(words.join(" "));
      }),
    );
  });
});

describe("a redacted event", () => {
  const stamp = "msg=audit(1.000:1): ";
  const HEX = (text: string): string => Buffer.from(text).toString("hex").toUpperCase();

  function process(...lines: string[]): { text: string; redacted: number; args: string[] } {
    const records = lines.map((line) => {
      const record = parseLogLine(line.replace(" ", ` ${stamp}`));
      assert.ok(record !== undefined, line);
      return record;
    });
    const group: RecordGroup = { node: "", seconds: 1, milliseconds: 0, serial: 1, records, partial: "" };
    const own = redactor();
    const { event, words } = decode(group, (words, given) => own.records(words, given));
    if (event.audit !== undefined) event.audit.records = condenseRecords(event, words);
    const all = JSON.stringify(event, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    const texts = records.map((_, index) => recordText(event, index)).join("\n");
    assert.ok(!`${all}${texts}`.includes(CANARY), all);
    assert.ok(!`${all}${texts}`.includes(HEX(CANARY)), texts);
    return { text: texts, redacted: own.count, args: event.process?.args ?? [] };
  }

  const SYSCALL =
    'type=SYSCALL arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=1 ppid=1 pid=2 auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=1 comm="x" exe="/bin/x" key=(null)';

  it("has no secret in EXECVE, PROCTITLE and CWD", () => {
    const title = HEX(`mysql\0-p${CANARY}\0db`);
    const { text, redacted } = process(
      SYSCALL,
      `type=EXECVE argc=3 a0="mysql" a1="-p${CANARY}" a2="db"`,
      `type=CWD cwd="/srv/token=${CANARY}/x"`,
      `type=PROCTITLE proctitle=${title}`,
    );
    assert.equal(redacted, 3);
    assert.match(text, /a1="-p\[redacted:/);
  });

  it("has no secret in a split argument", () => {
    const long = quote(`export X_TOKEN=${CANARY} ${"é".repeat(5000)}`);
    const { args: left } = process(
      SYSCALL,
      `type=EXECVE argc=3 a0="sh" a1="-c" a2_len=${long.length} a2[0]=${long.slice(0, 7000)}`,
      `type=EXECVE  a2[1]=${long.slice(7000)}`,
    );
    assert.match(left[2] ?? "", /^export X_TOKEN=\[redacted:[0-9a-f]{12}\] é+$/);
  });

  it("has no secret in USER_CMD and in what was typed", () => {
    process(
      `type=USER_CMD pid=1 uid=0 auid=0 ses=1 msg='cwd="/" cmd=${HEX(`mysql -p${CANARY} db`)} exe="/usr/bin/sudo" terminal=pts/0 res=success'`,
    );
    process(
      `type=TTY tty pid=1 uid=0 auid=0 ses=1 major=136 minor=0 comm="bash" data=${HEX(`export TOKEN=${CANARY}\r`)}`,
    );
  });

  it("has no secret in what a shell's user typed, where the fields stand outside of msg", () => {
    process(`type=USER_TTY pid=1 uid=0 auid=0 ses=1 subj=x data=${HEX(`mysql -uroot -p${CANARY}\r`)}`);
    process(`type=USER_CMD pid=1 uid=0 auid=0 ses=1 cmd=${HEX(`mysql -p${CANARY} db`)}`);
  });

  it("has no secret in paths", () => {
    const { text } = process(
      SYSCALL,
      `type=PATH item=0 name="/tmp/x?password=${CANARY}" inode=1 dev=08:01 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL`,
    );
    assert.match(text, /name="\/tmp\/x\?password=\[redacted:[0-9a-f]{12}\]" inode=1/);
  });
});
