/** A collector that reads its configuration again by SIGHUP: what may change holds at once, what is wrong changes nothing. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { status } from "@grpc/grpc-js";
import { parse, stringify } from "yaml";
import { eventually, openStack, queryClient, search } from "./environment.ts";
import { metricsOf } from "./metrics.ts";

interface Line {
  msg: string;
  level: number;
  applied?: string[];
  waiting?: string[];
  problems?: string[];
}

describe("a collector's configuration", { timeout: 180_000 }, () => {
  let stack: Awaited<ReturnType<typeof openStack>>;
  let file: string;
  let own: Record<string, unknown>;

  before(async () => {
    stack = await openStack();
    file = join(dirname(stack.profileFile), "collector.yaml");
    own = parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    await stack.startServices();
    await stack.startCollector();
  });
  after(() => stack[Symbol.asyncDispose]());

  const lines = (): Line[] =>
    readFileSync(stack.collector.logFile, "utf8")
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Line);

  const hangUp = (): boolean => process.kill(stack.collector.pid ?? 0, "SIGHUP");

  /** Writes the file, asks for it, and waits for what is said of it. */
  async function reload(text: string): Promise<Line> {
    const told = (): Line[] => lines().filter(({ msg }) => msg.startsWith("the configuration is "));
    const before = told().length;
    writeFileSync(file, text, { mode: 0o600 });
    hangUp();
    return await eventually("an answer to SIGHUP", 10_000, async () => told()[before]);
  }

  const withChanges = (changes: Record<string, unknown>): string => stringify({ ...own, ...changes });

  it("gives and takes rights at once, and changes the log's level", async () => {
    const eve = await stack.ca.user("eve");
    const client = queryClient(stack, eve);
    const ask = async (): Promise<number> => {
      try {
        await search(client, {});
        return status.OK;
      } catch (error) {
        return (error as { code: number }).code;
      }
    };
    assert.equal(await ask(), status.UNAUTHENTICATED);
    const { bindings } = own["access"] as { bindings: unknown[] };
    const more = { bindings: [...bindings, { subject: "certificate:eve", role: "viewer" }] };
    const said = await reload(withChanges({ access: more, log_level: "debug" }));
    assert.deepEqual(said.applied?.toSorted(), ["access.bindings", "log_level"]);
    assert.equal(await ask(), status.OK);
    assert.deepEqual((await reload(withChanges({ log_level: "debug" }))).applied, ["access.bindings"]);
    assert.equal(await ask(), status.UNAUTHENTICATED);
    client.close();
  });

  it("stays as it was where the file is wrong, cut off or gone, and the log says which key it was", async () => {
    for (const [text, problem] of [
      [withChanges({ ingest: { credit: 0 } }), /ingest\.credit is 0/],
      [
        withChanges({ access: { bindings: [{ subject: "certificate:dev", role: "god" }] } }),
        /access\.bindings\.0\.role/,
      ],
      ["roles: [", /collector\.yaml:1/],
      ["", /lacks "tls"/],
    ] as const) {
      const { problems = [] } = await reload(text);
      assert.match(problems.join("\n"), problem);
      const client = queryClient(stack);
      await search(client, {});
      client.close();
    }
    stack.collector.assertRunning();
    assert.match(await metricsOf(stack), /^hosttrail_config_reloads_total\{result="refused"\} 4$/m);
  });

  it("names what holds after a restart only, each time", async () => {
    const changes = withChanges({ connections: { max: 999, grace_ms: 5000 }, log_level: "debug" });
    const first = await reload(changes);
    assert.deepEqual([first.applied, first.waiting], [["connections.grace_ms"], ["connections.max"]]);
    assert.deepEqual((await reload(changes)).waiting, ["connections.max"]);
  });

  it("survives many signals at once, and one while it starts", async () => {
    writeFileSync(file, withChanges({ log_level: "debug" }), { mode: 0o600 });
    for (let count = 0; count < 20; count++) hangUp();
    await eventually("the last of them", 10_000, async () =>
      lines().at(-1)?.msg.startsWith("the configuration is ") ? true : undefined,
    );
    await stack.collector.stop();
    stack.collector.start();
    await eventually("its first words", 20_000, async () => {
      stack.collector.assertRunning();
      return lines().at(-1)?.msg === "collector stopped" ? undefined : true;
    });
    hangUp();
    await eventually("answers", 20_000, async () => {
      stack.collector.assertRunning();
      const client = queryClient(stack);
      await search(client, {}).finally(() => client.close());
      return true;
    });
  });
});
