import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileFilter } from "@hosttrail/lib/predicate";
import { PeerReduced, PeerReply, PeerRequest } from "@hosttrail/proto/peer";
import fc from "fast-check";
import { unitOfEntry } from "../history/index.ts";
import type { Reduce } from "../reduce/index.ts";
import type { FoundElsewhere, UnitJob } from "../scan/index.ts";
import { PeerMessageError } from "./checked.ts";
import {
  decodeCall,
  decodeOffer,
  decodeReply,
  decodeRequest,
  encodeCall,
  encodeOffer,
  encodeRefusal,
  encodeReply,
  encodeRequest,
  UNITS_MAX,
} from "./codec.ts";

const VERSION = "1.2.3 v24.0.0";
const PROCESS_ID = "0f".repeat(16);

const time = fc.bigInt(-(1n << 63n), (1n << 63n) - 1n);
const hexDigits = (length: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength: length / 2, maxLength: length / 2 }).map((bytes) => Buffer.from(bytes).toString("hex"));
const range = fc
  .tuple(fc.bigInt(0n, 1n << 63n), fc.bigInt(1n, 1n << 62n))
  .map(([first, count]) => ({ first, next: first + count }));

const unit = fc
  .record({
    place: fc.constantFrom("20260131", "19700101", "outside"),
    hostId: hexDigits(32),
    id: hexDigits(24),
    epoch: fc.bigInt(0n, (1n << 64n) - 1n),
    times: fc.tuple(time, time),
    events: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 16_384 })),
    bytes: fc.nat(),
    blocks: fc.nat(16_384),
    sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  })
  .map(({ place, hostId, id, times, ...rest }) => {
    const [firstTimeNano = 0n, lastTimeNano = 0n] = times.toSorted((a, b) => (a < b ? -1 : 1));
    const entry = { id, firstTimeNano, lastTimeNano, ranges: [], sieveSha256: new Uint8Array(0), ...rest };
    return unitOfEntry(place, hostId, entry);
  });

const jobs: fc.Arbitrary<UnitJob[]> = fc
  .record({
    filter: fc.constantFrom("", compileFilter("event.action = executed").text),
    startNano: fc.bigInt(-(1n << 62n), 0n),
    endNano: fc.bigInt(1n, 1n << 62n),
    reduce: fc.constantFrom<Reduce | undefined>(
      undefined,
      { groupBy: [], metrics: [], histogram: undefined },
      {
        groupBy: ["event.action", "process.args"],
        metrics: [{ kind: "sum", field: "event.sequence" }],
        histogram: { seconds: 3600, firstStretch: -17 },
      },
    ),
    units: fc.array(fc.tuple(unit, fc.option(fc.array(range, { maxLength: 4 }), { nil: undefined })), {
      minLength: 1,
      maxLength: UNITS_MAX,
    }),
  })
  .map(({ units, ...question }) => units.map(([each, only]) => ({ unit: each, only, ...question })));

const found = (events: number): fc.Arbitrary<FoundElsewhere | undefined> =>
  fc.option(
    fc.record(
      {
        matches: fc.oneof(
          fc
            .uniqueArray(fc.nat(events - 1), { maxLength: 50 })
            .map((list) => Uint32Array.from(list.toSorted((a, b) => a - b))),
          fc.constant(Uint32Array.from({ length: events }, (_, at) => at)),
        ),
        readMs: fc.nat(4_000_000),
        openMs: fc.nat(4_000_000),
        matchMs: fc.nat(4_000_000),
        reduced: fc.constant(undefined),
      },
      { noNullPrototype: true },
    ),
    { nil: undefined },
  );

const asked: fc.Arbitrary<{ request: UnitJob[]; reply: (FoundElsewhere | undefined)[] }> = jobs.chain((request) =>
  fc.tuple(...request.map((job) => found(job.unit.events))).map((reply) => ({ request, reply })),
);

/** Bytes of a message of which some are others. */
function damaged(bytes: Uint8Array, changes: readonly (readonly [number, number])[], length: number): Uint8Array {
  const copy = Uint8Array.from(bytes).subarray(0, length % (bytes.length + 1) || bytes.length);
  for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
  return copy;
}

const changes = fc.array(fc.tuple(fc.nat(100_000), fc.nat(255)), { maxLength: 4 });

/** What it gives; undefined where it says what is wrong. Anything else that it throws is a fault. */
function taken<Value>(decode: () => Value): Value | undefined {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof PeerMessageError)) throw error;
    assert.ok(error.message.length > 0 && error.message.length < 300, error.message);
    return undefined;
  }
}

function checkRequest(request: ReturnType<typeof decodeRequest> | undefined): void {
  if (request === undefined || request === "version") return;
  assert.ok(request.jobs.length >= 1 && request.jobs.length <= UNITS_MAX && request.timeMs >= 1);
  for (const { unit: each, startNano, endNano, only } of request.jobs) {
    assert.match(each.hostId, /^[0-9a-f]{32}$/);
    assert.match(each.place, /^(?:\d{8}|outside)$/);
    assert.ok("entry" in each.from && each.from.entry.sha256.length === 32 && each.from.entry.block === undefined);
    assert.ok(endNano > startNano && each.lastTimeNano >= each.firstTimeNano && each.events >= 1);
    for (const { first, next } of only ?? []) assert.ok(next > first);
  }
}

function checkReply(reply: ReturnType<typeof decodeReply> | undefined, request: readonly UnitJob[]): void {
  if (reply === undefined || "refusal" in reply) return;
  assert.equal(reply.found.length, request.length);
  for (const [at, each] of reply.found.entries()) {
    const events = request[at]?.unit.events ?? 0;
    each?.matches.forEach((match, index, all) =>
      assert.ok(match < events && (index === 0 || match > (all[index - 1] ?? 0))),
    );
  }
}

describe("messages between query processes", () => {
  it("say what was meant", () => {
    fc.assert(
      fc.property(asked, fc.integer({ min: 1, max: 10_000 }), ({ request, reply }, timeMs) => {
        const decoded = decodeRequest(encodeRequest(VERSION, request, timeMs), VERSION);
        assert.deepEqual(decoded, { jobs: request, filter: request[0]?.filter, timeMs });
        assert.deepEqual(decodeReply(encodeReply(request, reply), request), { found: reply });
      }),
    );
    assert.equal(decodeCall(encodeCall(VERSION, PROCESS_ID), VERSION), PROCESS_ID);
    const offer = { processId: PROCESS_ID, requests: 3 };
    assert.deepEqual(decodeOffer(encodeOffer(VERSION, offer), VERSION), offer);
    for (const refusal of ["busy", "version", "malformed"] as const)
      assert.deepEqual(decodeReply(encodeRefusal(refusal), []), { refusal });
  });

  it("are not taken apart where they are of another version", () => {
    fc.assert(
      fc.property(jobs, (request) => {
        assert.equal(decodeRequest(encodeRequest("1.2.4 v24.0.0", request, 1), VERSION), "version");
      }),
      { numRuns: 10 },
    );
    assert.equal(decodeCall(encodeCall("1.2.4", PROCESS_ID), VERSION), undefined);
    assert.equal(decodeOffer(encodeOffer("1.2.4", { processId: "", requests: 1 }), VERSION), undefined);
  });

  it("are right or refused, whatever bytes come", () => {
    fc.assert(
      fc.property(asked, changes, fc.nat(100_000), ({ request, reply }, some, length) => {
        checkRequest(taken(() => decodeRequest(damaged(encodeRequest(VERSION, request, 5), some, length), VERSION)));
        checkReply(
          taken(() => decodeReply(damaged(encodeReply(request, reply), some, length), request)),
          request,
        );
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), jobs, (bytes, request) => {
        checkRequest(taken(() => decodeRequest(bytes, "")));
        checkReply(
          taken(() => decodeReply(bytes, request)),
          request,
        );
        taken(() => decodeCall(bytes, ""));
        taken(() => decodeOffer(bytes, ""));
      }),
      { numRuns: 2000 },
    );
  });

  it("leave out what does not fit, and say that it is unread", () => {
    fc.assert(
      fc.property(asked, fc.nat(400), ({ request, reply }, room) => {
        const bytesMax = room + request.length * 8;
        const bytes = encodeReply(request, reply, bytesMax);
        assert.ok(bytes.length <= bytesMax, `${bytes.length} of ${bytesMax}`);
        const decoded = decodeReply(bytes, request);
        assert.ok("found" in decoded);
        for (const [at, each] of decoded.found.entries()) if (each !== undefined) assert.deepEqual(each, reply[at]);
      }),
    );
  });

  it("are refused with what is wrong in which field, and what is allowed", () => {
    const [request = []] = fc.sample(
      jobs.filter(([job]) => job?.unit.events !== 1),
      { numRuns: 1, seed: 1 },
    );
    const message = PeerRequest.decode(encodeRequest(VERSION, request, 5));
    const [first] = message.units;
    assert.ok(first?.entry !== undefined);
    const entryWith = (change: Partial<typeof first.entry>) => [{ ...first, entry: { ...first.entry!, ...change } }];
    const wrong: [Partial<PeerRequest>, RegExp][] = [
      [{ timeMs: 0 }, /^time_ms is 0; allowed are 1 to 10000$/],
      [{ units: [] }, /^units is 0; allowed are 1 to 8$/],
      [{ units: Array.from({ length: 9 }, () => first) }, /^units is 9/],
      [{ endUnixNano: message.startUnixNano }, /^end_unix_nano is .* later than/],
      [{ filter: "x".repeat(100_000) }, /^filter is 100000; allowed are up to/],
      [{ units: [{ ...first, place: "../20260131" }] }, /^units\[0\].place is "\.\.\/20260131"; allowed are a day/],
      [{ units: [{ ...first, hostId: new Uint8Array(3) }] }, /^units\[0\].host_id is 3; allowed are 16 bytes$/],
      [{ units: [{ ...first, entry: undefined }] }, /^units\[0\].entry is not there$/],
      [{ units: [{ ...first, only: { ranges: [{ first: 5n, next: 5n }] } }] }, /only\[0\].next is 5; .* more than 5$/],
      [
        { reduce: { groupBy: ["nothing"], metrics: [], histogram: undefined } },
        /^reduce: nothing is no field of events$/,
      ],
      [
        { reduce: { groupBy: Array.from({ length: 5 }, () => ""), metrics: [], histogram: undefined } },
        /group_by is 5/,
      ],
      [
        { reduce: { groupBy: [], metrics: [{ kind: "most", field: "" }], histogram: undefined } },
        /^reduce.metrics\[0\].kind is "most"; allowed are distinct, min/,
      ],
      [
        { reduce: { groupBy: [], metrics: [], histogram: { seconds: 0, firstStretch: 0n } } },
        /^reduce.histogram.seconds is 0; allowed are 1 and above$/,
      ],
      [{ units: entryWith({ id: "a b" }) }, /entry.id is "a b"/],
      [{ units: entryWith({ events: 16_385 }) }, /entry.events is 16385; allowed are 1 to 16384/],
      [{ units: entryWith({ sha256: new Uint8Array(31) }) }, /entry.sha256 is 31; allowed are 32 bytes/],
      [
        { units: entryWith({ block: { receivedMs: 0n, signer: "", status: "", reason: "" } }) },
        /entry.block .*segment/,
      ],
    ];
    for (const [change, pattern] of wrong) {
      const bytes = PeerRequest.encode({ ...message, ...change }).finish();
      assert.throws(() => decodeRequest(bytes, VERSION), { name: "PeerMessageError", message: pattern });
    }
    const events = request[0]?.unit.events ?? 0;
    const one = {
      isRead: true,
      steps: [],
      all: false,
      readMicros: 0,
      openMicros: 0,
      matchMicros: 0,
      reduced: undefined,
    };
    const replies: [object, RegExp][] = [
      [{ steps: [events] }, /^found\[0\].steps\[0\] is \d+, to event \d+; allowed are/],
      [{ steps: [0, 0] }, /^found\[0\].steps\[1\] is 0/],
      [{ steps: [0], all: true }, /^found\[0\].steps is 1; allowed are none/],
    ];
    for (const [change, pattern] of replies) {
      const bytes = PeerReply.encode({ refusal: 0, found: [{ ...one, ...change }] }).finish();
      assert.throws(() => decodeReply(bytes, request.slice(0, 1)), { name: "PeerMessageError", message: pattern });
    }
    const both = PeerReply.encode({ refusal: 0, found: [{ ...one, reduced: PeerReduced.create() }] }).finish();
    const plain = request.slice(0, 1).map((job) => ({ ...job, reduce: undefined }));
    assert.throws(() => decodeReply(both, plain), /found\[0\].reduced is set; nothing was to be made of events/);
    assert.throws(() => decodeReply(encodeReply([], []), request), /^PeerMessageError: found is 0; allowed are/);
  });
});
