/** NotifyService: what became of notifications, tests, and dead letters. Any process answers; those that have the routes work. */
import { status } from "@grpc/grpc-js";
import { AlertChange_Kind, Severity } from "@hosttrail/proto/alert";
import {
  type DeadLetter,
  ListDeadLettersRequest,
  ListRoutesRequest,
  type NotifyRoute,
  type NotifyServiceServer,
  RedeliverDeadLetterRequest,
  type RouteState,
  type TestedRoute,
  TestNotificationRequest,
  type UndeliveredNotification,
} from "@hosttrail/proto/notify";
import {
  type Answers,
  asServiceError,
  type Gate,
  invalidField,
  pageSizeOf,
  serviceError,
  timestampOf,
} from "../serve/index.ts";
import type { Directory } from "./channel.ts";
import { heldTotal } from "./rate.ts";
import { titleOf } from "./text.ts";

/** Longer than any target may take. */
const TEST_TIMEOUT_MS = 70_000;
const RETRY_MS = 1000;
const NO_ROUTE = "no process that runs has this route";

export class NotifyApi {
  readonly #directory: Directory;
  readonly #gate: Gate;

  constructor(directory: Directory, gate: Gate) {
    this.#directory = directory;
    this.#gate = gate;
  }

  /** The methods as grpc-js wants them. */
  get methods(): NotifyServiceServer {
    const gate = this.#gate;
    return {
      listRoutes: gate.unary(
        ListRoutesRequest,
        told(() => this.#listRoutes()),
      ),
      testNotification: gate.change(
        TestNotificationRequest,
        told(({ route }) => this.#testAll(route)),
      ),
      listDeadLetters: gate.unary(
        ListDeadLettersRequest,
        told((request) => this.#listDeadLetters(request)),
      ),
      redeliverDeadLetter: gate.change(
        RedeliverDeadLetterRequest,
        told(({ id }) => this.#redeliver(placeOf(id, "id"))),
      ),
    };
  }

  async #listRoutes(): Promise<Answers<{ routes: NotifyRoute[] }>> {
    const states = [...(await this.#directory.states())].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const routes: NotifyRoute[] = [];
    for (const [name, state] of states) routes.push(toRoute(name, state, await this.#directory.waiting(name)));
    return { response: { routes }, results: routes.length };
  }

  async #testAll(route: string): Promise<Answers<{ routes: TestedRoute[] }>> {
    const names = [...(await this.#directory.states()).keys()].filter((name) => route === "" || name === route);
    if (names.length === 0) throw noSuch("ROUTE_NOT_FOUND", route === "" ? "there is no route" : `no route "${route}"`);
    const routes = await Promise.all(names.toSorted().map((name) => this.#test(name)));
    return { response: { routes }, results: routes.length };
  }

  async #test(name: string): Promise<TestedRoute> {
    return (await this.#directory.askTest(name, TEST_TIMEOUT_MS)) ?? { name, delivered: false, error: NO_ROUTE };
  }

  async #listDeadLetters({
    pageSize,
    pageToken,
    route,
  }: ListDeadLettersRequest): Promise<Answers<{ deadLetters: DeadLetter[]; nextPageToken: string }>> {
    if (!/^[a-z0-9-]{0,63}$/.test(route)) throw noSuch("ROUTE_NOT_FOUND", "no route has such a name");
    const size = pageSizeOf(pageSize);
    const after = pageToken === "" ? 0 : placeOf(pageToken, "page_token");
    const found = await this.#directory.letters(route, after, size + 1);
    const page = found.slice(0, size);
    const nextPageToken = found.length > size ? String(page.at(-1)?.sequence ?? "") : "";
    return { response: { deadLetters: page.map(toDeadLetter), nextPageToken }, results: page.length };
  }

  async #redeliver(sequence: number): Promise<Answers<object>> {
    const letter = await this.#directory.letter(sequence);
    if (letter?.change?.alert === undefined) throw noSuch("DEAD_LETTER_NOT_FOUND", `no dead letter ${sequence}`);
    const { route, id, change } = letter;
    const notification = {
      id,
      route,
      alertSequence: 0n,
      change,
      severity: change.alert?.rule?.severity ?? Severity.UNSPECIFIED,
      queuedUnixMilli: BigInt(Date.now()),
      summary: false,
    };
    // By its place, since under its own id it was there before.
    await this.#directory.enqueue(notification, letter.change.alert.id, `${id} again ${sequence}`);
    await this.#directory.removeLetter(sequence);
    return { response: {}, results: 0 };
  }
}

/** Where the streams do not answer, that is said; the gate knows the database only. */
function told<Request, Response>(
  answer: (request: Request) => Promise<Answers<Response>>,
): (request: Request) => Promise<Answers<Response>> {
  return async (request) => {
    try {
      return await answer(request);
    } catch (error) {
      if (asServiceError(error) !== undefined) throw error;
      const text = `NATS did not answer: ${error instanceof Error ? error.message : String(error)}`;
      throw serviceError(status.UNAVAILABLE, "STREAM_UNAVAILABLE", text, {}, RETRY_MS);
    }
  };
}

function noSuch(reason: string, message: string): Error {
  return serviceError(status.NOT_FOUND, reason, message);
}

/** Ids and tokens are places in the stream. */
function placeOf(text: string, name: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw invalidField(name, text, "those that this API gave out");
  return Number(text);
}

function toRoute(name: string, state: RouteState, waiting: number): NotifyRoute {
  return {
    name,
    target: state.target,
    address: state.address,
    delivered: state.delivered,
    failed: state.failed,
    heldBack: heldTotal(state),
    dead: state.dead,
    waiting: BigInt(waiting),
    lastDeliveryTime: timestampOf(Number(state.deliveredUnixMilli)),
    lastError: state.lastError,
    lastErrorTime: timestampOf(Number(state.lastErrorUnixMilli)),
  };
}

function toDeadLetter({ sequence, letter }: { sequence: number; letter: UndeliveredNotification }): DeadLetter {
  const { change } = letter;
  const alert = change?.alert;
  const notice = { id: letter.id, kind: "opened" as const, timeMs: 0, actor: "", eventsLeftOut: 0, link: "" };
  return {
    id: String(sequence),
    route: letter.route,
    notificationId: letter.id,
    alertId: alert?.id ?? "",
    title: alert === undefined ? "" : titleOf({ ...notice, alert }),
    severity: alert?.rule?.severity ?? Severity.UNSPECIFIED,
    kind: change?.kind ?? AlertChange_Kind.UNSPECIFIED,
    reason: letter.reason,
    time: timestampOf(Number(letter.timeUnixMilli)),
  };
}
