import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Event } from "@hosttrail/proto/event";
import { eventJson } from "./event.ts";
import { EVENT_HEADER, eventRow, isoTime } from "./text.ts";

// Times are shown in the zone of the process.
process.env["TZ"] = "UTC";

const UNSET = 0xffffffff;

type Partial = Parameters<(typeof Event)["fromPartial"]>[0];

function cell(name: string, event: Partial): string {
  return eventRow(Event.fromPartial(event))[EVENT_HEADER.indexOf(name)] ?? "";
}

const login: Partial = {
  event: { action: "logged-in", category: ["authentication"], outcome: "success" },
  process: { pid: 900, name: "sshd" },
  user: { id: 0, auditId: 1000, auditName: "alice", targetName: "alice" },
  source: { address: "203.0.113.9", ip: "203.0.113.9" },
};

describe("an event's line", () => {
  it("of a login tells who came in, and from where", () => {
    assert.equal(cell("USER", login), "alice");
    assert.equal(cell("OBJECT", login), "alice from 203.0.113.9");
  });

  it("of a login that failed tells the account that was named", () => {
    const failed = { ...login, user: { id: 0, auditId: UNSET, targetName: "mallory" } };
    assert.equal(cell("USER", failed), "mallory");
    assert.equal(cell("OBJECT", failed), "mallory from 203.0.113.9");
    assert.equal(cell("OBJECT", { ...failed, source: undefined }), "mallory");
  });

  it("of an account that was told by its number has its name, where it is known", () => {
    const numbered = { ...login, user: { id: 0, auditId: 1000, auditName: "alice", targetName: "1000" } };
    assert.equal(cell("OBJECT", numbered), "alice from 203.0.113.9");
    const unnamed = { ...login, user: { id: 0, auditId: 1000, targetName: "1000" } };
    assert.equal(cell("USER", unnamed), "1000");
    assert.equal(cell("OBJECT", unnamed), "1000 from 203.0.113.9");
  });

  it("of the kernel's own LOGIN has the id that was set", () => {
    const kernel = {
      event: { action: "changed-login-id-to", category: ["authentication"] },
      user: { id: 0, auditId: 1000 },
    };
    assert.equal(cell("USER", kernel), "1000");
    assert.equal(cell("OBJECT", kernel), "1000");
  });

  it("of what is no login tells who acted", () => {
    const event = {
      event: { action: "deleted", category: ["file"] },
      user: { id: 0, auditId: 1000, auditName: "alice" },
    };
    assert.equal(cell("USER", event), "0");
    assert.equal(cell("USER", { ...event, user: { id: 0, name: "root", auditId: 1000 } }), "root");
    assert.equal(cell("USER", { ...event, user: { id: UNSET } }), "");
  });

  it("of a failed execution has what was tried, not the arguments of who tried", () => {
    const files = [{ path: "/opt/tool" }, { path: "/lib64/ld-linux-x86-64.so.2" }];
    const failed = { event: { action: "executed", outcome: "failure" }, files };
    assert.equal(cell("OBJECT", { ...failed, process: { pid: 1 } }), "/opt/tool");
    assert.equal(cell("OBJECT", { ...failed, process: { pid: 1, args: ["bash", "-i"] } }), "/opt/tool");
    assert.equal(cell("OBJECT", { ...failed, files: [], process: { pid: 1, args: ["bash"] } }), "bash");
    const done = { event: { action: "executed", outcome: "success" }, files };
    assert.equal(cell("OBJECT", { ...done, process: { pid: 1, args: ["tool", "-x"] } }), "tool -x");
    assert.equal(cell("OBJECT", { ...done, process: { pid: 1 } }), "/opt/tool");
  });

  it("has what was typed, run and started, and no byte of it steers the terminal", () => {
    const said = (typeName: string, fields: { key: string; value: string }[]): string =>
      cell("OBJECT", {
        event: { action: "x" },
        user: { targetName: "root" },
        audit: { records: [{ type: 1, typeName, fields }] },
      });
    assert.equal(said("TTY", [{ key: "data", value: "6C730D1B5B324A" }]), "ls\\x0d\\x1b[2J");
    assert.equal(said("USER_CMD", [{ key: "msg", value: "'cmd=6C73202D6C res=success'" }]), "ls -l");
    assert.equal(said("SERVICE_START", [{ key: "msg", value: "'unit=ssh res=success'" }]), "ssh");
    assert.equal(said("AVC", [{ key: "profile", value: '"cupsd"' }]), "root");
  });

  it("has an address with its port so that both can be told apart", () => {
    const to = (address: string, port: number): string =>
      cell("OBJECT", { destination: { address, ip: address, port } });
    assert.equal(to("203.0.113.9", 443), "203.0.113.9:443");
    assert.equal(to("2001:db8::1", 443), "[2001:db8::1]:443");
    assert.equal(to("2001:db8::1", 0), "2001:db8::1");
    assert.equal(to("::FFFF:203.0.113.9", 22), "203.0.113.9:22");
  });

  it("has a time, also where the clock was never set", () => {
    assert.equal(cell("TIME", { event: { timeUnixNano: 0n } }), "1970-01-01T00:00:00.000Z");
    assert.equal(cell("TIME", { event: { timeUnixNano: -1_000_000n } }), "1969-12-31T23:59:59.999Z");
    assert.equal(cell("TIME", {}), "");
    assert.equal(isoTime(undefined), "");
  });
});

describe("an event's JSON", () => {
  it("has beside the proto's own what its records say, read", () => {
    const event = Event.fromPartial({
      audit: {
        serial: 7,
        records: [
          {
            type: 1123,
            typeName: "USER_CMD",
            layout: "pid@ msg=",
            fields: [{ key: "msg", value: "'cmd=6C73202D6C terminal=pts/0 res=success'" }],
          },
          { type: 1400, typeName: "AVC", fields: [{ key: "requested_mask", value: '"send receive"' }] },
        ],
      },
    });
    const json = eventJson(event) as { audit: Record<string, unknown> };
    const { cmd, terminal, requested, serial, records } = json.audit;
    assert.deepEqual(
      { cmd, terminal, requested, serial },
      { cmd: "ls -l", terminal: "pts/0", requested: ["send", "receive"], serial: 7 },
    );
    const [first] = records as { fields: object[] }[];
    assert.deepEqual(first?.fields, [
      {
        key: "msg",
        value: "'cmd=6C73202D6C terminal=pts/0 res=success'",
        text: `'cmd="ls -l" terminal=pts/0 res=success'`,
      },
    ]);
    assert.deepEqual(Event.fromJSON(json), event, "programs that read the proto's JSON read it as before");
  });

  it("is the proto's own where records say nothing", () => {
    for (const event of [{}, { audit: {} }, { audit: { records: [{ type: 1300, layout: "a@" }] } }]) {
      assert.deepEqual(eventJson(Event.fromPartial(event)), Event.toJSON(Event.fromPartial(event)));
    }
  });
});
