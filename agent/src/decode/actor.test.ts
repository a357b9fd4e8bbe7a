/** Calls whose last words came before are decoded, redacted and kept as if they had not. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import {
  actorStart,
  condenseRecords,
  joinActor,
  readCall,
  RECORD,
  recordText,
  splitWords,
  writeCall,
} from "@hosttrail/lib/audit";
import type { RecordGroup } from "../model/index.ts";
import { Redactor } from "../redact/index.ts";
import { Decoder, decode } from "./index.ts";

const HEAD =
  "arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7ffc0a0b0c0d a2=80000 a3=0 items=1 ppid=10 pid=77";
const ACTOR =
  'auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 comm="cat" exe="/usr/bin/cat" key="k"';

function groupOf(...texts: string[]): RecordGroup {
  const stamp = { node: "", seconds: 1_700_000_000, milliseconds: 5, serial: 1 };
  return {
    ...stamp,
    partial: "",
    records: texts.map((text) => ({
      ...stamp,
      type: RECORD.SYSCALL,
      text,
      actor: "",
      call: undefined,
      enriched: "",
      position: 0,
    })),
  };
}

/** The heads that a kernel, an odd one, or a hostile log may write. */
const heads = [
  HEAD,
  HEAD.replace("exit=3", "exit=-13").replace("success=yes", "success=no"),
  HEAD.replace("exit=3", "exit=-9223372036854775808"),
  HEAD.replace("a0=ffffff9c", "a0=ffffffffffffffff"),
  HEAD.replace("a0=ffffff9c", "a0=0FF"),
  HEAD.replace("a0=ffffff9c", "a0=AB"),
  HEAD.replace("a0=ffffff9c", "a0=a:b"),
  HEAD.replace("a0=ffffff9c", "a0="),
  HEAD.replace(" pid=77", " pid=78"),
  HEAD.replace(" pid=77", " pid=077"),
  HEAD.replace("ppid=10", "ppid=4294967296"),
  HEAD.replace("items=1", "items=+1"),
  HEAD.replace("items=1", "items=1 items=2"),
  HEAD.replace("syscall=257", "syscall=99999999999999999999"),
  HEAD.replace("syscall=257", "syscall=257 per=8"),
  HEAD.replace("exit=3", 'exit="3 auid=1"'),
  HEAD.replace(" exit=3", ""),
  HEAD.replace("arch=c000003e", "arch=(null)"),
  `${HEAD} `,
  "",
];
const actors = [
  ACTOR,
  ACTOR.replace('comm="cat"', "comm=6120627C63").replace('key="k"', "key=(null)"),
  ACTOR.replace('key="k"', 'subj=unconfined key="a\u0001b"'),
  ACTOR.replace("uid=0", "uid=00").replace("ses=3", "ses=4294967295"),
  ACTOR.replace('exe="/usr/bin/cat"', "exe=(null)"),
  "auid=",
  "auid=1 auid=2 pid=77",
];

describe("a call by a known actor", () => {
  it("has the same words as if it were split whole", () => {
    let joined = 0;
    for (const head of heads) {
      for (const actor of actors) {
        const text = `${head} ${actor}`;
        const start = actorStart(text);
        const call = readCall(text.slice(0, start));
        if (call !== undefined) assert.equal(writeCall(call), text.slice(0, start));
        const known = call && joinActor(call, splitWords(RECORD.SYSCALL, text.slice(start)));
        if (known === undefined) continue;
        joined++;
        const { keys, values } = splitWords(RECORD.SYSCALL, text);
        assert.deepEqual([known.keys, known.values], [keys, values], text);
      }
    }
    // By the heads that are written as kernels do: the first two, the large argument, the other pid.
    assert.equal(joined, (actors.length - 1) * 4, `${joined} of ${heads.length * actors.length}`);
  });

  it("is the same event with the same records, and gives back its text", () => {
    const decoder = new Decoder();
    // Twice, so that the second time everything is known.
    for (const text of [...heads, ...heads].flatMap((head) => actors.map((actor) => `${head} ${actor}`))) {
      const known = decoder.decode(groupOf(text));
      const fresh = decode(groupOf(text));
      assert.deepEqual(known.event, fresh.event, text);
      const [ours, theirs] = [condenseRecords(known.event, known.words), condenseRecords(fresh.event, fresh.words)];
      assert.deepEqual(ours, theirs, text);
      known.event.audit = { ...known.event.audit, records: ours } as typeof known.event.audit;
      assert.equal(recordText(known.event, 0), text);
    }
  });

  it("shows no secret of its names, the first time and later", () => {
    const redactor = new Redactor({ enabled: true, patterns: ["hunter[0-9]"], key: new Uint8Array(32) });
    const decoder = new Decoder((records, args) => redactor.records(records, args));
    for (let turn = 1; turn <= 3; turn++) {
      const { event, words } = decoder.decode(groupOf(`${HEAD} ${ACTOR.replace("/usr/bin/cat", "/tmp/hunter2")}`));
      const text = inspect([event, words, condenseRecords(event, words)], { depth: Number.POSITIVE_INFINITY });
      assert.doesNotMatch(text, /hunter2/);
      assert.match(event.process?.executable ?? "", /^\/tmp\/\[redacted:[0-9a-f]{12}\]$/);
      assert.equal(redactor.count, turn);
    }
  });
});
