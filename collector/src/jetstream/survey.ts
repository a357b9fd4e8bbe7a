/** Looks at a NATS server: its version and bounds, its streams and consumers beside the plan. And makes them as planned. */
import { type JetStreamManager, jetstreamManager, type StreamInfo } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { BLOCK_BYTES_MAX } from "@hosttrail/lib/block";
import { type BlockStreamsOptions, listBlockStreams, presentOf, removeDrained, spreadBlocks } from "./blockstreams.ts";
import { consumerDifferences, type Difference, streamDifferences } from "./differences.ts";
import { ensureConsumer, findConsumer, findStream } from "./ensure.ts";
import { isWhole, layoutOf, partitionsOf, takingStreams } from "./layout.ts";
import { STORE_CONSUMER } from "./names.ts";
import { blocksPlan, sidePlans, storeConsumer, type StreamPlan } from "./plan.ts";
import { problemsOf } from "./versions.ts";

/** A line of what was found. */
export interface Finding {
  level: "ok" | "change" | "warning" | "failed";
  text: string;
}

const HEADERS_BYTES_MAX = 2048;

export class Survey {
  readonly #connection: NatsConnection;
  readonly #options: BlockStreamsOptions;

  constructor(connection: NatsConnection, options: BlockStreamsOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Everything that is otherwise than it should be, and what is in order. */
  async look(): Promise<Finding[]> {
    const findings = this.#server();
    const manager = await jetstreamManager(this.#connection);
    findings.push(...(await this.#room(manager)));
    const blocks = await listBlockStreams(manager);
    findings.push(...this.#layout(blocks));
    for (const info of blocks) {
      const taking = partitionsOf(presentOf(info)).length > 0;
      if (!taking) {
        const messages = info.state.messages;
        findings.push({
          level: messages > 0 ? "ok" : "change",
          text: `${info.config.name}: drained, ${messages} blocks left`,
        });
      } else findings.push(...(await this.#blocks(manager, info, takingStreams(blocks.map(presentOf)))));
    }
    for (const plan of sidePlans(this.#options)) findings.push(...(await this.#side(manager, plan)));
    return findings;
  }

  /** Makes what differs as planned, as far as a server can; what was done. */
  async apply(): Promise<string[]> {
    const manager = await jetstreamManager(this.#connection);
    const done: string[] = [];
    const before = await listBlockStreams(manager);
    const { streams, drained } = layoutOf(before.map(presentOf), this.#options.streams);
    await spreadBlocks(manager, this.#options);
    for (const { name, isNew, subjects } of streams) {
      const info = before.find(({ config }) => config.name === name);
      const plan = blocksPlan(name, subjects, this.#options.streams, this.#options);
      if (isNew) done.push(`${name}: made`);
      else if (info !== undefined) done.push(...changed(streamDifferences(info.config, plan)));
      done.push(...(await this.#consumer(manager, name)));
    }
    for (const { config } of before)
      if (drained.includes(config.name) && partitionsOf(presentOf({ config })).length > 0)
        done.push(`${config.name}: takes no more blocks`);
    for (const name of await removeDrained(manager)) done.push(`${name}: was drained, removed`);
    for (const plan of sidePlans(this.#options)) {
      const present = await findStream(manager, plan.name);
      if (present === undefined) {
        await manager.streams.add(plan);
        done.push(`${plan.name}: made`);
        continue;
      }
      const differences = streamDifferences(present.config, plan).filter(({ canChange }) => canChange);
      if (differences.length === 0) continue;
      await manager.streams.update(plan.name, { ...present.config, ...changeable(plan, differences) });
      done.push(...changed(differences));
    }
    return done;
  }

  #server(): Finding[] {
    const { version = "", max_payload: maxPayload = 0, jetstream = false } = this.#connection.info ?? {};
    const findings: Finding[] = problemsOf(version, this.#options.replicas).map(({ isFatal, what }) => ({
      level: isFatal ? "failed" : "warning",
      text: what,
    }));
    if (findings.length === 0) findings.push({ level: "ok", text: `nats-server ${version}` });
    if (!jetstream) findings.push({ level: "warning", text: "this server says of itself that it has no JetStream" });
    const needed = BLOCK_BYTES_MAX + HEADERS_BYTES_MAX;
    findings.push(
      maxPayload >= needed
        ? { level: "ok", text: `max_payload is ${maxPayload} bytes` }
        : { level: "failed", text: `max_payload is ${maxPayload} bytes; blocks may need ${needed}` },
    );
    return findings;
  }

  /** Whether what is planned has room in the account. */
  async #room(manager: JetStreamManager): Promise<Finding[]> {
    const { limits, storage, reserved_storage: reserved } = await manager.getAccountInfo();
    const most = limits.max_storage;
    const sides = sidePlans(this.#options).reduce((sum, { max_bytes: bytes = 0 }) => sum + bytes, 0);
    const needed = this.#options.streamBytesMax + sides;
    if (most > 0 && most < needed)
      return [{ level: "failed", text: `the account may store ${most} bytes; the streams may need ${needed}` }];
    return [
      { level: "ok", text: `${storage} bytes stored, ${reserved ?? 0} reserved; the streams may need ${needed}` },
    ];
  }

  #layout(blocks: readonly StreamInfo[]): Finding[] {
    const present = blocks.map(presentOf);
    const { streams: wanted } = this.#options;
    const taking = takingStreams(present);
    if (!isWhole(present))
      return [{ level: "change", text: `blocks: ${wanted} streams for 64 partitions are to be made` }];
    if (taking !== wanted)
      return [
        {
          level: "change",
          text: `blocks: ${taking} streams take them, planned are ${wanted}; the old ones are drained`,
        },
      ];
    return [{ level: "ok", text: `blocks: ${taking} streams take 64 partitions` }];
  }

  async #blocks(manager: JetStreamManager, { config, cluster }: StreamInfo, streams: number): Promise<Finding[]> {
    const plan = blocksPlan(config.name, config.subjects ?? [], streams, this.#options);
    const findings = shown(streamDifferences(config, plan));
    const present = await findConsumer(manager, config.name, STORE_CONSUMER);
    if (present === undefined)
      findings.push({ level: "change", text: `${config.name}: its consumer ${STORE_CONSUMER} is to be made` });
    else findings.push(...shown(consumerDifferences(config.name, present.config, storeConsumer(this.#options))));
    const behind = (cluster?.replicas ?? []).filter(({ current, offline }) => !current || offline);
    for (const { name } of behind)
      findings.push({ level: "warning", text: `${config.name}: its copy on ${name} is behind or away` });
    const leader = cluster?.leader ?? "";
    return findings.length > 0
      ? findings
      : [{ level: "ok", text: `${config.name}: as planned${leader === "" ? "" : `, its leader is ${leader}`}` }];
  }

  async #side(manager: JetStreamManager, plan: StreamPlan): Promise<Finding[]> {
    const present = await findStream(manager, plan.name);
    if (present === undefined) return [{ level: "change", text: `${plan.name}: is to be made` }];
    const findings = shown(streamDifferences(present.config, plan));
    return findings.length > 0 ? findings : [{ level: "ok", text: `${plan.name}: as planned` }];
  }

  async #consumer(manager: JetStreamManager, stream: string): Promise<string[]> {
    const plan = storeConsumer(this.#options);
    const present = await findConsumer(manager, stream, plan.durable_name);
    if (present === undefined) {
      await ensureConsumer(manager, stream, plan);
      return [`${stream}: its consumer ${plan.durable_name} made`];
    }
    const differences = consumerDifferences(stream, present.config, plan).filter(({ canChange }) => canChange);
    if (differences.length === 0) return [];
    await manager.consumers.update(stream, plan.durable_name, { ...plan, max_deliver: -1 });
    return changed(differences);
  }
}

function shown(differences: readonly Difference[]): Finding[] {
  return differences.map(({ of, setting, present, planned, canChange, why }) => ({
    level: canChange ? "change" : "failed",
    text: `${of}: ${setting} is ${present}, planned is ${planned}${canChange ? "" : "; the server cannot change it: drain it and make another"}${why === "" ? "" : ` (${why})`}`,
  }));
}

function changed(differences: readonly Difference[]): string[] {
  return differences
    .filter(({ canChange }) => canChange)
    .map(({ of, setting, present, planned }) => `${of}: ${setting} ${present} -> ${planned}`);
}

function changeable(plan: StreamPlan, differences: readonly Difference[]): Partial<StreamPlan> {
  const settings = new Set(differences.map(({ setting }) => setting));
  const wanted = { max_msgs: -1, max_msg_size: -1, ...plan };
  return Object.fromEntries(Object.entries(wanted).filter(([setting]) => settings.has(setting)));
}
