/** The API of blocks that could not be stored. See proto/hosttrail/v1/deadblock.proto for what each method means. */
import { type ServiceError, status } from "@grpc/grpc-js";
import { hex64, isHostId } from "@hosttrail/lib/block";
import type { Logger } from "@hosttrail/lib/log";
import {
  type DeadBlock,
  DeadBlock_StoredState as StoredState,
  type DeadBlockHeader,
  type DeadBlockServiceServer,
  DropDeadBlockRequest,
  type DropDeadBlockResponse,
  GetDeadBlockRequest,
  ListDeadBlocksRequest,
  type ListDeadBlocksResponse,
  ReplayDeadBlockRequest,
  type ReplayDeadBlockResponse,
  ReplayDeadBlockResponse_Outcome as OutcomeNumber,
} from "@hosttrail/proto/deadblock";
import { labelsKey } from "../access/index.ts";
import { metrics } from "../metrics/index.ts";
import type { DeadDecision, DeadLetter } from "../model/index.ts";
import {
  type Answers,
  asServiceError,
  checkText,
  type Gate,
  invalidField,
  pageSizeOf,
  type PageTokens,
  requestFingerprint,
  serviceError,
  timestampOf,
  TokenError,
  type Visit,
} from "../serve/index.ts";
import { lookAt } from "./look.ts";
import type { DeadBlockParts } from "./ports.ts";
import { type Outcome, replay } from "./replay.ts";

const WAIT_MS_MAX = 30_000;
const REASON_LENGTH_MAX = 256;
const CODE = /^(?:[A-Z][A-Z0-9_]{0,63})?$/;
/** Letters of others that one call looks at, at most: the page that it gives may be short. */
const LOOKED_MAX = 2000;
const LETTERS_AT_ONCE = 100;
const RETRY_MS = 1000;
const NANOS_OF_MS = 1_000_000n;

export interface DeadBlockApiParts extends DeadBlockParts {
  gate: Gate;
  tokens: PageTokens;
}

export class DeadBlockApi {
  readonly #parts: DeadBlockApiParts;
  readonly #logger: Logger;

  constructor(parts: DeadBlockApiParts, logger: Logger) {
    this.#parts = parts;
    this.#logger = logger;
  }

  /** The methods as grpc-js wants them. */
  get methods(): DeadBlockServiceServer {
    const { gate } = this.#parts;
    return {
      listDeadBlocks: gate.unary(
        ListDeadBlocksRequest,
        told((request, visit) => this.#list(request, visit)),
      ),
      getDeadBlock: gate.unary(
        GetDeadBlockRequest,
        told((request, visit) => this.#get(request, visit)),
      ),
      replayDeadBlock: gate.change(
        ReplayDeadBlockRequest,
        told((request, visit) => this.#replay(request, visit)),
      ),
      dropDeadBlock: gate.change(
        DropDeadBlockRequest,
        told((request, visit) => this.#drop(request, visit)),
      ),
    };
  }

  async #list(request: ListDeadBlocksRequest, visit: Visit): Promise<Answers<ListDeadBlocksResponse>> {
    const { tokens } = this.#parts;
    const { hostId, reason } = request;
    if (hostId !== "" && !isHostId(hostId))
      throw invalidField("host_id", hostId, "32 lower case hex digits, or none for all hosts");
    if (!CODE.test(reason)) throw invalidField("reason", reason, 'codes as "PAYLOAD_MALFORMED", or none for all');
    const size = pageSizeOf(request.pageSize);
    const fingerprint = requestFingerprint([
      "dead blocks",
      hostId,
      reason,
      visit.caller.name,
      labelsKey(visit.caller.scope),
    ]);
    const after = request.pageToken === "" ? 0 : Number(await tokens.decode(request.pageToken, fingerprint));
    const { page, next } = await this.#page({ hostId, reason }, visit, after, size);
    const response = {
      deadBlocks: page.map(messageOf),
      nextPageToken: next === undefined ? "" : await tokens.encode(fingerprint, String(next)),
      pushedOut: visit.hosts === undefined ? await this.#pushedOut() : 0n,
    };
    return { response, results: page.length };
  }

  /** Those that are there for the caller, and the place to go on from; undefined at the end. */
  async #page(
    about: { hostId: string; reason: string },
    { hosts }: Visit,
    after: number,
    size: number,
  ): Promise<{ page: DeadLetter[]; next: number | undefined }> {
    const page: DeadLetter[] = [];
    // Another team's host is as one of which nothing died.
    if (about.hostId !== "" && hosts?.has(about.hostId) === false) return { page, next: undefined };
    let place = after;
    for (let looked = 0; looked < LOOKED_MAX; ) {
      const some = await this.#parts.letters.letters(about, place, LETTERS_AT_ONCE);
      for (const letter of some) {
        if (page.length === size) return { page, next: place };
        place = letter.sequence;
        if (hosts?.has(letter.block.hostId) !== false) page.push(letter);
      }
      if (some.length < LETTERS_AT_ONCE) return { page, next: undefined };
      looked += some.length;
    }
    return { page, next: place };
  }

  /** What neither lies there nor was taken out by a person. */
  async #pushedOut(): Promise<bigint> {
    const { letters, record } = this.#parts;
    const { createdMs, buried, kept } = await letters.state();
    return BigInt(Math.max(0, buried - kept - (await record.countDecisions(createdMs))));
  }

  async #get({ id }: GetDeadBlockRequest, visit: Visit): Promise<Answers<DeadBlock>> {
    const letter = await this.#letter(id, visit);
    const { header, problems } = lookAt(letter.block);
    const isStored = header !== undefined && (await this.#parts.isStored(letter.block, header));
    const response = {
      ...messageOf(letter),
      header: header && headerOf(header),
      problems,
      stored: isStored ? StoredState.STORED : StoredState.NOT_STORED,
    };
    return { response, results: 1 };
  }

  async #letter(id: string, { hosts }: Visit): Promise<DeadLetter> {
    if (!/^[1-9]\d{0,14}$/.test(id)) throw invalidField("id", id, "those that ListDeadBlocks gives");
    const letter = await this.#parts.letters.letter(Number(id));
    if (letter === undefined || hosts?.has(letter.block.hostId) === false)
      throw serviceError(status.NOT_FOUND, "DEAD_BLOCK_NOT_FOUND", `no dead block ${id}`);
    return letter;
  }

  async #replay({ id, waitMs }: ReplayDeadBlockRequest, visit: Visit): Promise<Answers<ReplayDeadBlockResponse>> {
    if (waitMs < 0 || waitMs > WAIT_MS_MAX) throw invalidField("wait_ms", waitMs, `0 to ${WAIT_MS_MAX}`);
    const letter = await this.#letter(id, visit);
    const outcome = await replay(this.#parts, letter, waitMs);
    const isOver = outcome.kind === "stored" || (outcome.kind === "dead" && outcome.letter !== undefined);
    if (isOver) await this.#takeOut(letter, visit, "replayed", outcome.kind);
    metrics.deadBlocks.inc({ result: outcome.kind });
    const { block } = letter;
    this.#logger.info({ block: block.id, letter: id, caller: visit.caller.name, outcome }, "a dead block was replayed");
    return { response: outcomeOf(outcome, letter), results: 1 };
  }

  async #drop({ id, reason }: DropDeadBlockRequest, visit: Visit): Promise<Answers<DropDeadBlockResponse>> {
    const why = checkText("reason", reason.trim(), { min: 1, max: REASON_LENGTH_MAX });
    const letter = await this.#letter(id, visit);
    await this.#takeOut(letter, visit, "dropped", why);
    metrics.deadBlocks.inc({ result: "dropped" });
    this.#logger.warn(
      { block: letter.block.id, letter: id, caller: visit.caller.name, why },
      "a dead block was dropped",
    );
    return { response: {}, results: 1 };
  }

  /** What was decided is kept first: who ends between the two steps leaves a letter that can be taken out again. */
  async #takeOut(letter: DeadLetter, { caller }: Visit, kind: DeadDecision["kind"], why: string): Promise<void> {
    const { letters, record } = this.#parts;
    const { sequence, reason, events, block } = letter;
    const { createdMs } = await letters.state();
    const about = { hostId: block.hostId, blockId: block.id, events, reason };
    await record.addDecision({
      ...about,
      streamMs: createdMs,
      sequence,
      kind,
      why,
      caller: caller.name,
      timeMs: Date.now(),
    });
    await letters.remove(sequence);
  }
}

function messageOf({ sequence, timeMs, reason, detail, deliveries, events, block }: DeadLetter): DeadBlock {
  return {
    id: String(sequence),
    blockId: block.id,
    hostId: block.hostId,
    hostName: block.hostName,
    reason,
    detail,
    time: timestampOf(timeMs),
    sizeBytes: BigInt(block.bytes.length),
    deliveries,
    events,
    headerSha256: block.headerSha256,
    signer: block.signer,
    header: undefined,
    problems: [],
    stored: StoredState.UNSPECIFIED,
  };
}

function headerOf(header: NonNullable<ReturnType<typeof lookAt>["header"]>): DeadBlockHeader {
  const { formatVersion, epoch, firstSeq, count, bootId, agentVersion, columnsBytes } = header;
  return {
    formatVersion,
    epoch: hex64(epoch),
    firstSeq,
    count,
    firstEventTime: timeOf(header.firstTimeUnixNano),
    lastEventTime: timeOf(header.lastTimeUnixNano),
    bootId,
    agentVersion,
    columnsBytes: BigInt(columnsBytes),
    previousHeaderSha256: Buffer.from(header.previousHeaderSha256).toString("hex"),
  };
}

/** To the millisecond; none where a Timestamp cannot say it. */
function timeOf(timeNano: bigint): ReturnType<typeof timestampOf> {
  const timeMs = timeNano / NANOS_OF_MS;
  return timeMs < 0n || timeMs > 253_402_300_799_999n ? undefined : timestampOf(Number(timeMs));
}

function outcomeOf(outcome: Outcome, { sequence }: DeadLetter): ReplayDeadBlockResponse {
  switch (outcome.kind) {
    case "stored":
      return { outcome: OutcomeNumber.STORED, detail: "it is stored, and no dead letter any more", newId: "" };
    case "waiting":
      return {
        outcome: OutcomeNumber.WAITING,
        detail: "the stream took it, and it is not stored yet: look again later",
        newId: "",
      };
    case "duplicate":
      return {
        outcome: OutcomeNumber.DUPLICATE,
        detail:
          "the stream had the same block within its duplicate window, two minutes, and did not take it again: replay it later",
        newId: "",
      };
    default:
      return {
        outcome: OutcomeNumber.DEAD,
        detail: `${outcome.reason}: ${outcome.detail}`,
        newId: String(outcome.letter ?? sequence),
      };
  }
}

/** Where stream or database do not answer, that is said; what the caller did wrong as well. */
function told<Request, Response>(
  answer: (request: Request, visit: Visit) => Promise<Answers<Response>>,
): (request: Request, visit: Visit) => Promise<Answers<Response>> {
  return async (request, visit) => {
    try {
      return await answer(request, visit);
    } catch (error) {
      if (asServiceError(error) !== undefined || error instanceof TokenError) throw error;
      throw unavailable(error);
    }
  };
}

function unavailable(error: unknown): ServiceError {
  const text = `stream or database did not answer: ${error instanceof Error ? error.message : String(error)}`;
  return serviceError(status.UNAVAILABLE, "STREAM_UNAVAILABLE", text, {}, RETRY_MS);
}
