import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readCall, RECORD } from "@hosttrail/lib/audit";
import { Enricher } from "../enrich/index.ts";
import type { Made, RawRecord, RecordGroup, Repetition, Shape } from "../model/index.ts";
import { Redactor } from "../redact/index.ts";
import { EventMaker } from "./index.ts";

const ACTOR = 'auid=0 uid=0 gid=0 tty=(none) ses=1 comm="it" exe="/usr/bin/it" key="k"';
const TEN_SECONDS = 10_000;

function head(number: number, { exit = "3", flags = "80000" } = {}): string {
  const success = exit.startsWith("-") ? "no" : "yes";
  return `arch=c000003e syscall=${number} success=${success} exit=${exit} a0=ffffff9c a1=7f00 a2=${flags} a3=0 items=0 ppid=10 pid=77 `;
}

function maker(): EventMaker {
  const redactor = new Redactor({ enabled: true, patterns: [], key: Buffer.alloc(32) });
  const options = { labels: {}, local: false, executableHashBytesMax: 0, cloud: "none", imdsEndpoint: "" } as const;
  const enricher = new Enricher({ ...options, hostId: "h", bootId: "b", redact: (args) => args });
  return new EventMaker({ redactor, enricher, priorities: { low: [], high: ["k"] } });
}

function groupOf(shape: Shape | undefined, text: string, ...others: [number, string][]): RecordGroup {
  const stamp = { node: "", seconds: 1, milliseconds: 0, serial: 1 };
  const rest = { ...stamp, actor: "", call: undefined, enriched: "", position: 0 };
  const first: RawRecord = { ...rest, type: RECORD.SYSCALL, text, shape };
  return { ...stamp, partial: "", records: [first, ...others.map(([type, more]) => ({ ...rest, type, text: more }))] };
}

/** Makes an event of these records, and asks for another one of their shape. */
function again(
  text: string,
  {
    other = text,
    afterMs = 0,
    change,
  }: { other?: string; afterMs?: number; change?: (maker: EventMaker) => void } = {},
  ...others: [number, string][]
): { first: Made; second: Made | undefined; shape: Shape } {
  const shape: Shape = { count: 1 + others.length, memory: undefined };
  const own = maker();
  const group = groupOf(shape, text + ACTOR, ...others);
  const first = own.make(group, 0);
  own.remember(group, first, 0);
  change?.(own);
  const call = readCall(other);
  assert.ok(call !== undefined, other);
  const repetition: Repetition = { shape, node: "", seconds: 2, milliseconds: 5, serial: 9, call, position: 0 };
  return { first, second: own.repeat(repetition, afterMs), shape };
}

describe("an event that repeats another", () => {
  it("has its own time, serial and numbers, and leaves the other one as it was", () => {
    const { first, second } = again(head(257), { other: head(257, { exit: "4" }), afterMs: TEN_SECONDS - 1 });
    assert.equal(second?.priority, "high");
    assert.equal(second.recordBytes, first.recordBytes);
    assert.notEqual(second.event, first.event);
    const { event, audit, ...same } = second.event;
    assert.deepEqual(
      [event?.timeUnixNano, audit?.serial, audit?.syscall?.exit, audit?.syscall?.arguments[2]],
      [2_005_000_000n, 9, 4n, 0x80000n],
    );
    const { event: firstInfo, audit: firstAudit, ...firstSame } = first.event;
    assert.deepEqual(same, firstSame);
    assert.deepEqual([firstInfo?.timeUnixNano, firstAudit?.serial, firstAudit?.syscall?.exit], [1_000_000_000n, 1, 3n]);
  });

  it("is made of its records again after ten seconds, since names and processes may be others", () => {
    const { second, shape } = again(head(257), { afterMs: TEN_SECONDS });
    assert.equal(second, undefined);
    assert.equal(shape.memory, undefined, "what is not right any more is forgotten");
  });

  it("is not taken for one where its numbers mean something else", () => {
    assert.equal(again(head(257), { other: head(257, { flags: "241" }) }).second, undefined, "opened to write");
    assert.notEqual(again(head(42, { exit: "-111" })).second, undefined);
    const under = head(42, { exit: "-115" });
    assert.equal(again(head(42, { exit: "-111" }), { other: under }).second, undefined, "a connection under way");
  });

  it("is not taken for one where the process is another program now", () => {
    const change = (own: EventMaker): void => {
      own.make(groupOf(undefined, head(59) + ACTOR, [RECORD.EXECVE, 'argc=1 a0="it"']), 0);
    };
    assert.equal(again(head(257), { change }).second, undefined);
  });

  it("is not taken for one where the names of users have changed", () => {
    const shape: Shape = { count: 1, memory: undefined };
    const own = maker();
    const group = groupOf(shape, head(257) + ACTOR);
    own.remember(group, own.make(group, 0), 0);
    const { memory } = shape;
    assert.ok(memory !== undefined);
    memory.validity.nameChanges--;
    const call = readCall(head(257));
    assert.ok(call !== undefined);
    assert.equal(
      own.repeat({ shape, node: "", seconds: 2, milliseconds: 5, serial: 9, call, position: 0 }, 1),
      undefined,
    );
  });

  for (const [what, number] of [
    ["starts a program", 59],
    ["makes a process", 57],
    ["ends", 231],
  ] as const)
    it(`is not remembered of a process that ${what}`, () => {
      assert.equal(again(head(number)).shape.memory, undefined);
    });

  it("is not remembered of an event that is not whole, or is aimed at a process", () => {
    const shape: Shape = { count: 1, memory: undefined };
    const own = maker();
    const group: RecordGroup = { ...groupOf(shape, head(257) + ACTOR), partial: "timeout" };
    own.remember(group, own.make(group, 0), 0);
    assert.equal(shape.memory, undefined);
    const target: [number, string] = [RECORD.OBJ_PID, 'opid=5 oauid=0 ouid=0 oses=1 ocomm="x"'];
    assert.equal(again(head(62), {}, target).shape.memory, undefined);
  });
});
