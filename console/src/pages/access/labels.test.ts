import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { labelsText, readLabels } from "./labels.ts";

describe("labels", () => {
  it("are read as they are shown", () => {
    assert.deepEqual(readLabels("env=prod, role = web,"), { env: "prod", role: "web" });
    assert.equal(labelsText(readLabels("env=prod,a=b=c")), "env=prod, a=b=c");
    assert.deepEqual(readLabels(""), {});
  });

  it("are refused without a key", () => {
    for (const text of ["prod", "=prod", "env=prod, web"]) assert.equal(readLabels(text), undefined, text);
  });
});
