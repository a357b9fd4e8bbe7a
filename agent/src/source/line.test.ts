import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatLogLine, parseLogLine, whyUnread } from "./line.ts";

const RECORD = 'type=CWD msg=audit(1763028000.123:77): cwd="/"';
const KERNEL = 'audit: type=1307 audit(1763028000.123:77): cwd="/"';

/** The record as auditd would have written it. */
function read(line: string): string | undefined {
  const record = parseLogLine(line);
  return record && formatLogLine(record);
}

describe("a line with a header of syslog", () => {
  it("gives the record and, where the record names no host, the header's", () => {
    for (const header of [
      "Nov 13 10:00:00 web1 audispd: ",
      "Nov  3 10:00:00 web1 audispd[4711]: ",
      "Nov 13 10:00:00 web1 audisp-syslog[4711]: ",
      "Nov 13 2025 10:00:00 web1 audispd: ",
      "<13>Nov 13 10:00:00 web1 audispd: ",
      "<182>Nov 13 10:00:00 web1 tag_audit_log: ",
      "2025-11-13T10:00:00+01:00 web1 audispd: ",
      "2025-11-13T10:00:00.123456+01:00 web1 audispd[1]: ",
      "2025-11-13T10:00:00Z web1 /usr/sbin/audispd: ",
      "<13>1 2025-11-13T10:00:00.123456Z web1 audispd - - - ",
      "<13>1 2025-11-13T10:00:00.123456+01:00 web1 audispd 4711 audit - \u00ef\u00bb\u00bf",
      '<13>1 2025-11-13T10:00:00Z web1 audispd - - [a@1 x="]\\"\\]y" z="1"][b] ',
      "1 - web1 audispd - - - ",
    ]) {
      assert.equal(read(header + RECORD), `node=web1 ${RECORD}`, header);
      assert.equal(read(`${header}node=db2.example ${RECORD}`), `node=db2.example ${RECORD}`, header);
    }
    assert.equal(read(`Nov 13 10:00:00 2001:db8::1 audispd: ${RECORD}`), `node=2001:db8::1 ${RECORD}`);
    assert.equal(read(`<13>1 2025-11-13T10:00:00Z - audispd - - - ${RECORD}`), RECORD);
  });

  it("may be of the kernel's own log, whose types are numbers and whose stamp has no key", () => {
    for (const header of [
      "Nov 13 10:00:00 web1 kernel: ",
      "Nov 13 10:00:00 web1 kernel: [   12.345678] ",
      "2025-11-13T10:00:00.123456+01:00 web1 kernel: [12345.678901] ",
      "<5>1 2025-11-13T10:00:00Z web1 kernel - - - [   12.345678] ",
      "2025-11-13T10:00:00+0100 web1 kernel: ",
      "Thu 2025-11-13 10:00:00 CET web1 kernel: ",
      "Thu 2025-11-13 10:00:00.123456 UTC web1 kernel: ",
      "1763028000.123456 web1 kernel: ",
      "[   12.345678] web1 kernel: ",
      "Nov 13 10:00:00.123456 web1 kernel: ",
    ])
      assert.equal(read(header + KERNEL), `node=web1 ${RECORD}`, header);
    for (const header of [
      "",
      "[   12.345678] ",
      "[    0.000000][    T1] ",
      "[   12.345678] [  C12] ",
      "<5>[   12.345678] ",
      "[Thu Nov 13 10:00:00 2025] ",
      "Nov 13 10:00:00 kernel: ",
    ])
      assert.equal(read(header + KERNEL), RECORD, header);
    // Before Linux 3.17 without a subsystem; a type that has no name stays a number.
    assert.equal(read(`[   12.345678] ${KERNEL.slice("audit: ".length)}`), RECORD);
    assert.equal(read("kernel: "), undefined);
    assert.equal(
      read("Nov 13 10:00:00 web1 kernel: audit: type=1999 audit(1.001:2): x=1"),
      "node=web1 type=UNKNOWN[1999] msg=audit(1.001:2): x=1",
    );
    assert.equal(
      read('[1.000000] audit: type=1400 audit(1.001:2): avc:  denied  { open } for  pid=1 comm="x"'),
      'type=AVC msg=audit(1.001:2): avc:  denied  { open } for  pid=1 comm="x"',
    );
  });

  it("has auditd's own words apart, whose separator rsyslog escapes", () => {
    const text = 'type=SYSCALL msg=audit(1.000:1): arch=c000003e key=(null)#035ARCH=x86_64 AUID="root"';
    assert.equal(parseLogLine(`Nov 13 10:00:00 a audispd: ${text}`)?.enriched, 'ARCH=x86_64 AUID="root"');
    const message = "type=USER_CMD msg=audit(1.000:1): pid=1 msg='op=x res=success'#035UID=\"root\"";
    assert.equal(parseLogLine(`Nov 13 10:00:00 a audispd: ${message}`)?.enriched, 'UID="root"');
  });

  it("takes no process's word for what auditd says", () => {
    const enriched = (text: string): string | undefined =>
      parseLogLine(`Nov 13 10:00:00 a audispd: type=SYSCALL msg=audit(1.000:1): ${text}`)?.enriched;
    assert.equal(enriched('comm="x#035UID=root" exe="/bin/x"'), "");
    assert.equal(enriched('comm="1#035UID=root" exe="/bin/x"'), "");
    assert.equal(enriched("pid=1 msg='op=1#035UID=\"root\" res=success'"), "");
    // Nor are the bytes of what is left to the message changed.
    const open = 'pid=1 msg=\'op=x id=1#035UID="root"';
    assert.equal(parseLogLine(`Nov 13 10:00:00 a audispd: type=USER_CMD msg=audit(1.000:1): ${open}`)?.text, open);
    const both = "key=1#035UID=0\u001dUID=1";
    const record = parseLogLine(`Nov 13 10:00:00 a audispd: type=SYSCALL msg=audit(1.000:1): ${both}`);
    assert.deepEqual([record?.text, record?.enriched], ["key=1#035UID=0", "UID=1"]);
  });

  it("is read from its beginning: what a message says further on is no record", () => {
    for (const line of [
      `Nov 13 10:00:00 web1 sshd[1]: Invalid user ${RECORD}`,
      `Nov 13 10:00:00 web1 sshd[1]: Invalid user x audispd: ${RECORD}`,
      `Nov 13 10:00:00 web1 sshd[1]: Nov 13 10:00:00 web1 audispd: ${RECORD}`,
      `2025-11-13T10:00:00Z web1 app: [   12.345678] ${KERNEL}`,
      `<13>1 2025-11-13T10:00:00Z web1 app - - - x ${RECORD}`,
      `Nov 13 10:00:00 web1 app: ${KERNEL}`,
    ]) {
      assert.equal(parseLogLine(line), undefined, line);
      assert.deepEqual(whyUnread(line), { isForeign: true, reason: "another program's message" }, line);
    }
    for (const line of [
      `x ${RECORD}`,
      `Nov 13 10:00:00 web1 ${RECORD}`,
      `<13>1 2025-11-13T10:00:00Z web1 audispd - - [a x="] ${RECORD}`,
      `<13 ${RECORD}`,
    ])
      assert.equal(parseLogLine(line), undefined, line);
  });

  it("is what util-linux's logger sends", { skip: hasLogger() ? false : "logger is not installed" }, async () => {
    const server = createSocket("udp4").bind(0, "127.0.0.1");
    await once(server, "listening");
    const to = ["--server", "127.0.0.1", "--port", String(server.address().port), "--udp"];
    try {
      for (const format of ["--rfc3164", "--rfc5424", "--rfc5424=notime", "--rfc5424=notq,nohost"]) {
        const received = once(server, "message");
        const { status, stderr } = spawnSync("logger", [...to, format, "-t", "audispd", RECORD], { encoding: "utf8" });
        assert.equal(status, 0, stderr);
        const [message] = (await received) as [Buffer];
        assert.equal(read(message.toString("latin1"))?.replace(/^node=\S+ /, ""), RECORD, message.toString());
      }
    } finally {
      server.close();
    }
  });
});

describe("an entry of the journal", () => {
  const entry = {
    __CURSOR: "s=1",
    _HOSTNAME: "web1",
    _TRANSPORT: "audit",
    _AUDIT_TYPE: "1307",
    _AUDIT_ID: "77",
    _AUDIT_TYPE_NAME: "CWD",
    _SOURCE_REALTIME_TIMESTAMP: "1763028000123000",
    SYSLOG_IDENTIFIER: "audit",
    MESSAGE: 'CWD cwd="/"',
  };
  const line = (fields: object): string => Buffer.from(JSON.stringify({ ...entry, ...fields })).toString("latin1");

  it("gives the record that journald has read from the kernel, by its fields", () => {
    assert.equal(read(line({})), `node=web1 ${RECORD}`);
    assert.equal(read(`\u001e${line({})}`), `node=web1 ${RECORD}`);
    assert.equal(
      read(line({ _AUDIT_TYPE: "1999", _AUDIT_ID: "4294967295", MESSAGE: "UNKNOWN[1999] x=1" })),
      "node=web1 type=UNKNOWN[1999] msg=audit(1763028000.123:4294967295): x=1",
    );
  });

  it("keeps its bytes, as text and as the array that journalctl makes of what cannot be printed", () => {
    const bytes = Buffer.from('CWD cwd="/\u00e9\u{1f600}"');
    const expected = bytes.toString("latin1").slice("CWD ".length);
    assert.equal(parseLogLine(line({ MESSAGE: bytes.toString() }))?.text, expected);
    assert.equal(parseLogLine(line({ MESSAGE: [...bytes] }))?.text, expected);
    assert.equal(parseLogLine(line({ MESSAGE: [...bytes, 10, 255] }))?.text, `${expected}\n\u00ff`);
  });

  it("may be of the kernel's log or of root's audit dispatcher, and of nobody else's", () => {
    const message = { _AUDIT_TYPE: undefined, _AUDIT_ID: undefined, MESSAGE: RECORD };
    const kernel = { ...message, _TRANSPORT: "kernel", SYSLOG_IDENTIFIER: "kernel", MESSAGE: KERNEL };
    assert.equal(read(line(kernel)), `node=web1 ${RECORD}`);
    const dispatcher = { ...message, _TRANSPORT: "syslog", SYSLOG_IDENTIFIER: "audisp-syslog" };
    assert.equal(read(line({ ...dispatcher, _UID: "0" })), `node=web1 ${RECORD}`);
    for (const forged of [
      { ...dispatcher, _UID: "1000" },
      dispatcher,
      { ...kernel, _TRANSPORT: "syslog", _UID: "1000" },
      { ...message, _TRANSPORT: "journal", AUDIT_TYPE: "1307", _UID: "1000" },
    ]) {
      assert.equal(parseLogLine(line(forged)), undefined);
      assert.equal(whyUnread(line(forged)).isForeign, true);
    }
  });

  it("that is none is undefined, and the reason says what journalctl should have been asked", () => {
    const why = (text: string): string => {
      assert.equal(parseLogLine(text), undefined, text);
      return whyUnread(text).reason;
    };
    assert.match(why(line({ MESSAGE: null })), /longer than 4,096 bytes; journalctl --all -o json has it/);
    assert.match(why(line({ _AUDIT_ID: "4294967296" })), /_AUDIT_ID/);
    assert.match(why(line({ _SOURCE_REALTIME_TIMESTAMP: undefined })), /_SOURCE_REALTIME_TIMESTAMP/);
    assert.match(why(line({ _AUDIT_TYPE: "-1" })), /_AUDIT_TYPE/);
    for (const text of ["{", '{"a":', "{}}", "\u001e[]", "\u001enull", line({}).slice(0, -5)])
      assert.equal(why(text), "no whole JSON object", text);
    assert.match(why("Nov 13 10:00:00 web1 audit[12]: CWD cwd=/"), /short forms leave the serial number out/);
    assert.match(why("Nov 13 10:00:00 web1 audisp-syslog[12]: [120B blob data]"), /left the bytes out/);
    assert.match(why("__CURSOR=s=1;i=2"), /-o export is not read/);
  });
});

describe("a line behind bytes that are no text", () => {
  it("gives its record: zeros that a crash left, and a byte order mark", () => {
    assert.equal(read(`${"\0".repeat(4000)}${RECORD}`), RECORD);
    assert.equal(read(`\u00ef\u00bb\u00bf${RECORD}`), RECORD);
    assert.equal(read(`\0Nov 13 10:00:00 web1 audispd: ${RECORD}`), `node=web1 ${RECORD}`);
    assert.equal(read(`\u0001${RECORD}`), undefined);
    // However many there are.
    assert.equal(read("\u00ef\u00bb\u00bf\0".repeat(200_000)), undefined);
  });
});

describe("a line that gives no record", () => {
  it("is told why, without a word of it", () => {
    const why = (line: string): string => {
      assert.equal(parseLogLine(line), undefined, line);
      return whyUnread(line).reason;
    };
    assert.match(why("password=secret"), /^neither a record nor a header/);
    assert.match(why("node=a password=secret"), /^neither a record nor a header/);
    assert.match(why("type=SECRET msg=audit(1.0:1): x"), /^its record type is unknown$/);
    assert.match(why("type=CWD msg=audit(1.0:x): x"), /^no stamp/);
    assert.match(why("Nov 13 10:00:00 a audispd: type=CWD msg=audit(1.0:x): x"), /^no stamp/);
    assert.match(
      why("[1.000000] audit: kauditd_printk_skb: 23 callbacks suppressed"),
      /^the kernel left 23 records out of its log/,
    );
  });

  it("is never an error, whatever it is made of", () => {
    const unit = fc.constantFrom(
      ..."<13>1 |Nov 13 10:00:00 |2025-11-13T10:00:00Z |web1 |audispd: |kernel: |[1.000000] |audit: |type=CWD |type=1307 ".split(
        "|",
      ),
      ..."msg=|audit(1.000:1): |node=|- |[|]|\"|\\|{|}|\u001e|#035|UID=|'|\u00ff".split("|"),
    );
    fc.assert(
      fc.property(fc.string({ unit }), (line) => {
        if (parseLogLine(line) === undefined) assert.notEqual(whyUnread(line).reason, "");
      }),
    );
  });

  it("takes no longer than its length explains", () => {
    const length = 1 << 20;
    for (const unit of [
      " ",
      "1",
      "[",
      "a",
      "a ",
      "[a",
      '["',
      '[a="\\"',
      "Nov ",
      "2025-",
      "<1",
      "#035",
      "#035UID=",
      "a:",
      "a[1]: ",
    ])
      for (const head of [
        "",
        "Nov 13 10:00:00 ",
        "<13>1 2025-11-13T10:00:00Z a b - - ",
        "[1.000000] ",
        "{",
        "Nov 13 10:00:00 a b: type=CWD ",
      ]) {
        const line = head + unit.repeat(length / unit.length);
        const begin = performance.now();
        if (parseLogLine(line) === undefined) whyUnread(line);
        assert.ok(performance.now() - begin < 1000, `${head}${unit}… took ${performance.now() - begin} ms`);
      }
  });
});

function hasLogger(): boolean {
  return spawnSync("logger", ["--version"]).error === undefined;
}
