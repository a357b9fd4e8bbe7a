import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfig } from "@hosttrail/lib/config";
import { type AgentConfig, agentSchema } from "./index.ts";

describe("agent.yaml", () => {
  it("leaves the names of labels, and of the tags that they come from, as they are written", () => {
    const text = `collector: { endpoints: ["c:1"], ca_file: /ca }
labels: { cost_center: "7" }
enrich: { tag_labels: { cost_center: CostCenter, team_name: "team:name" } }
`;
    const { labels, enrich } = parseConfig<AgentConfig>(text, "agent.yaml", agentSchema);
    assert.deepEqual(labels, { cost_center: "7" });
    assert.deepEqual(enrich.tagLabels, { cost_center: "CostCenter", team_name: "team:name" });
  });
});
