import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AlertServiceService, ListAlertsResponse } from "@hosttrail/proto/alert";
import { QueryServiceService, SearchEventsResponse } from "@hosttrail/proto/query";
import fc from "fast-check";
import { jsonOf, readServices, wireOf } from "./messages.ts";
import { methodsOf } from "./methods.ts";

const find = readServices();

function methodsFor(name: string, definition: object) {
  const implementation = Object.fromEntries(Object.keys(definition).map((key) => [key, () => undefined]));
  return methodsOf([{ name, definition: definition as never, implementation }]);
}

const QUERY = methodsFor("hosttrail.v1.QueryService", QueryServiceService);
const SEARCH = QUERY.get("/hosttrail.v1.QueryService/SearchEvents");

describe("a message as JSON", () => {
  it("is the same by the generated code as by the descriptors, and comes back from either", () => {
    const output = find("hosttrail.v1.QueryService")?.methods.find(({ name }) => name === "SearchEvents")?.output;
    assert.ok(output !== undefined && SEARCH !== undefined);
    const response = SearchEventsResponse.fromPartial({
      nextPageToken: "\u202e<b>",
      events: [
        {
          id: "x",
          event: { timeUnixNano: 2n ** 63n - 1n },
          process: { pid: 7, args: ["a", "", "\0"] },
          audit: { records: [{ typeName: "EXECVE" }] },
        },
      ],
    });
    const fast = JSON.parse(JSON.stringify(SEARCH.response(response))) as unknown;
    const exact = jsonOf(output, SearchEventsResponse.encode(response).finish());
    assert.deepEqual(fast, exact);
    assert.deepEqual(SearchEventsResponse.decode(wireOf(output, fast)), response);
  });

  it("with a value that this version does not know is shown by its number", () => {
    const alerts = methodsFor("hosttrail.v1.AlertService", AlertServiceService);
    const list = alerts.get("/hosttrail.v1.AlertService/ListAlerts");
    const message = ListAlertsResponse.fromPartial({ alerts: [{ id: "x", state: 99 as never }] });
    const shown = JSON.stringify(list?.response(message));
    assert.match(shown, /"state":99/);
  });

  it("of a request is refused with the field, or becomes what gRPC could have brought", () => {
    assert.ok(SEARCH !== undefined);
    for (const [body, words] of [
      [{ page_sise: 1 }, /key "page_sise" is unknown/],
      [{ pageSize: 2 ** 31 }, /page_size/],
      [{ pageSize: 0.5 }, /page_size/],
      [{ filter: 7 }, /filter/],
      [{ startTime: "yesterday" }, /start_time|Timestamp/],
      [{ hosts: { names: "one" } }, /names/],
      ["text", /SearchEventsRequest/],
      [null, /SearchEventsRequest/],
    ] as const)
      assert.throws(() => SEARCH.request(body), words);
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        try {
          SEARCH.request(body);
        } catch (error) {
          assert.match((error as { details?: string }).details ?? "no error for callers", /./);
          assert.ok("code" in (error as object));
        }
      }),
      { numRuns: 500 },
    );
  });
});
