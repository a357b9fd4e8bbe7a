/** What notifying needs of the streams. */
import type { AlertChange } from "@hosttrail/proto/alert";
import type { QueuedNotification, RouteState, TestedRoute, UndeliveredNotification } from "@hosttrail/proto/notify";
import type { Logger } from "@hosttrail/lib/log";
import type { TakenMessage } from "../model/index.ts";

type Take = (message: TakenMessage) => Promise<void>;

interface Consumption {
  concurrency: number;
  signal: AbortSignal;
}

/** Changes of alerts, as they are told. */
export interface Changes {
  consumeAlerts(options: Pick<Consumption, "signal">, take: Take, logger: Logger): Promise<void>;
}

/** See jetstream/notifications.ts. */
export interface Channel {
  prepare(routes: readonly string[]): Promise<void>;
  enqueue(notification: QueuedNotification, alertId: string, messageId: string): Promise<void>;
  consumeRoute(route: string, options: Consumption, take: Take, logger: Logger): Promise<void>;
  isFirst(message: Pick<TakenMessage, "subject" | "sequence">): Promise<boolean>;
  waiting(route: string): Promise<number>;
  change(sequence: bigint): Promise<AlertChange | undefined>;
  state(route: string): Promise<RouteState>;
  bury(letter: UndeliveredNotification): Promise<void>;
  changeState<Result>(route: string, change: (state: RouteState) => Result): Promise<Result>;
  onTest(route: string, test: () => Promise<TestedRoute>): { close: () => void };
}

/** What the API needs of them. */
export interface Directory {
  states(): Promise<Map<string, RouteState>>;
  waiting(route: string): Promise<number>;
  askTest(route: string, timeoutMs: number): Promise<TestedRoute | undefined>;
  letters(
    route: string,
    after: number,
    limit: number,
  ): Promise<{ sequence: number; letter: UndeliveredNotification }[]>;
  letter(sequence: number): Promise<UndeliveredNotification | undefined>;
  removeLetter(sequence: number): Promise<void>;
  enqueue(notification: QueuedNotification, alertId: string, messageId: string): Promise<void>;
}
