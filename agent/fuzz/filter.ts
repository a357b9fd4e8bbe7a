/** Filters: whatever a text holds becomes a filter or an error with its place, and what is understood is understood as the same again. */
import assert from "node:assert/strict";
import { ColumnBlock, encodeColumns } from "@hosttrail/lib/block";
import { compileFilter, type Filter, FilterError } from "@hosttrail/lib/predicate";
import { Event } from "@hosttrail/proto/event";
import { mutate, type Random } from "./random.ts";

const FILTERS = [
  'process.name = sudo AND NOT user.name = root OR -file.path : "/etc/*"',
  "event.action = (executed OR deleted) cidr(destination.ip, '10.0.0.0/8') destination.port != 443",
  String.raw`matches(process.command_line, "a+\.(b|c)$") AND process.args:* AND (Victor "Hugo \"x\"" OR 42)`,
  'event.time >= 2026-11-29T10:00:00Z process.uptime < 1.5s host.labels."a b" = x audit.SYSCALL.a1 = 241 user:name',
  "containsIgnoreCase(audit.USER_CMD.cmd, 'RM') OR process.pid <= 4e1 AND user.id > 7 AND audit.exit = EACCES",
];
const TOKENS = [
  ..."AND OR NOT - ( ) = != < <= > >= : , * \\* \\ \" ' . user.name process.pid host.labels. audit. SYSCALL matches( (?i) [ ] { } | + unset".split(
    " ",
  ),
  " ",
  "\n",
  "\0",
  "é",
];

const EVENTS = [
  Event.fromPartial({
    event: { action: "executed", category: ["process"], timeUnixNano: 1_700_000_000_000_000_000n },
    host: { labels: [{ key: "a b", value: "x" }] },
    process: { pid: 7, name: "sudo", args: ["sudo", "rm", "a b"], parent: { pid: 1, name: "sh" } },
    user: { id: 0, name: "root" },
    audit: { records: [{ type: 1300 }, { type: 1123, fields: [{ key: "msg", value: "'cmd=726D acct=\"a\"'" }] }] },
  }),
  Event.fromPartial({ files: [{ path: "/etc/passwd" }, { path: "" }], destination: { ip: "10.1.2.3", port: 443 } }),
  Event.fromPartial({}),
];
const BLOCK = new ColumnBlock(encodeColumns(EVENTS), { hostId: "0".repeat(32), epoch: 1n, firstSeq: 0n });

export function readMutatedFilter(random: Random): void {
  const text = mutate(random, FILTERS, TOKENS);
  let found: number[];
  let understood: string;
  try {
    const filter = compileFilter(text);
    understood = filter.text;
    found = filter.match(BLOCK);
  } catch (error) {
    assert.ok(error instanceof FilterError, String(error));
    assert.ok(error.column >= 1 && error.column <= text.length + 1, error.message);
    return;
  }
  // What is written with all of its brackets may be too long to be taken again.
  if (understood.length > text.length && understood.length > 4000) return;
  const again = compileFilter(understood);
  assert.equal(again.text, understood);
  assert.deepEqual(again.match(BLOCK), found, understood);
  if (understood === "" || understood.length > 4000) return;
  const complement = EVENTS.flatMap((_, event) => (found.includes(event) ? [] : [event]));
  assert.deepEqual(negated(understood)?.match(BLOCK) ?? complement, complement, understood);
}

/** Undefined where another pair of brackets is too many. */
function negated(text: string): Filter | undefined {
  try {
    return compileFilter(`NOT (${text})`);
  } catch (error) {
    assert.match(String(error), /more than 32/);
    return undefined;
  }
}
