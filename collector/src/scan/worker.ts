/**
 * Threads that open segments and look for events in them, so that the process goes on with everything else meanwhile. The program is one
 * file where it is packaged, so a thread begins with whatever file this is in, and is told what it is by its data.
 */
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { BlockError, type BlockErrorCode } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { compileFilter, type Filter } from "@hosttrail/lib/predicate";
import { openPayload, type Unit } from "../history/index.ts";
import type { SequenceRange } from "../model/index.ts";
import { planOf, type Reduce, reduceAtOnce, type Reduced } from "../reduce/index.ts";
import { matchesIn } from "./match.ts";

const NAME = "hosttrail-scan";
/** A segment at its largest takes some hundred MiB while it is read. */
const HEAP_MAX_MIB = 1024;
/** Filters that a thread keeps understood. */
const FILTERS_MAX = 64;
/** Agents and alerts go first: who asks can wait longer. */
const NICE = 10;

/** What is to be looked for, and in what. */
export interface ThreadJob {
  /** Without its bytes. */
  unit: Unit;
  /** Of its payload; not to be used after this. */
  bytes: Uint8Array;
  /** As Filter.text has it. */
  filter: string;
  startNano: bigint;
  endNano: bigint;
  only: readonly SequenceRange[] | undefined;
  /** What is to be made of the events, where they themselves are not asked for. */
  reduce?: Reduce | undefined;
}

export interface ThreadFound {
  /** None where `reduced` has them. */
  matches: Uint32Array;
  /** What was made of the events, in place of the payload; undefined where that was not asked for, or is more than is sent at once. */
  reduced?: Reduced | undefined;
  /** The payload, and what it is when decompressed, where something matches and was not reduced. */
  payload: { bytes: Uint8Array; content: Uint8Array } | undefined;
  openMs: number;
  matchMs: number;
}

type Answer = { found: ThreadFound } | { damage: { code: BlockErrorCode; place: string; detail: string } };

const NO_MATCHES = new Uint32Array(0);
const filters = new Map<string, Filter>();

if (!isMainThread && workerData === NAME) {
  giveWay();
  parentPort?.on("message", (job: ThreadJob) => {
    const answer = answerTo(job);
    const payload = "found" in answer ? answer.found.payload : undefined;
    const moved =
      payload === undefined ? [] : [payload.bytes.buffer as ArrayBuffer, payload.content.buffer as ArrayBuffer];
    parentPort?.postMessage(answer, moved);
  });
}

/** To Linux a thread is a process whose niceness is its own: "self" leads to `<process>/task/<thread>`. */
function giveWay(): void {
  try {
    setPriority(Number(readlinkSync("/proc/thread-self").split("/").at(-1)), NICE);
  } catch {
    // Where that is forbidden, or /proc is not there, it works as all others do.
  }
}

function answerTo({ unit, bytes, filter, reduce, ...range }: ThreadJob): Answer {
  try {
    let content: Uint8Array | undefined;
    const startMs = performance.now();
    const { events } = openPayload(unit, bytes, {
      ...nodePrimitives,
      decompress(compressed, bytesMax) {
        content = nodePrimitives.decompress(compressed, bytesMax);
        return content;
      },
    });
    const openedMs = performance.now();
    const matches = matchesIn(events, { ...range, filter: filterOf(filter) }, unit);
    const matchMs = performance.now() - openedMs;
    const times = { openMs: openedMs - startMs, matchMs };
    const reduced = reduce && matches.length > 0 ? reduceAtOnce(events, matches, planOf(reduce)) : undefined;
    if (reduced !== undefined) return { found: { matches: NO_MATCHES, reduced, payload: undefined, ...times } };
    const hasMatches = matches.length > 0 && content !== undefined;
    const payload = hasMatches ? { bytes, content: alone(content as Uint8Array) } : undefined;
    return { found: { matches: Uint32Array.from(matches), reduced, payload, ...times } };
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    return { damage: { code: error.code, place: error.place, detail: error.detail } };
  }
}

function filterOf(text: string): Filter {
  let filter = filters.get(text);
  if (filter === undefined) {
    filter = compileFilter(text);
    filters.set(text, filter);
    if (filters.size > FILTERS_MAX) filters.delete(filters.keys().next().value ?? "");
  }
  return filter;
}

/** Bytes of which the whole buffer can be given away. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

/** The thread ended while it worked: what it was given may be why. */
export class ThreadError extends Error {
  override readonly name = "ThreadError";
}

/** One job at a time. */
export class ScanThread {
  readonly #worker: Worker;
  #settle: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;
  #ended: ThreadError | undefined;
  /** True once the thread has begun to listen. */
  isReady = false;

  constructor() {
    this.#worker = new Worker(new URL(import.meta.url), {
      workerData: NAME,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MIB },
    });
    const failed = (error: unknown): void => {
      this.#ended ??= new ThreadError(`the thread ended: ${error instanceof Error ? error.message : String(error)}`);
      this.#settle?.reject(this.#ended);
      this.#settle = undefined;
    };
    this.#worker
      .on("online", () => {
        this.isReady = true;
      })
      .on("message", (answer: Answer) => {
        this.#settle?.resolve(answer);
        this.#settle = undefined;
      })
      .on("error", failed)
      .on("exit", (code) => failed(`it exited with ${code}`));
    this.#worker.unref();
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Throws a BlockError where the unit is damaged, and a ThreadError where the job ended the thread. */
  async find(job: ThreadJob): Promise<ThreadFound> {
    if (this.#ended !== undefined) throw this.#ended;
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#worker.ref();
      this.#worker.postMessage(job, [job.bytes.buffer as ArrayBuffer]);
    }).finally(() => this.#worker.unref());
    if ("found" in answer) return answer.found;
    const { code, place, detail } = answer.damage;
    throw new BlockError(code, place, detail);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
