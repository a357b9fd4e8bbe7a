import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { PRODUCTS } from "./product.ts";

describe("the collector's image", () => {
  it("runs the program with the flags and the environment of its package", () => {
    const file = readFileSync(new URL("../../integrations/containers/Dockerfile", import.meta.url), "utf8");
    const program = PRODUCTS.collector.programs.find(({ name }) => name === "hosttrail-collector");
    assert.ok(program);
    const flags = program.flags.split(" ").map((flag) => `"${flag}"`);
    assert.ok(file.includes(`ENTRYPOINT ["/app/node", ${flags.join(", ")}, "/app/${program.output}"]\n`));
    const variables = Object.entries(program.environment).map(([name, value]) => `${name}=${value}`);
    assert.ok(file.includes(`ENV ${variables.join(" ")}\n`));
  });
});

describe("the agent's image", () => {
  it("runs the program with the flags and the environment of its package, under its keeper", () => {
    const file = readFileSync(new URL("../../integrations/containers/agent/Dockerfile", import.meta.url), "utf8");
    const [program] = PRODUCTS.agent.programs;
    assert.ok(program);
    const words = ["/app/hosttrail-agent-keeper", "/app/node", ...program.flags.split(" "), `/app/${program.output}`];
    assert.ok(file.includes(`ENTRYPOINT [${words.map((word) => `"${word}"`).join(", ")}]\n`));
    const variables = Object.entries(program.environment).map(([name, value]) => `${name}=${value}`);
    assert.ok(file.includes(`ENV ${variables.join(" ")}\n`));
  });
});
