import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Event } from "@hosttrail/proto/event";
import { anyEvent } from "../arbitrary.ts";
import { ColumnBlock } from "../decode.ts";
import { encodeColumns } from "../encode.ts";
import { BlockError } from "../error.ts";
import { scanPayload } from "./index.ts";

const HOST = "0123456789abcdef0123456789abcdef";
const POSITION = { hostId: HOST, epoch: 1n, firstSeq: 0n };
const MIN = -(1n << 63n);
const MAX = (1n << 63n) - 1n;
const ALWAYS = { hostId: HOST, firstTimeUnixNano: MIN, lastTimeUnixNano: MAX };

const timeOf = (event: Event): bigint => event.event?.timeUnixNano ?? 0n;

/** Of this host, or of none; without bytes that are no text, and at times that lie near each other: others are for the block's own check. */
function plain(event: Event): Event {
  for (const record of event.audit?.records ?? [])
    for (const field of record.fields) field.valueBytes = new Uint8Array(0);
  return {
    ...event,
    event: event.event && { ...event.event, timeUnixNano: timeOf(event) >> 20n },
    host: event.host && { ...event.host, id: HOST },
  };
}

const plainEvents = fc.array(anyEvent.map(plain), { minLength: 1, maxLength: 3 });

function isReadable(payload: Uint8Array): boolean {
  try {
    const block = new ColumnBlock(payload, POSITION);
    block.check();
    block.events();
    return true;
  } catch (error) {
    if (error instanceof BlockError) return false;
    throw error;
  }
}

describe("a payload that is looked over", () => {
  it("is taken where an encoder wrote it, and says what the last event's host is", () => {
    fc.assert(
      fc.property(plainEvents, (events) => {
        const times = events.map(timeOf);
        const least = times.reduce((a, b) => (a < b ? a : b));
        const most = times.reduce((a, b) => (a > b ? a : b));
        const payload = encodeColumns(events);
        // Larger ones are for the block's own check.
        fc.pre(payload.length <= 1 << 20);
        const scanned = scanPayload(payload, {
          hostId: HOST,
          count: events.length,
          firstTimeUnixNano: least,
          lastTimeUnixNano: most,
        });
        assert.ok(scanned);
        const host = events.findLast((event) => event.host !== undefined)?.host;
        const cloud = events.findLast((event) => event.cloud !== undefined)?.cloud;
        const { instanceId = "", accountId = "" } = cloud ?? {};
        const { name, kernel, osName, osVersion, architecture } = host ?? {};
        assert.deepEqual(
          scanned.host,
          host && { name, kernel, osName, osVersion, architecture, instanceId, accountId },
        );
      }),
      { numRuns: 60, endOnFailure: true },
    );
  });

  it("is not taken where it has another number of events, or one of another time or host", () => {
    const events = [10n, 30n, 20n].map((timeUnixNano) =>
      Event.fromPartial({ event: { timeUnixNano }, host: { id: HOST, name: "n" } }),
    );
    const payload = encodeColumns(events);
    const right = { hostId: HOST, count: 3, firstTimeUnixNano: 10n, lastTimeUnixNano: 30n };
    assert.ok(scanPayload(payload, right));
    assert.equal(scanPayload(payload, { ...right, count: 2 }), undefined);
    assert.equal(scanPayload(payload, { ...right, firstTimeUnixNano: 11n }), undefined);
    assert.equal(scanPayload(payload, { ...right, lastTimeUnixNano: 29n }), undefined);
    assert.equal(scanPayload(payload, { ...right, hostId: HOST.replace("0", "1") }), undefined);
  });

  it("is not taken where one of thousands of hosts is another one, and is where all are the same", () => {
    const events = Array.from({ length: 2000 }, (_, at) => Event.fromPartial({ host: { id: HOST, name: `n${at}` } }));
    const expected = { ...ALWAYS, count: events.length };
    assert.equal(scanPayload(encodeColumns(events), expected)?.host?.name, "n1999");
    const others = events.with(1500, Event.fromPartial({ host: { id: "other" } }));
    assert.equal(scanPayload(encodeColumns(others), expected), undefined);
  });

  it("tells the name and the cloud's instance of the last events that have some", () => {
    const cloud = { instanceId: "i-1", accountId: "111122223333" };
    const events = [{ host: { id: HOST, name: "n" }, cloud }, {}].map((each) => Event.fromPartial(each));
    const scanned = scanPayload(encodeColumns(events), { ...ALWAYS, count: 2 });
    const { name, instanceId, accountId } = scanned?.host ?? {};
    assert.deepEqual({ name, instanceId, accountId }, { name: "n", ...cloud });
  });

  it("is not taken where it has no events, or bytes that are no text: those are for the block's own check", () => {
    assert.equal(scanPayload(encodeColumns([]), { ...ALWAYS, count: 0 }), undefined);
    const bytes = [{ type: 1300, layout: "a", fields: [{ key: "a", valueBytes: Uint8Array.of(0xff) }] }];
    const payload = encodeColumns([Event.fromPartial({ audit: { records: bytes } })]);
    assert.equal(scanPayload(payload, { ...ALWAYS, count: 1 }), undefined);
    assert.ok(isReadable(payload));
  });

  it("is taken only where all of it can be read, whatever byte of it is changed or missing", () => {
    fc.assert(
      fc.property(
        plainEvents,
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
        (events, cut, changes) => {
          const whole = encodeColumns(events);
          const payload = Uint8Array.from(cut % 4 === 0 ? whole.subarray(0, cut % (whole.length + 1)) : whole);
          for (const [at, value] of changes) if (payload.length > 0) payload[at % payload.length] = value;
          if (scanPayload(payload, { ...ALWAYS, count: events.length }) !== undefined) assert.ok(isReadable(payload));
        },
      ),
      { numRuns: 100, endOnFailure: true },
    );
  });

  it("is not taken where each single byte of a small one is changed to what cannot be read", () => {
    const event = Event.fromPartial({
      event: { timeUnixNano: 5n, action: "é", category: ["process"] },
      host: { id: HOST, name: "näme", labels: [{ key: "k", value: "v" }] },
      process: {
        entityId: "e",
        args: ["a", "b"],
        parent: { entityId: "p", pid: 1 },
        ancestry: [{ entityId: "q", pid: 2 }],
        sessionLeader: { entityId: "s" },
      },
      user: { id: 1, group: { id: 2 } },
      files: [{ path: "/a", after: { exists: true, sha256: "aa" } }],
      source: { address: "::1" },
      audit: { serial: 9, keys: ["k"], syscall: { number: 59, arguments: [1n], exit: -2n }, records: [{ type: 1300 }] },
    });
    const whole = encodeColumns([event, event]);
    let taken = 0;
    for (let at = 0; at < whole.length; at++) {
      for (let value = 0; value < 256; value++) {
        const payload = Uint8Array.from(whole);
        payload[at] = value;
        if (scanPayload(payload, { ...ALWAYS, count: 2 }) === undefined) continue;
        taken++;
        assert.ok(isReadable(payload), `byte ${at} as ${value}`);
      }
    }
    assert.ok(taken > whole.length, `${taken} of ${whole.length * 256}`);
  });
});
