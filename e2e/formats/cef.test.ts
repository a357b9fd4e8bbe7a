import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileWriter } from "@hosttrail/collector/export";
import { visible } from "@hosttrail/lib/text";
import { Event } from "@hosttrail/proto/event";
import { ExportFormat } from "@hosttrail/proto/query";
import { HOSTILE } from "../../collector/src/notify/fixture.ts";
import { variedEvents } from "./events.ts";
import { claimedEvents, strangeEvents } from "./strange.ts";
import { ask, WHY_NO_TOOLS } from "./python.ts";

interface Answer {
  values: Record<string, string>;
  problems: string[];
}

const DOCUMENT = readFileSync(new URL("../../docs/formats.md", import.meta.url), "utf8");
const LENGTH_MAX = 1000;
const TOP = 20;
/** No port, but what a host may claim. */
const CLAIMED_PORT = 4_294_967_295;

function read(events: readonly Event[], change: (text: string) => string = (text) => text): Answer[] {
  const bytes = fileWriter(ExportFormat.CEF, [])?.write(events) ?? new Uint8Array(0);
  return ask("cef.py", [], change(Buffer.from(bytes).toString())) as Answer[];
}

describe("CEF", { skip: WHY_NO_TOOLS }, () => {
  const events = [...variedEvents(), ...strangeEvents(), ...claimedEvents()];

  it("is read by a reader of others as it was meant, and has only what the format's dictionary allows", () => {
    const answers = read(events);
    assert.equal(answers.length, events.length);
    assert.deepEqual([...new Set(answers.flatMap(({ problems }) => problems))].slice(0, TOP), []);
    // A reader gives what a custom key stands for by its label.
    const labels = new Set(
      Array.from(DOCUMENT.matchAll(/`c(?:s|n|6a)\d` ([A-Za-z0-9 ]+?)(?=,| \||$)/gm), ([, label = ""]) => label),
    );
    const keys = new Set(Array.from(DOCUMENT.matchAll(/`([a-z]\w+)`/gi), ([, key = ""]) => key));
    const names = new Set(
      answers
        .flatMap(({ values }) => Object.keys(values))
        .filter((name) => !/^(?:CEF|Device|Name|Severity)/.test(name)),
    );
    assert.deepEqual(
      [...names].filter((name) => !labels.has(name) && !keys.has(name)),
      [],
    );
    for (const [at, { values }] of answers.entries()) {
      const { id, event, user, process, files, destination } = events[at] as Event;
      assert.equal(values["eventId"], id);
      assert.equal(values["DeviceEventClassID"], event?.action || "-");
      assert.equal(values["Severity"], "1");
      assert.equal(values["rt"], String((event?.timeUnixNano ?? 0n) / 1_000_000n));
      for (const [name, text = ""] of [
        ["act", event?.action],
        ["suser", user?.name],
        ["commandLine", process?.args.join(" ")],
        ["filePath", files[0]?.path],
        ["dpt", [0, undefined, CLAIMED_PORT].includes(destination?.port) ? "" : String(destination?.port)],
      ] as const) {
        const shown = visible(text);
        if (shown.length < LENGTH_MAX) assert.equal((values[name] ?? "").trimEnd(), shown.trimEnd(), `${id} ${name}`);
      }
    }
  });

  it("keeps each text in its field, whatever is in it", () => {
    const evil = `${HOSTILE} act=owned | cs1=x\\ suser=\\=root\\`;
    const hostile = events.slice(0, 1).map((event) =>
      Event.fromPartial({
        ...event,
        user: { name: evil, targetName: evil },
        process: { pid: 1, name: evil, executable: evil, args: [evil, evil] },
        files: [{ path: evil }],
        destination: { address: evil, domain: evil, path: evil },
        audit: { keys: [evil] },
      }),
    );
    const [answer] = read(hostile);
    assert.deepEqual(answer?.problems, []);
    const values = answer?.values ?? {};
    for (const name of ["suser", "duser", "sproc", "filePath", "dhost", "auditKeys"])
      assert.equal(values[name], visible(evil), name);
    assert.equal(values["act"], hostile[0]?.event?.action);
    assert.equal(values["eventId"], hostile[0]?.id);
  });

  it("is found wrong where a wrong field is planted", () => {
    const found = (from: RegExp, to: string): string[] =>
      read(events.slice(0, 1), (text) => {
        const changed = text.replace(from, to);
        assert.notEqual(changed, text);
        return changed;
      }).flatMap(({ problems }) => problems);
    assert.match(found(/ act=\S+/, ` act=${"x".repeat(64)}`).join(), /^act: Invalid value/);
    assert.match(found(/ rt=|rt=/, "dvc=x rt=").join(), /^dvc: Invalid value/);
    assert.match(found(/^CEF:0\|Hosttrail\|/, "CEF:0||").join(), /cannot be read/);
  });
});
