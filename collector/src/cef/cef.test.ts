import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { visible } from "@hosttrail/lib/text";
import { Event } from "@hosttrail/proto/event";
import fc from "fast-check";
import { noticeOf } from "../notify/fixture.ts";
import { readCef } from "./fixture.ts";
import { cefAlert, cefEvent, cefLine } from "./index.ts";

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 100 }),
  // What ends a field, and what begins one.
  fc
    .array(
      fc.constantFrom("|", "\\", "=", " ", "\n", "\r", "cs1", "act", "CEF:0|", " dst=", "\u2028", "\u0000", "\ud800"),
    )
    .map((parts) => parts.join("")),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
);
const HUGE = "x|=\\<&\n".repeat(300_000);
const ID = `${"0".repeat(32)}-0000000000000001-0000000000000002`;

/** An event, all of whose texts are the given ones, in turn. */
function eventOf(texts: readonly string[]): Event {
  let at = 0;
  const text = (): string => texts[at++ % texts.length] ?? "";
  return Event.fromPartial({
    id: ID,
    event: { timeUnixNano: 1_790_000_000_500_000_000n, action: text(), outcome: text(), category: [text(), text()] },
    host: { id: text(), name: text(), ip: [text(), "2001:db8::1", "192.0.2.7"] },
    user: { id: 0, name: text(), auditId: 1000, auditName: text(), targetName: text() },
    process: {
      pid: 4711,
      name: text(),
      executable: text(),
      args: [text(), text()],
      sessionId: 3,
      parent: { executable: text() },
    },
    targets: [{ pid: 1, executable: text() }],
    files: [{ path: text(), mode: 0o100644, hasAttributes: true, after: { exists: true, size: 7n, sha256: text() } }],
    source: { ip: text(), port: 1, domain: text() },
    destination: { ip: "2001:db8::2", port: 65_535, domain: text(), path: text() },
    audit: { serial: 42, keys: [text(), text()], syscall: { name: text(), exit: -13n } },
  });
}

/** As readers have it, who take spaces at the end away. */
function shown(text: string): string {
  return visible(text).trimEnd();
}

describe("a line of CEF", () => {
  it("escapes what ends a field, and nothing else", () => {
    const head = { signature: "a|b\\c=d", name: "n", severity: 3 };
    assert.equal(
      cefLine(head, [
        ["act", "a|b\\c=d"],
        ["cs1", "a\r\nb", "what"],
        ["msg", ""],
      ]),
      String.raw`CEF:0|Hosttrail|Hosttrail|0.1.0|a\|b\\c=d|n|3|act=a|b\\c\=d cs1Label=what cs1=a\\x0d\\x0ab`,
    );
  });

  it("is read as it was meant, whatever is in any field of an event", () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1, maxLength: 12 }), (texts) => {
        const event = eventOf(texts);
        const { head, pairs } = readCef(cefEvent(event));
        assert.equal(head.length, 6);
        assert.equal(pairs.get("cs1"), ID);
        assert.equal(pairs.get("rt"), "1790000000500");
        assert.equal(pairs.get("c6a3"), "2001:db8::2");
        assert.equal(pairs.get("dpt"), "65535");
        assert.equal(pairs.get("cn2"), "-13");
        // What a short text says is there as it was, and no key of its own making.
        for (const [key, text] of [
          ["suser", event.user?.name],
          ["sproc", event.process?.executable || event.process?.name],
          ["cs3", event.process?.args.join(" ")],
          ["filePath", event.files[0]?.path],
          ["dhost", event.destination?.domain],
          ["cs6", event.audit?.syscall?.name],
        ] as const)
          if (visible(text ?? "").length < 1000) assert.equal((pairs.get(key) ?? "").trimEnd(), shown(text ?? ""), key);
        const labels = [...pairs].filter(([key]) => key.endsWith("Label"));
        assert.ok(labels.every(([, label]) => /^[A-Za-z0-9 ]+$/.test(label)));
        assert.ok(
          [...pairs.keys()].every((key) => KEYS.has(key)),
          [...pairs.keys()].join(),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("is read as it was meant, whatever is in any field of an alert", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { alert, actor, link, timeMs } = noticeOf(text);
        assert.ok(alert !== undefined);
        const { head, pairs } = readCef(cefAlert({ alert, change: "opened", timeMs, actor, link, message: text }));
        assert.deepEqual([head[5], pairs.get("cs1"), pairs.get("act")], ["8", alert.id, "opened"]);
        assert.equal(pairs.get("externalId"), "0123456789abcdef0123456789abcdef");
        assert.equal(pairs.get("dst"), "192.0.2.1");
      }),
      { numRuns: 500 },
    );
  });

  it("has texts in the lengths of the dictionary, and at most so many bytes, of whole pairs with their labels", () => {
    const { pairs } = readCef(cefEvent(eventOf([HUGE]), 1_000_000));
    const bounds = { act: 63, suser: 1023, dvchost: 100, deviceExternalId: 255, cs3: 4000, fileHash: 255 };
    for (const [key, bound] of Object.entries(bounds)) assert.equal(pairs.get(key)?.length, bound, key);
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1 }), fc.integer({ min: 2000, max: 9000 }), (texts, bytesMax) => {
        const text = cefEvent(eventOf([...texts, HUGE]), bytesMax);
        assert.ok(Buffer.byteLength(text) <= bytesMax);
        assert.equal(readCef(text).pairs.get("cs1"), ID);
      }),
    );
    assert.ok(Buffer.byteLength(cefEvent(eventOf([HUGE]))) <= 8192);
  });

  it("is one also of an event of which nothing is known", () => {
    const { head, pairs } = readCef(cefEvent(Event.fromPartial({})));
    assert.deepEqual(head.slice(3), ["-", "-", "1"]);
    assert.deepEqual([...pairs], [["rt", "0"]]);
  });

  it("has addresses where version 0 of the format has a key of their kind", () => {
    const { pairs } = readCef(
      cefEvent(
        Event.fromPartial({ source: { ip: "192.0.2.9", port: 22 }, destination: { ip: "2001:db8::5", port: 443 } }),
      ),
    );
    assert.deepEqual(Object.fromEntries(pairs), {
      rt: "0",
      src: "192.0.2.9",
      spt: "22",
      c6a3Label: "Destination IPv6 Address",
      c6a3: "2001:db8::5",
      dpt: "443",
    });
  });
});

/** All that an event may have. */
const KEYS = new Set([
  ..."rt cs1 act outcome cat dvchost deviceExternalId dvc suser suid cs2 duser sproc spid cs3 filePath fname".split(
    " ",
  ),
  ..."filePermission fileHash fsize src c6a2 spt shost dst c6a3 dpt dhost destinationServiceName dproc dpid".split(" "),
  ..."cs4 cs5 cs6 cn1 cn2 cn3 cs1Label cs2Label cs3Label cs4Label cs5Label cs6Label c6a2Label c6a3Label".split(" "),
  ..."cn1Label cn2Label cn3Label".split(" "),
]);
