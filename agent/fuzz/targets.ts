/** A target for each parser of bytes that come from outside: what it is given, and what must hold whatever that is. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import {
  condenseRecords,
  decodeSocketAddress,
  interpretField,
  messageWords,
  RECORD,
  recordText,
  splitWords,
} from "@hosttrail/lib/audit";
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { ConfigError, parseConfig } from "@hosttrail/lib/config";
import { agentSchema } from "../src/config/index.ts";
import { decode } from "../src/decode/index.ts";
import { containerOf, groupPath } from "../src/enrich/container.ts";
import type { RawRecord } from "../src/model/index.ts";
import { Reassembler } from "../src/reassemble/index.ts";
import { Redactor } from "../src/redact/index.ts";
import { compileRules } from "../src/rules/compile.ts";
import { decodeRule } from "../src/rules/data.ts";
import { parseLogLine, whyUnread } from "../src/source/index.ts";
import { reasonOf } from "../src/ship/reason.ts";
import { frameHeader, scanSegment } from "../src/spool/segment.ts";
import { openMutatedBlock } from "./block.ts";
import { readMutatedLink } from "./link.ts";
import { readMutatedFilter } from "./filter.ts";
import { mutate, type Random } from "./random.ts";
import { askMutatedSieve } from "./sieve.ts";
import { readMutatedRules } from "./sigma.ts";
import { readMutatedLog } from "./tlog.ts";

export interface Target {
  name: string;
  /** Makes one input and checks what must hold; throws where it does not. */
  run(random: Random): void;
  /** Share of all inputs: cheap ones get more. */
  weight: number;
}

const CAPTURE = new URL("../../bench/captures/workload.log.gz", import.meta.url);
const LINES = gunzipSync(readFileSync(CAPTURE)).toString("latin1").trimEnd().split("\n");
const line = (type: string): string[] => LINES.filter((each) => each.startsWith(`type=${type} `)).slice(0, 40);
const textOf = (lines: readonly string[]): string[] => lines.map((each) => each.slice(each.indexOf("): ") + 3));

const SEEDS = [
  ...[
    "SYSCALL",
    "EXECVE",
    "PATH",
    "CWD",
    "PROCTITLE",
    "SOCKADDR",
    "USER_AUTH",
    "ADD_USER",
    "CONFIG_CHANGE",
    "OBJ_PID",
  ].flatMap(line),
  'type=EXECVE msg=audit(1.000:1): argc=3 a0="x" a1_len=12 a1[0]=414243 a1[1]=444546 a2=""',
  'type=USER_CMD msg=audit(1.000:1): pid=77 uid=0 auid=1000 ses=1 msg=\'cwd="/" cmd=6D7973716C202D707365637265742064620A exe="/usr/bin/sudo" terminal=pts/0 res=success\'',
  'node=a type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=42 success=no exit=-115 a0=3 key=6B31016B32\u001dARCH=x86_64 SYSCALL=connect AUID="root"',
  "type=LOGIN msg=audit(1.000:1): login pid=1 uid=0 old auid=4294967295 new auid=0 old ses=1 new ses=2",
  'type=AVC msg=audit(1.000:1): apparmor="DENIED" operation="open" profile="/usr/sbin/x" name="/proc/1/" pid=1 comm="x" subj==/usr/sbin/ntpd (enforce)',
  'type=URINGOP msg=audit(1.000:1): uring_op=18 success=yes exit=0 items=1 ppid=1 pid=2 uid=0 key="x"',
];
const TEXTS = textOf(SEEDS);
/** What may stand before a record. */
const HEADERS = [
  "Nov 13 10:00:00 web1 audispd[4711]: ",
  "<13>Nov  3 10:00:00.123456 web1 audisp-syslog: node=db2 ",
  "2025-11-13T10:00:00.123456+01:00 2001:db8::1 audispd: ",
  '<13>1 2025-11-13T10:00:00Z web1 audispd 1 - [a@1 x="]\\"" y="z"][b] \u00ef\u00bb\u00bf',
  "Thu 2025-11-13 10:00:00 CET web1 audispd: ",
  "1763028000.123456 web1 audispd: ",
];
const KERNEL_HEADERS = [
  "Nov 13 10:00:00 web1 kernel: [   12.345678] ",
  "<5>[    0.000000][    T1] ",
  "[Thu Nov 13 10:00:00 2025] ",
  "",
];
const HEADED = [
  ...SEEDS.flatMap((seed, at) => `${HEADERS[at % HEADERS.length] ?? ""}${seed.replace("\u001d", "#035")}`),
  ...TEXTS.slice(0, 40).map(
    (text, at) => `${KERNEL_HEADERS[at % KERNEL_HEADERS.length] ?? ""}audit: type=1300 audit(1.000:1): ${text}`,
  ),
  ...TEXTS.slice(0, 40).map((text) =>
    JSON.stringify({
      _TRANSPORT: "audit",
      _HOSTNAME: "web1",
      _AUDIT_TYPE: "1300",
      _AUDIT_ID: "1",
      _SOURCE_REALTIME_TIMESTAMP: "1763028000123000",
      MESSAGE: `SYSCALL ${text}`,
    }),
  ),
  '{"_TRANSPORT":"kernel","MESSAGE":"audit: type=1300 audit(1.000:1): x=1"}',
  '{"_TRANSPORT":"syslog","_UID":"0","MESSAGE":[116,121,112,101,61,67,87,68,32,109,115,103,61]}',
];
const HEADER_TOKENS = [
  "<13>",
  "1 ",
  "- ",
  "[",
  "]",
  "\\",
  "audispd: ",
  "kernel: ",
  "audit: ",
  "#035",
  "UID=",
  "{",
  "}",
  ":",
  ",",
  "null",
  "_UID",
  "[1.000000] ",
  "\u001e",
];
const TOKENS = [
  "=",
  " ",
  "'",
  '"',
  "msg='",
  "a0=",
  "a1[0]=",
  "a1_len=",
  "argc=99999999",
  "pid=",
  "\0",
  "\u001d",
  "\n",
  "(null)",
  "(enforce)",
  "saddr=",
  "0100",
  "audit(",
  "): ",
  "4294967296",
  "-1",
  "ffffffffffffffff",
  "\u00ff",
  "key=",
  "node=",
  "type=",
  "password=x",
  "--token",
  "https://a:b@c",
  "item=0",
  "name=",
  "nametype=CREATE",
];
const TYPES = [
  RECORD.SYSCALL,
  RECORD.EXECVE,
  RECORD.PATH,
  RECORD.CWD,
  RECORD.PROCTITLE,
  RECORD.SOCKADDR,
  RECORD.LOGIN,
  RECORD.USER_CMD,
  RECORD.URINGOP,
  RECORD.OBJ_PID,
  RECORD.AVC,
  1304,
  1305,
  1319,
  1331,
  1112,
  2100,
  0,
  65_535,
];
const RULES = [
  "-a always,exit -F arch=b64 -S execve,open -F auid>=1000 -F exit=-EACCES -k k",
  "-w /etc/passwd -p wa -k id",
  "-A never,exclude -F msgtype=CWD",
  "-a always,exit -C auid!=obj_uid -F saddr_fam=inet -F filetype=file",
  "-D",
  "-b 8192",
];
const CONFIG =
  "host_id: 0123456789abcdef0123456789abcdef\ncollector:\n  endpoints: [localhost:1]\n  ca_file: /a\n  certificate_file: /b\n  key_file: /c\nredact:\n  patterns: ['a(b)c']\nsource: {mode: auto}\n";
const GROUPS = [
  `0::/system.slice/docker-${"a1".repeat(32)}.scope`,
  `1:name=systemd:/kubepods/pod1/${"b2".repeat(32)}`,
  "0::/user.slice/user@1000.service/app.slice/x.service",
  "0::/lxc.payload.a/b",
];
const COMMANDS = [
  "mysql -ppassword db",
  "curl -u a:b https://x:y@z/?token=1",
  "sh -c \"export A_TOKEN='x'; mysql -px\"",
  "app --password secret --api-key=1",
  'curl -H "Authorization: Bearer abc" -d \'{"password":"x"}\'',
  "-----BEGIN RSA PRIVATE KEY-----abc-----END",
  "echo eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.abcdefghij ghp_abcdefghijklmnopqrstuvwxyz",
];

const redactor = new Redactor({ enabled: true, patterns: ["x(y+)z"], key: Buffer.alloc(32) });
const NONE = { archName: "x86_64", call: "openat", success: "no" };

function raw(random: Random, text: string, serial = 1): RawRecord {
  return {
    type: random.pick(TYPES),
    node: "",
    seconds: 1,
    milliseconds: 0,
    serial,
    text,
    actor: "",
    call: undefined,
    enriched: random.next(8) === 0 ? 'UID="x"' : "",
    position: 0,
  };
}

/** A google.rpc.Status with an ErrorInfo, as collectors send it. */
const ERROR_DETAILS =
  "\x08\x07\x12\x01x\x1aD\x0a(type.googleapis.com/google.rpc.ErrorInfo\x12\x18\x0a\x0bHOST_CLONED\x12\x09hosttrail";

export const TARGETS: readonly Target[] = [
  {
    name: "tokenizer",
    weight: 24,
    run(random) {
      const text = mutate(random, TEXTS, TOKENS);
      const { keys, values } = splitWords(random.pick(TYPES), text);
      const back = keys.map((key, at) => (key === "" ? "" : `${key}=`) + (values[at] ?? "")).join(" ");
      assert.equal(back, text);
    },
  },
  {
    name: "log line",
    weight: 16,
    run(random) {
      const text = mutate(random, SEEDS, TOKENS);
      const record = parseLogLine(text);
      if (record === undefined) return;
      assert.ok(text.includes(record.text) && text.endsWith(record.enriched));
      assert.ok(record.serial >= 0 && record.serial <= 0xffffffff && record.milliseconds < 1000);
    },
  },
  {
    name: "line with a header",
    weight: 12,
    run(random) {
      const text = mutate(random, HEADED, [...TOKENS, ...HEADER_TOKENS]);
      const record = parseLogLine(text);
      if (record === undefined) {
        // The line itself may have a secret: of it the reason has no more than a number.
        assert.match(whyUnread(text).reason, /^[\w(][^\n{}<>[\]=]*$/);
        return;
      }
      assert.ok(Number.isInteger(record.type) && record.type >= 0 && record.type <= 999_999_999);
      assert.ok(Number.isInteger(record.seconds) && record.seconds >= 0 && record.seconds <= 0xffffffffff);
      assert.ok(Number.isInteger(record.milliseconds) && record.milliseconds >= 0 && record.milliseconds < 1000);
      assert.ok(Number.isInteger(record.serial) && record.serial >= 0 && record.serial <= 0xffffffff);
      assert.ok(!/[\u0100-\uffff]/.test(record.node + record.text + record.enriched), "bytes");
      // What JSON escapes does not stand in the line as it is.
      const [first = ""] = text.replaceAll("\0", "").replaceAll("\u00ef\u00bb\u00bf", "");
      if (first === "{" || first === "\u001e") return;
      // Of the line's own bytes nothing is lost behind the stamp.
      assert.ok(text.includes(record.node) && text.includes(record.text) && text.endsWith(record.enriched));
    },
  },
  {
    name: "argv",
    weight: 8,
    run(random) {
      const records = Array.from({ length: 1 + random.next(3) }, () => ({
        ...raw(
          random,
          mutate(
            random,
            TEXTS.filter((text) => text.includes("a0=")),
            TOKENS,
          ),
        ),
        type: RECORD.EXECVE,
      }));
      const { event } = decode({ node: "", seconds: 1, milliseconds: 0, serial: 1, records, partial: "" });
      assert.ok((event.process?.args.length ?? 0) <= 65_536);
    },
  },
  {
    name: "socket address",
    weight: 16,
    run(random) {
      const text = mutate(
        random,
        [
          "0200003508080808",
          `0A0001BB00000000${"00".repeat(16)}00000000`,
          "01002F746D702F78",
          "100000000700000000000000",
          "1100000302000000",
        ],
        ["00", "FF", "0100", "SADDR=", "g"],
      );
      const endpoint = decodeSocketAddress(text);
      if (endpoint !== undefined) assert.ok(endpoint.port >= 0 && endpoint.port <= 65_535 && endpoint.family !== "");
    },
  },
  {
    name: "nested message",
    weight: 12,
    run(random) {
      const text = `pid=77 uid=0 auid=5 ses=1 msg='${mutate(random, TEXTS, TOKENS)}'`;
      const record = splitWords(1112, text);
      messageWords(record);
      const { event } = decode({
        node: "",
        seconds: 1,
        milliseconds: 0,
        serial: 1,
        records: [{ ...raw(random, text), type: 1112, enriched: "" }],
        partial: "",
      });
      // Whatever user space writes into its message, the kernel's own words stand.
      assert.equal(event.process?.pid, 77);
      assert.equal(event.user?.auditId, 5);
    },
  },
  {
    name: "event",
    weight: 6,
    run(random) {
      const records = Array.from({ length: 1 + random.next(5) }, () => raw(random, mutate(random, TEXTS, TOKENS)));
      const group = { node: "", seconds: 1, milliseconds: 0, serial: 1, records, partial: "" } as const;
      const { event, words } = decode(group);
      if (event.audit !== undefined) event.audit.records = condenseRecords(event, words);
      for (const [at, { text, enriched }] of records.entries()) {
        // Bytes that are not UTF-8 are kept as bytes and cannot be shown as text.
        if (/[\u0080-\uffff]/.test(text)) continue;
        assert.equal(recordText(event, at), enriched === "" ? text : `${text}\u001d${enriched}`);
      }
      if (random.next(50) === 0)
        new ColumnBlock(encodeColumns([event]), { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n }).events();
      for (const record of words)
        for (const [at, key] of record.keys.entries()) interpretField(record.type, key, record.values[at] ?? "", NONE);
    },
  },
  {
    name: "redacted event",
    weight: 4,
    run(random) {
      const records = Array.from({ length: 1 + random.next(3) }, () =>
        raw(random, mutate(random, TEXTS, [...TOKENS, ...COMMANDS])),
      );
      decode({ node: "", seconds: 1, milliseconds: 0, serial: 1, records, partial: "" }, (words, args) =>
        redactor.records(words, args),
      );
    },
  },
  {
    name: "redaction",
    weight: 6,
    run(random) {
      const text = mutate(random, COMMANDS, [...TOKENS, ";", "|", "$(", "\\", "://", "@", "Authorization: "]);
      const left = redactor.command(text);
      assert.ok(left.length <= text.length * 24 + 64);
      const args = text.split(" ");
      assert.equal(redactor.arguments(args).length, args.length);
    },
  },
  {
    name: "reassembly",
    weight: 4,
    run(random) {
      let given = 0;
      let got = 0;
      const reassembler = new Reassembler(
        { timeoutMs: 10, bytesMax: 2000, endOfEventExpected: random.next(2) === 0 },
        ({ records }) => {
          got += records.length;
        },
      );
      for (let count = random.next(40); count > 0; count--) {
        const record = { ...raw(random, "x".repeat(random.next(300)), random.next(4)), seconds: random.next(50) };
        if (random.next(5) === 0) record.type = RECORD.EOE;
        if (record.type !== RECORD.EOE) given++;
        reassembler.push(record, random.next(100));
        if (random.next(10) === 0) reassembler.expire(random.next(100));
      }
      reassembler.flush("end");
      assert.equal(got, given);
    },
  },
  {
    name: "rule file",
    weight: 6,
    run(random) {
      const text = mutate(random, RULES, [
        "\n",
        "-F ",
        "-S ",
        "=",
        ">=",
        "&",
        ",",
        "-k",
        "always",
        "exit",
        "never",
        "task",
        "99999999999",
        "-C ",
        "'",
        "b32",
      ]);
      const host = {
        arch: "x86_64",
        userId: () => undefined,
        groupId: () => undefined,
        isDirectory: () => false,
      } as const;
      const { rules, errors } = compileRules(text, "fuzz", host);
      assert.ok(errors.every(({ reason, line: number }) => reason !== "" && number > 0));
      for (const { payload, data } of rules) assert.deepEqual(decodeRule(payload), data);
    },
  },
  {
    name: "kernel's rule",
    weight: 2,
    run(random) {
      const bytes = Buffer.alloc(1040 + random.next(64));
      for (let count = random.next(60); count > 0; count--)
        bytes.writeUInt8(random.next(256), random.next(bytes.length));
      bytes.writeUInt32LE(random.next(70), 8);
      decodeRule(bytes.subarray(0, random.next(bytes.length + 1)));
    },
  },
  {
    name: "configuration",
    weight: 1,
    run(random) {
      const text = mutate(
        random,
        [CONFIG],
        [
          ": ",
          "\n",
          "  ",
          "- ",
          "&a ",
          "*a",
          "{",
          "}",
          "[",
          "]",
          "!!binary ",
          "__proto__: 1",
          "null",
          "1e999",
          "|",
          ">",
          "#",
          "'",
          '"',
        ],
      );
      try {
        parseConfig(text, "fuzz.yaml", agentSchema);
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
      }
    },
  },
  {
    name: "spool segment",
    weight: 4,
    run(random) {
      const blocks = Array.from({ length: random.next(4) }, () => {
        const block = Buffer.alloc(random.next(200), random.next(256));
        return Buffer.concat([frameHeader(block), block]);
      });
      const content = Buffer.concat([
        ...blocks,
        Buffer.from(mutate(random, ["HTB1", "HTB1\x05\0\0\0", ""], ["HTB1", "\0"]), "latin1"),
      ]);
      for (let count = random.next(3); count > 0 && content.length > 0; count--)
        content.writeUInt8(random.next(256), random.next(content.length));
      let at = 0;
      for (const stretch of scanSegment(content)) {
        assert.equal(stretch.offset, at);
        at += stretch.kind === "block" ? stretch.bytes.length + 12 : stretch.length;
      }
      assert.equal(at, content.length);
    },
  },
  {
    name: "block",
    weight: 6,
    run: openMutatedBlock,
  },
  {
    name: "linked block",
    weight: 1,
    run: readMutatedLink,
  },
  {
    name: "sieve",
    weight: 6,
    run: askMutatedSieve,
  },
  {
    name: "filters",
    weight: 4,
    run: readMutatedFilter,
  },
  {
    name: "Sigma rules",
    weight: 2,
    run: readMutatedRules,
  },
  {
    name: "transparency log",
    weight: 4,
    run: readMutatedLog,
  },
  {
    name: "error details",
    weight: 4,
    run(random) {
      const text = mutate(
        random,
        [ERROR_DETAILS],
        ["\x1a", "\x0a", "\x12", "\xff\xff\xff\xff\x0f", "type.googleapis.com/"],
      );
      assert.equal(typeof reasonOf(Buffer.from(text, "latin1")), "string");
    },
  },
  {
    name: "control group",
    weight: 8,
    run(random) {
      const container = containerOf(
        groupPath(mutate(random, GROUPS, ["/", ":", "\n", "docker-", ".scope", "0::", "\\x2d", "a".repeat(64)])),
      );
      if (container !== undefined) assert.ok(container.id !== "" || container.systemdUnit !== "");
    },
  },
];
