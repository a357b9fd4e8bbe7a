import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { recordTypeNumber } from "@hosttrail/lib/audit";
import { allMeanings, meaningOf } from "./meaning.ts";

/** Which event.type ECS 8 expects with each event.category. Source: ECS reference, "Allowed values: event.category". */
const ALLOWED: Readonly<Record<string, string>> = {
  authentication: "start end info",
  configuration: "access change creation deletion info",
  driver: "change end info start",
  file: "access change creation deletion info",
  host: "access change end info start",
  iam: "admin change creation deletion group info user",
  intrusion_detection: "allowed denied info",
  network: "access allowed connection denied end info protocol start",
  package: "access change deletion info installation start",
  process: "access change end info start",
  session: "start end info",
};

const recordsOf = (...names: string[]): { type: number }[] =>
  names.map((name) => ({ type: recordTypeNumber(name) ?? 0 }));

describe("an event's meaning", () => {
  it("is made of categories and types that ECS allows together", () => {
    const all = allMeanings();
    assert.ok(all.length > 150, `${all.length} meanings`);
    for (const { action, category, type } of all) {
      assert.equal(category.length, 1, action);
      const allowed = ALLOWED[category[0] ?? ""]?.split(" ") ?? [];
      for (const each of type) assert.ok(allowed.includes(each), `${action}: ${each} with ${category[0]}`);
    }
  });

  it("is refined by what was opened and how", () => {
    const of = (nametype: string, writes?: boolean): string[] =>
      meaningOf({
        records: recordsOf("SYSCALL", "PATH"),
        call: "openat",
        nametype,
        writes,
        operation: "",
        decision: undefined,
      }).type;
    assert.deepEqual(of("CREATE", true), ["creation"]);
    assert.deepEqual(of("NORMAL", true), ["change"]);
    assert.deepEqual(of("NORMAL", false), ["access"]);
  });

  it("comes from the record that says more than its system call", () => {
    const of = (...recordTypes: string[]): string =>
      meaningOf({
        records: recordsOf(...recordTypes),
        call: "sendto",
        nametype: "",
        writes: undefined,
        operation: "",
        decision: undefined,
      }).action;
    assert.equal(of("SYSCALL", "CONFIG_CHANGE"), "changed-audit-configuration");
    assert.equal(of("NETFILTER_CFG", "SYSCALL"), "loaded-firewall-rule-to");
    assert.equal(of("SYSCALL", "SOCKADDR"), "sent-to");
  });

  it("has a name for what nobody knows, and the same object each time", () => {
    const of = (call: string, type = "SYSCALL"): unknown =>
      meaningOf({
        records: recordsOf(type),
        call,
        nametype: "",
        writes: undefined,
        operation: "",
        decision: undefined,
      });
    assert.equal(of("umask"), of("umask"));
    assert.deepEqual(of("", "UNKNOWN[1999]"), { action: "unknown[1999]", category: [], type: ["info"] });
  });
});
