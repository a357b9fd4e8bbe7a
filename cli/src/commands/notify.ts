/** Commands about who is told of alerts. */
import {
  DeadLetter,
  type ListDeadLettersResponse,
  type ListRoutesResponse,
  NotifyRoute,
  type NotifyServiceClient,
  type RedeliverDeadLetterResponse,
  TestedRoute,
  type TestNotificationResponse,
} from "@hosttrail/proto/notify";
import { call } from "../call.ts";
import { printable, timeOf } from "../text.ts";
import type { Output } from "../output/index.ts";

const ROUTE_HEADER = [
  "ROUTE",
  "TARGET",
  "ADDRESS",
  "DELIVERED",
  "FAILED",
  "HELD BACK",
  "DEAD",
  "WAITING",
  "LAST ERROR",
];

/** `hosttrail notify routes` */
export async function listRoutes(client: NotifyServiceClient, { json, print, table }: Output): Promise<void> {
  const { routes } = await call<ListRoutesResponse>((done) => client.listRoutes({}, done));
  if (json) {
    for (const route of routes) print(`${JSON.stringify(NotifyRoute.toJSON(route))}\n`);
    return;
  }
  const rows = routes.map((route) => {
    const { name, target, address, delivered, failed, heldBack, dead, waiting, lastError, lastErrorTime } = route;
    const counts = [delivered, failed, heldBack, dead, waiting].map(String);
    const error = lastError === "" ? "" : `${timeOf(lastErrorTime)} ${lastError}`;
    return [name, target, address, ...counts, error].map(printable);
  });
  print(table([ROUTE_HEADER, ...rows]));
}

/** `hosttrail notify test [ROUTE]`; the exit status: 1 where one was not delivered. */
export async function testNotification(
  client: NotifyServiceClient,
  route: string,
  { json, print, align }: Output,
): Promise<number> {
  const { routes } = await call<TestNotificationResponse>((done) => client.testNotification({ route }, done));
  if (json) for (const tested of routes) print(`${JSON.stringify(TestedRoute.toJSON(tested))}\n`);
  else {
    print(
      align(
        routes.map(({ name, delivered, error }) => [name, delivered ? "delivered" : "failed", error].map(printable)),
      ),
    );
  }
  return routes.every(({ delivered }) => delivered) ? 0 : 1;
}

const LETTER_HEADER = ["ID", "TIME", "ROUTE", "ALERT", "REASON", "TITLE"];

/** `hosttrail notify dead-letters [ROUTE]` */
export async function listDeadLetters(
  client: NotifyServiceClient,
  { route, limit }: { route: string; limit: number },
  { json, print, table, lack }: Output,
): Promise<void> {
  const found: DeadLetter[] = [];
  let pageToken = "";
  do {
    const request = { route, pageToken, pageSize: Math.min(limit - found.length, 1000) };
    const page = await call<ListDeadLettersResponse>((done) => client.listDeadLetters(request, done));
    found.push(...page.deadLetters);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && found.length < limit);
  if (json) for (const letter of found) print(`${JSON.stringify(DeadLetter.toJSON(letter))}\n`);
  else {
    const rows = found.map(({ id, time, route: name, alertId, reason, title }) =>
      [id, timeOf(time), name, alertId, reason, title].map(printable),
    );
    print(table([LETTER_HEADER, ...rows]));
  }
  if (pageToken !== "") lack(`there are more than ${limit}; see --limit`);
}

/** `hosttrail notify redeliver ID` */
export async function redeliver(client: NotifyServiceClient, id: string): Promise<void> {
  await call<RedeliverDeadLetterResponse>((done) => client.redeliverDeadLetter({ id }, done));
}
