import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Event } from "@hosttrail/proto/event";
import { Enricher } from "./index.ts";
import { whyNoHostRoot } from "./host.ts";

describe("a host that is seen from a container", () => {
  const root = mkdtempSync(join(tmpdir(), "hosttrail-root-"));
  after(() => rmSync(root, { recursive: true }));
  const put = (path: string, text: string): void => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  put("etc/passwd", "nobody-here:x:0:0::/:/none\n");
  put("etc/group", "wheel-there:x:0:\n");
  put("etc/os-release", 'NAME="Nodes"\nVERSION_ID=7\n');
  put("etc/machine-id", "0123456789abcdef0123456789abcdef\n");

  it("gives its own names, system and machine id", () => {
    const event = Event.fromPartial({
      user: { id: 0, effectiveId: 0, auditId: 0xffffffff, group: { id: 0 } },
    });
    const enricher = new Enricher({
      hostId: "h",
      bootId: "b",
      labels: {},
      local: true,
      root,
      executableHashBytesMax: 1024,
      cloud: "none",
      imdsEndpoint: "http://127.0.0.1:1",
      redact: (args) => args,
    });
    enricher.enrich(event, false, performance.now());
    assert.equal(event.user?.name, "nobody-here");
    assert.equal(event.user?.group?.name, "wheel-there");
    const { osName, osVersion, machineId } = event.host ?? {};
    assert.deepEqual([osName, osVersion, machineId], ["Nodes", "7", "0123456789abcdef0123456789abcdef"]);
    enricher.close();
  });

  it("is looked for before anything begins, and what is missing is said", () => {
    assert.equal(whyNoHostRoot(""), undefined);
    assert.equal(whyNoHostRoot(root), undefined);
    assert.match(whyNoHostRoot(join(root, "none")) ?? "", /host_root is ".*none".*ENOENT.*CAP_SYS_PTRACE/);
  });
});
