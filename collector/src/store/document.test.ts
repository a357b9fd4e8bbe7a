import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  BlockError,
  encodeHeader,
  FLAG_ENDING,
  FLAG_GOING_DOWN,
  FLAG_GOODBYE,
  FLAG_URGENT,
  type Header,
  parseHeader,
  sealBlock,
} from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { Block } from "@hosttrail/proto/block";
import { Event } from "@hosttrail/proto/event";
import { OUTSIDE } from "../model/index.ts";
import { placeOf } from "../trail/index.ts";
import { FACT_LENGTH_MAX, indexBlock } from "./document.ts";

const HOST = "a".repeat(32);
const NOW_MS = Date.UTC(2026, 10, 26, 12);
const OPTIONS = { daysBackMax: 400, hoursAheadMax: 24 };
type EventParts = Parameters<typeof Event.fromPartial>[0];

function messageOf(events: readonly EventParts[], change: (header: Header) => Header = (header) => header) {
  const about = { hostId: HOST, epoch: 1n, firstSeq: 5n, bootId: "", agentVersion: "0", flags: 0 };
  const whole = events.map((parts) => {
    const event = Event.fromPartial(parts);
    const timeUnixNano = event.event?.timeUnixNano || BigInt(NOW_MS) * 1_000_000n;
    return { ...event, event: { ...Event.fromPartial({ event: {} }).event!, ...event.event, timeUnixNano } };
  });
  const { bytes } = sealBlock(
    whole,
    { ...about, previousHeaderSha256: new Uint8Array(0) },
    nodePrimitives,
    () => new Uint8Array(64),
  );
  const block = Block.decode(bytes);
  const header = encodeHeader(change(parseHeader(block.header)));
  return {
    id: "",
    hostId: HOST,
    hostName: "named",
    signer: "",
    headerSha256: "",
    bytes: Block.encode({ ...block, header }).finish(),
  };
}

describe("where a block is kept", () => {
  const at = (firstMs: number, lastMs = firstMs): string =>
    placeOf(
      { firstTimeNano: BigInt(firstMs) * 1_000_000n, lastTimeNano: BigInt(lastMs) * 1_000_000n, receivedMs: NOW_MS },
      OPTIONS,
    );
  const HOUR = 3_600_000;

  it("is the day of its events, a year late and a day early", () => {
    assert.equal(at(NOW_MS), "20261126");
    assert.equal(at(NOW_MS - 400 * 24 * HOUR), "20251022");
    assert.equal(at(NOW_MS + 24 * HOUR), "20261127");
  });

  it("is outside of the days where its times cannot be right, or are of two days", () => {
    assert.equal(at(0), OUTSIDE);
    assert.equal(at(-1), OUTSIDE);
    assert.equal(at(NOW_MS - 400 * 24 * HOUR - 1), OUTSIDE);
    assert.equal(at(NOW_MS + 24 * HOUR + 1), OUTSIDE);
    assert.equal(at(Date.UTC(2106, 1, 7)), OUTSIDE);
    assert.equal(at(NOW_MS - 13 * HOUR, NOW_MS), OUTSIDE);
    assert.equal(
      placeOf({ firstTimeNano: -(1n << 63n), lastTimeNano: (1n << 63n) - 1n, receivedMs: NOW_MS }, OPTIONS),
      OUTSIDE,
    );
  });
});

describe("what is kept of a block", () => {
  it("is bounded, whatever its host says of itself", () => {
    const events = Array.from({ length: 1500 }, (_, at) => ({
      event: { action: `${at}-${"x".repeat(12_000)}` },
      host: { id: HOST, name: "n".repeat(10_000), kernel: "k".repeat(10_000), osName: "o".repeat(10_000) },
    }));
    const { document, facts } = indexBlock(messageOf(events), NOW_MS, OPTIONS);
    assert.equal(document.count, 1500);
    const { bytes, ...rest } = document;
    assert.ok(JSON.stringify(rest, (_key, value) => (typeof value === "bigint" ? String(value) : value)).length < 1000);
    assert.ok(bytes.length > 0);
    for (const value of Object.values(facts)) assert.ok(value.length <= FACT_LENGTH_MAX);
    assert.equal(facts.name[0], "n");
  });

  it("says whether it is the last one of its agent's run, and whether the whole system went down", () => {
    const goodbye = (flags: number): string =>
      indexBlock(
        messageOf([{ event: { action: "x" } }], (header) => ({ ...header, flags })),
        NOW_MS,
        OPTIONS,
      ).facts.goodbye;
    assert.equal(goodbye(0), "");
    assert.equal(goodbye(FLAG_GOODBYE | FLAG_URGENT), "stopped");
    assert.equal(goodbye(FLAG_GOODBYE | FLAG_GOING_DOWN | FLAG_URGENT), "going-down");
    // By itself it says nothing.
    assert.equal(goodbye(FLAG_GOING_DOWN | FLAG_URGENT), "");
    // Whose end is announced, and who then says goodbye, has said goodbye.
    assert.equal(goodbye(FLAG_ENDING | FLAG_URGENT), "announced");
    assert.equal(goodbye(FLAG_ENDING | FLAG_GOODBYE | FLAG_GOING_DOWN), "going-down");
  });

  it("has the facts of the last event that tells some", () => {
    const { facts } = indexBlock(
      messageOf([{ host: { id: HOST, name: "one" } }, { host: { id: HOST, name: "other" } }, {}]),
      NOW_MS,
      OPTIONS,
    );
    assert.equal(facts.name, "other");
    assert.equal(indexBlock(messageOf([{}]), NOW_MS, OPTIONS).facts.name, "named");
  });

  it("is refused where events lie outside of the header's times", () => {
    const late = messageOf([{}, { event: { timeUnixNano: BigInt(NOW_MS + 60_000) * 1_000_000n } }], (header) => ({
      ...header,
      lastTimeUnixNano: header.firstTimeUnixNano,
    }));
    assert.throws(
      () => indexBlock(late, NOW_MS, OPTIONS),
      (error) => error instanceof BlockError && error.code === "TIME_MISMATCH" && error.place === "events.time[1]",
    );
  });

  it("is refused where a host speaks for another one", () => {
    assert.throws(
      () => indexBlock(messageOf([{ host: { id: "b".repeat(32) } }]), NOW_MS, OPTIONS),
      (error) => error instanceof BlockError && error.code === "HOST_MISMATCH" && error.place === "hosts.id[0]",
    );
    assert.throws(
      () => indexBlock({ ...messageOf([{}]), hostId: "c".repeat(32) }, NOW_MS, OPTIONS),
      (error) => error instanceof BlockError && error.code === "HOST_MISMATCH",
    );
  });
});
