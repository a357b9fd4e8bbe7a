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
import type { Timestamp } from "@hosttrail/proto/timestamp";
import { type Answers, type Gate, serviceError } from "../serve/index.ts";
import type { Directory } from "./channel.ts";
import { heldTotal } from "./rate.ts";
import { titleOf } from "./text.ts";

const PAGE_SIZE_DEFAULT = 100;
const PAGE_SIZE_MAX = 1000;
/** Longer than any target may take. */
const TEST_TIMEOUT_MS = 70_000;
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
      listRoutes: gate.unary(ListRoutesRequest, async () => {
        const states = [...(await this.#directory.states())].toSorted(([a], [b]) => (a < b ? -1 : 1));
        const routes: NotifyRoute[] = [];
        for (const [name, state] of states) routes.push(toRoute(name, state, await this.#directory.waiting(name)));
        return { response: { routes }, results: routes.length };
      }),
      testNotification: gate.change(TestNotificationRequest, async ({ route }) => {
        const names = [...(await this.#directory.states()).keys()].filter((name) => route === "" || name === route);
        if (names.length === 0)
          throw noSuch("ROUTE_NOT_FOUND", route === "" ? "there is no route" : `no route ${route}`);
        const routes = await Promise.all(names.toSorted().map((name) => this.#test(name)));
        return { response: { routes }, results: routes.length };
      }),
      listDeadLetters: gate.unary(ListDeadLettersRequest, (request) => this.#listDeadLetters(request)),
      redeliverDeadLetter: gate.change(RedeliverDeadLetterRequest, async ({ id }) => {
        await this.#redeliver(placeOf(id, "id"));
        return { response: {}, results: 0 };
      }),
    };
  }

  async #test(name: string): Promise<TestedRoute> {
    return (await this.#directory.askTest(name, TEST_TIMEOUT_MS)) ?? { name, delivered: false, error: NO_ROUTE };
  }

  async #listDeadLetters({
    pageSize,
    pageToken,
    route,
  }: ListDeadLettersRequest): Promise<Answers<{ deadLetters: DeadLetter[]; nextPageToken: string }>> {
    if (pageSize < 0 || pageSize > PAGE_SIZE_MAX)
      throw serviceError(
        status.INVALID_ARGUMENT,
        "PAGE_SIZE_INVALID",
        `page_size is ${pageSize}; allowed are 0 to ${PAGE_SIZE_MAX}`,
      );
    if (!/^[a-z0-9-]{0,63}$/.test(route)) throw noSuch("ROUTE_NOT_FOUND", "no route has such a name");
    const size = pageSize === 0 ? PAGE_SIZE_DEFAULT : pageSize;
    const after = pageToken === "" ? 0 : placeOf(pageToken, "page_token");
    const found = await this.#directory.letters(route, after, size + 1);
    const page = found.slice(0, size);
    const nextPageToken = found.length > size ? String(page.at(-1)?.sequence ?? "") : "";
    return { response: { deadLetters: page.map(toDeadLetter), nextPageToken }, results: page.length };
  }

  async #redeliver(sequence: number): Promise<void> {
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
  }
}

function noSuch(reason: string, message: string): Error {
  return serviceError(status.NOT_FOUND, reason, message);
}

/** Ids and tokens are places in the stream. */
function placeOf(text: string, name: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text))
    throw serviceError(status.INVALID_ARGUMENT, "ID_INVALID", `${name} is not one that this API gave out`);
  return Number(text);
}

function toTimestamp(timeMs: bigint): Timestamp | undefined {
  return timeMs === 0n ? undefined : { seconds: timeMs / 1000n, nanos: Number(timeMs % 1000n) * 1_000_000 };
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
    lastDeliveryTime: toTimestamp(state.deliveredUnixMilli),
    lastError: state.lastError,
    lastErrorTime: toTimestamp(state.lastErrorUnixMilli),
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
    time: toTimestamp(letter.timeUnixMilli),
  };
}
