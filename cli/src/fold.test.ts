import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Event } from "@hosttrail/proto/event";
import { attemptOfEvent, Folder, foldedObject } from "./fold.ts";

function look(path: string, ms: number, changes: { entityId?: string; exit?: bigint; outcome?: string } = {}): Event {
  const { entityId = "p1", exit = -2n, outcome = "failure" } = changes;
  return Event.fromPartial({
    event: { action: "executed", outcome, timeUnixNano: BigInt(ms) * 1_000_000n },
    host: { id: "h" },
    process: { pid: 7, entityId },
    files: [{ path }],
    audit: { syscall: { exit } },
  });
}

function folded(events: readonly Event[]): [path: string, folders: readonly string[]][] {
  const folder = new Folder(attemptOfEvent);
  const lines = events.flatMap((event) => folder.add(event, Number((event.event?.timeUnixNano ?? 0n) / 1_000_000n)));
  return [...lines, ...folder.flush()].map(({ item, folders }) => [item.files[0]?.path ?? "", folders]);
}

describe("looks for a program along PATH", () => {
  it("are one line, with the folders where it was not", () => {
    const lines = folded([
      look("/usr/local/bin/tool", 0),
      look("/usr/bin/tool", 1),
      look("/bin/tool", 2),
      look("/opt/tool", 3, { outcome: "success", exit: 0n }),
    ]);
    assert.deepEqual(lines, [
      ["/usr/local/bin/tool", ["/usr/local/bin", "/usr/bin", "/bin"]],
      ["/opt/tool", []],
    ]);
    assert.equal(
      foldedObject("/usr/local/bin/tool", ["/usr/local/bin", "/usr/bin"]),
      "tool (not in 2 folders: /usr/local/bin, /usr/bin)",
    );
    assert.match(foldedObject("/a/t", ["/a", "/b", "/c", "/d", "/e"]), /not in 5 folders: \/a, \/b, \/c, \/d, …/);
  });

  it("are found with the newest first, too, and between what others do", () => {
    const lines = folded([
      look("/bin/tool", 20),
      look("/bin/other", 15, { entityId: "p2" }),
      look("/usr/bin/tool", 10),
    ]);
    assert.deepEqual(lines, [
      ["/bin/tool", ["/bin", "/usr/bin"]],
      ["/bin/other", ["/bin"]],
    ]);
  });

  it("stay apart where they are of other processes, other names or another second", () => {
    assert.equal(folded([look("/a/t", 0), look("/b/t", 0, { entityId: "p2" })]).length, 2);
    assert.equal(folded([look("/a/t", 0), look("/b/u", 0)]).length, 2);
    assert.equal(folded([look("/a/t", 0), look("/b/t", 1001)]).length, 2);
    assert.equal(folded([look("/a/t", 0), look("/a/t", 1)]).length, 2, "the same folder again is another look");
  });

  it("never hide what is there and not allowed", () => {
    const denied = look("/usr/bin/tool", 1, { exit: -13n });
    assert.equal(folded([look("/bin/tool", 0), denied]).length, 2);
    assert.equal(attemptOfEvent(denied), undefined);
  });

  it("wait for others within bounds", () => {
    const folder = new Folder(attemptOfEvent);
    let given = 0;
    for (let at = 0; at < 1000; at++) given += folder.add(look(`/bin/tool${at}`, 0), 0).length;
    assert.equal(given, 1000 - 256);
    assert.equal(folder.flush().length, 256);
  });
});
