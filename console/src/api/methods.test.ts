import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { METHODS } from "./methods.ts";

const PROTOS = new URL("../../../proto/hosttrail/v1/", import.meta.url);

/** "AlertService/ListAlerts" to "ListAlertsRequest -> ListAlertsResponse", "stream " before what is a stream. */
function methodsOfProtos(): Map<string, string> {
  const methods = new Map<string, string>();
  for (const name of readdirSync(PROTOS)) {
    const text = readFileSync(new URL(name, PROTOS), "utf8");
    for (const [, service = "", body = ""] of text.matchAll(/^service (\w+) \{(.*?)^\}/gms))
      for (const [, method = "", request = "", response = ""] of body.matchAll(
        /rpc (\w+)\(([^)]*)\) returns \(([^)]*)\)/g,
      ))
        methods.set(`${service}/${method}`, `${request} -> ${response}`);
  }
  return methods;
}

/** The same of what methods.ts says. */
function methodsOfConsole(): Map<string, string> {
  const text = readFileSync(new URL("methods.ts", import.meta.url), "utf8").replaceAll(/\s+/g, " ");
  const calls = text.matchAll(/(unary|stream)<\s*([^>]*?),?\s*>\(\s*"([^"]+)"(, true)?,?\s*\)/g);
  return new Map(
    Array.from(calls, ([, kind, types = "", path = "", parts]) => {
      const [request = "", response = ""] = types.split(/,\s+/).map((type) => type.replace(/^.*\./, ""));
      return [
        path,
        `${parts === undefined ? "" : "stream "}${request} -> ${kind === "stream" ? "stream " : ""}${response}`,
      ];
    }),
  );
}

describe("methods", () => {
  it("take and give what the protos say", () => {
    const said = methodsOfConsole();
    assert.equal(said.size, Object.keys(METHODS).length);
    const protos = methodsOfProtos();
    for (const [path, types] of said) assert.equal(types, protos.get(path), path);
  });
});
