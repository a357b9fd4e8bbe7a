import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Event } from "@hosttrail/proto/event";
import { ColumnBlock, encodeColumns } from "../block/index.ts";
import { compileFilter, FilterError, type SieveAnswers, tellSieve } from "./index.ts";

const UNSET = 0xffffffff;
const HOST_ID = "0123456789abcdef0123456789abcdef";

/** Whole values that a sieve is told, as `field=value`. */
function termsOf(of: ColumnBlock): Set<string> {
  const terms = new Set<string>();
  tellSieve(of, { addTerm: (field, value) => terms.add(`${field}=${value}`), addText: () => undefined });
  return terms;
}

/** A sieve that has these terms, and cannot tell of parts. */
function sieveOf(terms: ReadonlySet<string>): SieveAnswers {
  return { mayHaveTerm: (field, value) => terms.has(`${field}=${value}`), mayHavePart: () => true };
}

const events = [
  Event.fromPartial({
    event: { action: "connected-to", category: ["network"], type: ["connection", "start"], outcome: "success" },
    host: {
      id: HOST_ID,
      ip: ["10.1.2.3", "2001:db8::9"],
      labels: [
        { key: "env", value: "prod" },
        { key: "environment", value: "a=b" },
      ],
    },
    process: { pid: 12, provenance: "observed" },
    user: { id: 1000, auditId: UNSET, group: { id: 100 } },
    destination: { address: "203.0.113.9", ip: "203.0.113.9", port: 443 },
    audit: { syscall: { name: "connect", archName: "x86_64", success: "yes", exit: 0n } },
  }),
  Event.fromPartial({
    event: { action: "opened-file", category: ["file"], outcome: "failure" },
    process: { pid: 123 },
    user: { id: 0, auditId: 1000 },
    files: [
      { path: "/etc/shadow", mode: 0o104755, device: "fd:00", hasAttributes: true },
      { path: "/gone", hasAttributes: false },
    ],
    destination: { address: "/run/nscd/socket", path: "/run/nscd/socket", family: "unix" },
    audit: {
      syscall: { name: "openat", archName: "aarch64", success: "no", exit: -13n },
      records: [{ type: 1300 }, { type: 0, typeName: "HOSTTRAIL_LEDGER" }],
    },
  }),
  Event.fromPartial({
    // As an agent of before wrote it, or another tool.
    destination: { address: "::FFFF:203.0.113.200", ip: "::ffff:203.0.113.200", port: 22 },
    source: { address: "gate.example.com", ip: "gate.example.com" },
    files: [{ path: "/tmp", uid: 0, hasAttributes: true }],
  }),
  Event.fromPartial({ destination: { address: "2001:db8:0:0::1", ip: "2001:db8:0:0::1", port: 0 } }),
];
const block = new ColumnBlock(encodeColumns(events), { hostId: HOST_ID, epoch: 1n, firstSeq: 7n });
const match = (filter: string): number[] => compileFilter(filter).match(block);

describe("a filter finds a value in whatever form it is asked for", () => {
  const cases: [string, number[]][] = [
    ["process.pid = 12", [0]],
    ["process.pid = 0012", [0]],
    ["process.pid : 12", [0]],
    ["event.sequence = 8", [1]],
    ["user.id = 0", [1]],
    ["user.audit.id = unset", [0]],
    ["user.audit.id = 4294967295", [0]],
    ["user.audit.id = -1", [0]],
    ["user.audit.id : *", [1]],
    ["audit.exit = -13", [1]],
    ["audit.exit = EACCES", [1]],
    ["file.mode = 4755", [1]],
    ["file.mode = 04755", [1]],
    ["file.device = FD:00", [1]],
    // A name of which the kernel told nothing has no owner.
    ["file.uid = 0", [1, 2]],
    ["file.path = /gone AND file.inode : *", [1]],
    [`host.id = ${HOST_ID.toUpperCase()}`, [0]],
    ["host.id : 89ab", [0]],
    ['host.labels = "env=prod"', [0]],
    ['host.labels : "environment=a=b"', [0]],
    ["host.labels : env", [0]],
    ["host.labels : en", []],
    ["host.ip = 2001:DB8::9", [0]],
    ["host.ip : 10.0.0.0/8", [0]],
    ["event.outcome : fail", [1]],
    ["audit.syscall : open", [1]],
    ["audit.record_type = HOSTTRAIL_LEDGER", [1]],
    ["audit.record_type : SYS", [1]],
    ["destination.ip = ::ffff:203.0.113.9", [0]],
    ["destination.ip = ::FFFF:CB00:7109", [0]],
    ["destination.ip = 203.0.113.200", [2]],
    ["destination.ip : 203.0.113", [0, 2]],
    // A whole address is that address, and no part of another one.
    ["destination.ip : 203.0.113.20", []],
    ["destination.ip = 203.0.113.0/24", [0, 2]],
    ["destination.ip = 203.0.113.128/25", [2]],
    ["destination.ip = ::ffff:203.0.113.128/121", [2]],
    ["destination.ip = 0.0.0.0/0", [0, 2]],
    ["destination.ip = ::/0", [3]],
    ["destination.ip = 2001:0DB8::/32", [3]],
    ["destination.ip = 2001:db8::1/128", [3]],
    ["destination.ip=::ffff:203.0.113.9", [0]],
    ["destination.ip:::ffff:203.0.113.9", [0]],
    ["destination.address = ::ffff:203.0.113.200", [2]],
    ["destination.address = 203.0.113.0/24", [0, 2]],
    ["destination.address : nscd", [1]],
    // A name is no address.
    ["source.ip : *", []],
    ["source.address = gate.example.com", [2]],
    // What is no internet address has no port.
    ["destination.port = 0", [3]],
  ];
  for (const [filter, expected] of cases) {
    it(`"${filter}" matches ${JSON.stringify(expected)}`, () => assert.deepEqual(match(filter), expected));
  }

  it("and its sieve has the form that a block has", () => {
    const terms = termsOf(block);
    const sieve = sieveOf(terms);
    for (const filter of [
      "destination.ip = ::FFFF:203.0.113.9",
      "destination.ip = 203.0.113.200",
      "destination.port = 0443",
      "destination.ip = 2001:DB8::1",
    ]) {
      const compiled = compileFilter(filter);
      assert.ok(compiled.mayMatch(sieve), `${filter} in ${[...terms].join(" ")}`);
      assert.equal(compiled.match(block).length, 1, filter);
    }
    assert.ok(!compileFilter("destination.ip = 203.0.113.77").mayMatch(sieve));
    assert.ok(![...terms].some((term) => term.includes(".ip=gate")), "a name is no address");
  });

  it("and asks no sieve for what has no single form", () => {
    for (const filter of ["destination.ip = 203.0.113.0/24", 'process.name = ""', "destination.ip : 203.0"]) {
      assert.ok(compileFilter(filter).mayMatch(sieveOf(new Set())), filter);
    }
  });
});

describe("what records say is found read:", () => {
  const said = (...fields: { key: string; value: string }[]): Parameters<(typeof Event)["fromPartial"]>[0] => ({
    audit: { records: [{ type: 1300 }, { type: 1123, fields }] },
  });
  const spoken = new ColumnBlock(
    encodeColumns(
      [
        said({
          key: "msg",
          value: `'cwd="/" cmd=726D202D7266202F7372762F61 exe="/usr/bin/sudo" terminal=pts/3 res=success'`,
        }),
        said({ key: "data", value: "77686F616D690D" }),
        said({ key: "msg", value: "'unit=ssh comm=\"systemd\" res=success'" }),
        said(
          { key: "profile", value: '"cupsd"' },
          { key: "operation", value: '"open"' },
          { key: "requested_mask", value: '"r"' },
        ),
        said(
          ...["avc:", "", "denied", "", "{", "read", "write", "}"].map((value) => ({ key: "", value })),
          { key: "scontext", value: "u:r:httpd_t:s0" },
          { key: "tcontext", value: "u:object_r:shadow_t:s0" },
          { key: "tclass", value: "file" },
        ),
        said({ key: "msg", value: `'op=PAM:session_open acct="a" hostname=gate.example.com'` }),
      ].map((event) => Event.fromPartial(event)),
    ),
    { hostId: HOST_ID, epoch: 1n, firstSeq: 0n },
  );
  const cases: [string, number[]][] = [
    ['audit.cmd = "rm -rf /srv/a"', [0]],
    ["audit.cmd : rm", [0]],
    ["audit.cmd : 726D", []],
    ["audit.exe = /usr/bin/sudo", [0]],
    ["audit.terminal = pts/3", [0]],
    ["audit.data : whoami", [1]],
    ["audit.unit = ssh", [2]],
    ["audit.profile = cupsd", [3]],
    ["audit.op = open", [3]],
    ["audit.op : PAM", [5]],
    ["audit.requested = r", [3]],
    ["audit.requested = write", [4]],
    ["audit.requested : *", [3, 4]],
    ["audit.scontext : httpd_t", [4]],
    ["audit.tcontext = u:object_r:shadow_t:s0", [4]],
    ["audit.tclass = file", [4]],
    ["audit.hostname = gate.example.com", [5]],
    ['audit.USER_CMD.cmd = "rm -rf /srv/a"', [0]],
    ["audit.USER_CMD.cmd : srv AND audit.USER_CMD.res = success", [0]],
    ["audit.USER_CMD.cmd : 726D", []],
    ["audit.USER_CMD.acct = a", [5]],
    ["audit.USER_CMD.acct != b", [5]],
    ["audit.USER_CMD.acct != a", []],
    ["audit.USER_CMD.comm:*", [2]],
    ["audit.SYSCALL.acct:*", []],
    ["audit.PATH.acct = a", []],
    ["startsWith(audit.USER_CMD.scontext, 'u:r')", [4]],
    ["srv", [0]],
    ["'rm -rf'", [0]],
    ["whoami", [1]],
    ["shadow_t", [4]],
  ];
  const sieve = sieveOf(termsOf(spoken));
  for (const [filter, expected] of cases) {
    it(filter, () => {
      const compiled = compileFilter(filter);
      assert.deepEqual(compiled.match(spoken), expected);
      assert.ok(compiled.mayMatch(sieve));
    });
  }
});

describe("a filter that can never match is refused, with what is allowed:", () => {
  const wrong: [string, RegExp][] = [
    ["process.pid = abc", /column 15: process\.pid is never "abc": allowed is a whole number from 0 to 4294967295$/],
    ["process.pid = -1", /whole number from 0/],
    ["process.pid = 1.5", /whole number/],
    ["process.pid = 4294967296", /whole number/],
    ["process.pid = 0x10", /whole number/],
    ["process.parent.pid : x", /whole number/],
    ['audit.serial = ""', /whole number/],
    ["user.id = bob", /allowed is a number from 0 to 4294967294, or unset; a name is asked for by user\.name$/],
    ["user.audit.id = root", /asked for by user\.audit\.name$/],
    ["group.id = wheel", /asked for by group\.name$/],
    ["file.uid = root", /asked for by file\.owner$/],
    ["destination.port = 65536", /0 to 65535/],
    ["destination.port = https", /0 to 65535/],
    ["destination.ip = localhost", /an IPv4 or IPv6 address, or a network as in 203\.0\.113\.0\/24$/],
    ["destination.ip = 203.0.113.256", /an IPv4 or IPv6 address/],
    ["destination.ip = 203.0.113", /an IPv4 or IPv6 address/],
    ["destination.ip : nscd", /an IPv4 or IPv6 address/],
    ["destination.ip = 203.0.113.0/33", /the length of such a network is 0 to 32$/],
    ["destination.ip = ::ffff:203.0.113.0/24", /the length of such a network is 96 to 128$/],
    ["destination.ip = 203.0.113.9/24", /the network is 203\.0\.113\.0\/24, the address alone is 203\.0\.113\.9$/],
    ["host.ip = 2001:db8::1/64", /the network is 2001:db8::\/64, the address alone is 2001:db8::1$/],
    ["destination.address = 203.0.113.9/24", /the network is 203\.0\.113\.0\/24/],
    ["host.id = zz", /a host's id, 32 hex digits; a part of them is asked for by :$/],
    ["host.id = 0123", /32 hex digits/],
    ["host.id : xyz", /32 hex digits/],
    ["process.hash.sha256 = d41d8cd98f00b204e9800998ecf8427e", /a SHA-256, 64 hex digits/],
    ["event.outcome = sucess", /column 17: event\.outcome is never "sucess": allowed is success, failure, unknown$/],
    ["event.outcome : sucess", /allowed is success, failure, unknown$/],
    ["event.outcome = Success", /allowed is success/],
    ["event.kind = alarm", /allowed is alert, event, metric, state$/],
    ["event.category = proc", /allowed is authentication, configuration/],
    ["event.category : proc", /allowed is authentication, configuration/],
    ["event.type = started", /allowed is access, admin/],
    ["process.provenance = guessed", /allowed is observed, procfs, inferred$/],
    ["audit.success = true", /allowed is yes, no$/],
    ["audit.syscall = opnat", /the name of a system call/],
    ["audit.syscall = OPENAT", /it is written openat$/],
    ["audit.arch = amd64", /x86_64 or aarch64/],
    ["audit.record_type = syscall", /it is written SYSCALL$/],
    ["audit.record_type = SYSCALLS", /the type of an audit record/],
    ["audit.exit = EACCESS", /the name of an error, as EACCES$/],
    ["file.mode = 0888", /octal digits/],
    ["file.mode = rwx", /octal digits/],
    ["file.device = sda1", /major:minor/],
    ['host.labels = "=prod"', /"key=value" in quotes/],
    ["process.name != *", /column 17: process\.name != \* never holds; that it has no value is NOT process\.name:\*$/],
    ["process.name = ls AND process.pid = abc", /column 37: /],
  ];
  for (const [filter, pattern] of wrong) {
    it(filter, () => {
      assert.throws(
        () => compileFilter(filter),
        (error) => {
          assert.ok(error instanceof FilterError);
          assert.match(error.message, pattern);
          return true;
        },
      );
    });
  }
});
