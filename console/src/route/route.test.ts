import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { matchRoute } from "./match.ts";
import { linkTo } from "./place.ts";

const ROUTES = ["/", "/alerts", "/alerts/:id", "/hosts/:id/diff"].map((pattern) => ({ pattern, page: pattern }));

describe("routes", () => {
  it("are found by their parts, with what stands for their parameters", () => {
    assert.equal(matchRoute(ROUTES, "/")?.page, "/");
    assert.equal(matchRoute(ROUTES, "/alerts/")?.page, "/alerts");
    assert.deepEqual(matchRoute(ROUTES, "/alerts/a%2Fb"), { page: "/alerts/:id", parameters: { id: "a/b" } });
    assert.equal(matchRoute(ROUTES, "/hosts/1/diff")?.parameters["id"], "1");
  });

  it("are none for other paths, and for escapes that are none", () => {
    for (const path of ["/alert", "/alerts/1/2", "/hosts/1", "/alerts/%E0%A4%A"])
      assert.equal(matchRoute(ROUTES, path), undefined);
  });

  it("are linked to with what is there", () => {
    assert.equal(linkTo("/search", { q: 'a = "b&c"', host: "", from: undefined }), "/search?q=a+%3D+%22b%26c%22");
    assert.equal(linkTo("/search"), "/search");
  });
});
