import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Counter, Gauge, Histogram } from "prom-client";
// Registers all of them.
import "./index.ts";
import { registry } from "./registry.ts";

const DOCUMENT = new URL("../../../docs/metrics.md", import.meta.url);
const ROW = /^\| `(hosttrail_\w+)` \| (\w+) \| ([\w, ]*)\|/gm;

/** A row as its document has it: `name type label, label`. */
const rowOf = (name: string, type: string, labels: readonly string[]): string =>
  [name, type, labels.toSorted().join(",")].join(" ").trimEnd();

describe("docs/metrics.md", () => {
  it("has each metric with its type and labels, and no other; each once", () => {
    const documented = Array.from(
      readFileSync(DOCUMENT, "utf8").matchAll(ROW),
      ([, name = "", type = "", labels = ""]) =>
        rowOf(
          name,
          type,
          labels
            .split(",")
            .map((label) => label.trim())
            .filter(Boolean),
        ),
    );
    const registered = registry.getMetricsAsArray().map((metric) => {
      const type = metric instanceof Counter ? "counter" : metric instanceof Gauge ? "gauge" : "histogram";
      assert.ok(type !== "histogram" || metric instanceof Histogram, `${metric.name} is of another kind`);
      // The library has the names, and no way to ask for them.
      const { labelNames } = metric as unknown as { labelNames: readonly string[] };
      return rowOf(metric.name, type, labelNames);
    });
    assert.deepEqual(documented.toSorted(), registered.toSorted(), "give each new metric its row in docs/metrics.md");
  });
});
