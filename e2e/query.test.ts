/** The query API and the CLI on a replayed capture, with a real NATS and a real database. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { Client, loadPackageDefinition, type ServiceError, status } from "@grpc/grpc-js";
import { loadFileDescriptorSetFromObject, loadSync } from "@grpc/proto-loader";
import { Event } from "@hosttrail/proto/event";
import type { QueryServiceClient } from "@hosttrail/proto/query";
import { credentialsOf, eventually, queryClient, search, searchAll } from "./environment.ts";
import { CAPTURE_EVENTS, openReplay } from "./replay.ts";

const run = promisify(execFile);
const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;

let stack: Awaited<ReturnType<typeof openReplay>>;
let client: QueryServiceClient;

before(async () => {
  stack = await openReplay();
  client = queryClient(stack);
});
after(async () => {
  client.close();
  await stack[Symbol.asyncDispose]();
});

function hosttrail(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return run(process.execPath, [CLI, "--profile", stack.profileFile, ...args], { maxBuffer: 64 * 1024 * 1024 });
}

describe("SearchEvents", () => {
  it("finds every event of the capture once, in small pages and in large ones", async () => {
    const large = await searchAll(client, { pageSize: 1000 });
    const small = await searchAll(client, { pageSize: 97 });
    assert.equal(large.length, CAPTURE_EVENTS);
    assert.equal(new Set(large.map((event) => event.id)).size, CAPTURE_EVENTS);
    assert.deepEqual(
      small.map((event) => event.id),
      large.map((event) => event.id),
    );
  });

  it("finds by filter, host and time", async () => {
    const connects = await searchAll(client, { filter: "destination.ip = 127.0.0.1 AND event.outcome = success" });
    assert.ok(connects.length >= 100, `${connects.length} connections`);
    assert.ok(connects.every((event) => event.destination?.port !== 0));
    const failed = await searchAll(client, { filter: "destination.path : nscd AND event.outcome = failure" });
    assert.ok(failed.length >= 20 && failed.every((event) => event.destination?.family === "unix"));
    const { events } = await search(client, { hostId: "0".repeat(32) });
    assert.equal(events.length, 0);
    const time = connects[0]?.event?.timeUnixNano ?? 0n;
    const from = { seconds: time / 1_000_000_000n, nanos: Number(time % 1_000_000_000n) };
    const later = await searchAll(client, { startTime: from, filter: "destination.ip = 127.0.0.1" });
    assert.ok(later.length > 0 && later.every((event) => (event.event?.timeUnixNano ?? 0n) >= time));
  });

  const wrong: [string, Parameters<typeof search>[1], string, RegExp][] = [
    ["an unknown field", { filter: "nope = 1" }, "FILTER_INVALID", /column 1: unknown field "nope"/],
    ["an unclosed quote", { filter: 'event.action = "x' }, "FILTER_INVALID", /column 16/],
    ["a page token that is none", { pageToken: "garbage" }, "PAGE_TOKEN_INVALID", /not one that this API gave out/],
    ["a host id that is none", { hostId: "zz" }, "HOST_ID_INVALID", /32 lower case hex digits/],
    ["a negative page size", { pageSize: -1 }, "PAGE_SIZE_INVALID", /0 to 1000/],
    ["a time out of range", { startTime: { seconds: 1n << 62n, nanos: 0 } }, "TIME_INVALID", /start_time/],
  ];
  for (const [what, request, reason, message] of wrong) {
    it(`refuses ${what}`, async () => {
      const error = await search(client, request).then(
        () => assert.fail("no error"),
        (thrown: ServiceError) => thrown,
      );
      assert.equal(error.code, status.INVALID_ARGUMENT);
      assert.match(error.details, message);
      const details = error.metadata.get("grpc-status-details-bin")[0] ?? "";
      assert.ok(details.toString().includes(reason), "ErrorInfo has the reason");
    });
  }

  it("refuses the token of another request", async () => {
    const { nextPageToken } = await search(client, { pageSize: 1 });
    const other = { pageToken: nextPageToken, filter: "event.action = executed" };
    await assert.rejects(search(client, other), /belongs to a request with other fields/);
  });
});

describe("reflection", () => {
  it("lets a client without our protos list services, read their types and make a call", async () => {
    const address = `localhost:${stack.queryPort}`;
    const credentials = credentialsOf(stack, stack.user);
    const proto = createRequire(import.meta.resolve("@grpc/reflection")).resolve(
      "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto",
    );
    interface Reflection extends Client {
      ServerReflectionInfo(): import("@grpc/grpc-js").ClientDuplexStream<object, ReflectionResponse>;
    }
    interface ReflectionResponse {
      listServicesResponse?: { service: { name: string }[] };
      fileDescriptorResponse?: { fileDescriptorProto: Buffer[] };
    }
    const { grpc } = loadPackageDefinition(loadSync(proto)) as unknown as {
      grpc: { reflection: { v1: { ServerReflection: new (...args: unknown[]) => Reflection } } };
    };
    const reflection = new grpc.reflection.v1.ServerReflection(address, credentials);
    const ask = (request: object): Promise<ReflectionResponse> =>
      new Promise((resolve, reject) => {
        const stream = reflection.ServerReflectionInfo();
        stream.on("data", (response: ReflectionResponse) => {
          resolve(response);
          stream.end();
        });
        stream.on("error", reject);
        stream.write(request);
      });
    const services = (await ask({ listServices: "*" })).listServicesResponse?.service.map(({ name }) => name) ?? [];
    assert.ok(services.includes("hosttrail.v1.QueryService"), services.join(", "));
    assert.ok(services.includes("grpc.health.v1.Health"), services.join(", "));

    const files = (await ask({ fileContainingSymbol: "hosttrail.v1.QueryService" })).fileDescriptorResponse;
    const { FileDescriptorProto } = await descriptorTypes();
    const file = (files?.fileDescriptorProto ?? []).map((bytes) => FileDescriptorProto.decode(bytes));
    const definitions = loadPackageDefinition(loadFileDescriptorSetFromObject({ file })) as unknown as {
      hosttrail: { v1: { QueryService: new (...args: unknown[]) => Client & Record<string, CallableFunction> } };
    };
    const dynamic = new definitions.hosttrail.v1.QueryService(address, credentials);
    const answer = await new Promise<{ hosts: { host_id: string }[] }>((resolve, reject) => {
      dynamic["ListHosts"]?.({}, (error: unknown, response: { hosts: { host_id: string }[] }) =>
        error === null ? resolve(response) : reject(error),
      );
    });
    assert.deepEqual(
      answer.hosts.map((host) => host.host_id),
      [stack.hostId],
    );
    dynamic.close();
    reflection.close();
  });

  it("stands beside a health service that says SERVING", async () => {
    const health = new Client(`localhost:${stack.queryPort}`, credentialsOf(stack, stack.user));
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const bytes = (value: Buffer): Buffer => value;
      health.makeUnaryRequest("/grpc.health.v1.Health/Check", bytes, bytes, Buffer.alloc(0), (error, value) =>
        error === null && value !== undefined ? resolve(value) : reject(error),
      );
    });
    assert.deepEqual([...answer], [8, 1]);
    health.close();
  });
});

/** google.protobuf.FileDescriptorProto, by which protobufjs reads descriptors. */
async function descriptorTypes(): Promise<{ FileDescriptorProto: { decode(bytes: Buffer): object } }> {
  const require = createRequire(import.meta.resolve("@grpc/proto-loader"));
  return require("protobufjs/ext/descriptor") as { FileDescriptorProto: { decode(bytes: Buffer): object } };
}

describe("the CLI", () => {
  it("lists hosts", async () => {
    const { stdout } = await hosttrail("hosts");
    assert.match(stdout, /^HOST +NAME +LAST EVENT/);
    assert.ok(stdout.includes(stack.hostId));
    const [line = ""] = (await hosttrail("hosts", "--json")).stdout.split("\n");
    assert.equal((JSON.parse(line) as { hostId: string }).hostId, stack.hostId);
  });

  it("searches, as a table and as JSON", async () => {
    const { stdout } = await hosttrail("search", "event.action = executed AND process.name = tar", "--limit", "3");
    assert.equal(stdout.trimEnd().split("\n").length, 4);
    assert.match(stdout, /tar czf app-6\.tar\.gz/);
    const json = (await hosttrail("search", "process.name = tar", "--limit", "2", "--json")).stdout
      .trimEnd()
      .split("\n");
    assert.equal(Event.fromJSON(JSON.parse(json[0] ?? "")).process?.name, "tar");
  });

  it("shows one event, also as the kernel wrote it", async () => {
    const { events } = await search(client, { filter: "event.action = executed", pageSize: 1 });
    const id = events[0]?.id ?? "";
    assert.match((await hosttrail("get", id)).stdout, /"action": "executed"/);
    const raw = (await hosttrail("get", id, "--raw")).stdout;
    assert.match(raw, /^type=SYSCALL msg=audit\(\d+\.\d{3}:\d+\): arch=c000003e syscall=59 success=yes/);
    assert.match(raw, /^type=EXECVE msg=audit\(.*argc=\d+ a0=/m);
  });

  it("says what is wrong, on standard error, and exits with 1 or 2", async () => {
    const failure = async (...args: string[]): Promise<{ code: number; stderr: string }> =>
      hosttrail(...args).then(
        () => assert.fail("no error"),
        (error: { code: number; stderr: string }) => error,
      );
    assert.match((await failure("search", "nope = 1")).stderr, /^hosttrail: filter, column 1: unknown field "nope"/);
    assert.match((await failure("get", "x")).stderr, /^hosttrail: id must be/);
    const gone = `${"0".repeat(32)}-${"0".repeat(16)}-${"0".repeat(16)}`;
    assert.match((await failure("get", gone)).stderr, /^hosttrail: no event/);
    assert.equal((await failure("dance")).code, 2);
    const { code, stderr } = await failure("search", "--since", "tomorrow");
    assert.match(stderr, /^hosttrail: --since: "tomorrow" is no time; allowed are .*yesterday/);
    assert.equal(code, 2);
  });

  it("follows events as they arrive", async () => {
    const tail = spawn(
      process.execPath,
      [CLI, "--profile", stack.profileFile, "tail", "process.name = tar", "--json"],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    let text = "";
    tail.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    try {
      // A second replay gives the same events in a new epoch.
      await eventually("the tail", 60_000, async () => {
        if (!stack.agent.running) stack.startAgent();
        return text.includes('"tar"') || undefined;
      });
    } finally {
      tail.kill("SIGTERM");
    }
    const code = await new Promise((resolve) => tail.once("exit", resolve));
    assert.equal(code, 0);
  });
});
