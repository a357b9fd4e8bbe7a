/** Commands about exceptions and silences. */
import {
  type AlertServiceClient,
  type ListSuppressionsResponse,
  PreviewSuppressionResponse,
  Suppression,
  Suppression_Kind as Kind,
} from "@hosttrail/proto/alert";
import { call } from "../call.ts";
import { labelsOf, parseLabels } from "../labels.ts";
import { printable, timeOf } from "../text.ts";
import { parseDuration } from "../time.ts";
import type { Output } from "../output/index.ts";

export interface SuppressionOptions {
  kind: string;
  rules: readonly string[];
  hostId: string;
  labels: readonly string[];
  tags: readonly string[];
  filter: string;
  reason: string;
  /** How long it holds, as "7d". */
  expires: string;
}

const KINDS: Readonly<Record<string, Kind>> = { exception: Kind.EXCEPTION, silence: Kind.SILENCE };

function suppressionOf(options: SuppressionOptions): Suppression {
  const kind = Object.hasOwn(KINDS, options.kind) ? KINDS[options.kind] : undefined;
  if (kind === undefined) throw new Error(`--kind is "${options.kind}"; allowed are exception and silence`);
  if (options.expires === "") throw new Error("--expires must say how long it holds, as 7d");
  const endMs = Date.now() + parseDuration("--expires", options.expires) * 1000;
  return Suppression.fromPartial({
    kind,
    reason: options.reason,
    ruleKeys: [...options.rules],
    hostIds: options.hostId === "" ? [] : [options.hostId],
    labels: parseLabels("--label", options.labels),
    tags: parseLabels("--tag", options.tags),
    filter: options.filter,
    expireTime: { seconds: BigInt(Math.floor(endMs / 1000)), nanos: 0 },
  });
}

const HEADER = ["ID", "KIND", "EXPIRES", "HIDDEN", "LAST HIDDEN", "OWNER", "OF", "REASON"];

function rowOf(suppression: Suppression): string[] {
  const { id, kind, expireTime, hidden, lastHiddenTime, owner, reason } = suppression;
  const { ruleKeys, hostIds, labels, tags, filter } = suppression;
  const of = [
    ...ruleKeys.map((key) => `rule ${key}`),
    ...hostIds.map((host) => `host ${host}`),
    ...(labelsOf(labels) === "" ? [] : [`label ${labelsOf(labels)}`]),
    ...(labelsOf(tags) === "" ? [] : [`tag ${labelsOf(tags)}`]),
    ...(filter === "" ? [] : [filter]),
  ].join("; ");
  const name = kind === Kind.SILENCE ? "silence" : "exception";
  return [id, name, timeOf(expireTime), String(hidden), timeOf(lastHiddenTime), owner, of, reason].map(printable);
}

function show(suppression: Suppression, { json, print, table }: Output): void {
  print(json ? `${JSON.stringify(Suppression.toJSON(suppression))}\n` : table([HEADER, rowOf(suppression)]));
}

/** `hosttrail suppression list` */
export async function listSuppressions(
  client: AlertServiceClient,
  showExpired: boolean,
  { json, print, table }: Output,
): Promise<void> {
  const rows = [HEADER];
  let pageToken = "";
  do {
    const page = await call<ListSuppressionsResponse>((done) =>
      client.listSuppressions({ pageSize: 1000, pageToken, showExpired }, done),
    );
    for (const suppression of page.suppressions) {
      if (json) print(`${JSON.stringify(Suppression.toJSON(suppression))}\n`);
      rows.push(rowOf(suppression));
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  if (!json) print(table(rows));
}

/** `hosttrail suppression create` */
export async function createSuppression(
  client: AlertServiceClient,
  options: SuppressionOptions,
  allowTruePositives: boolean,
  output: Output,
): Promise<void> {
  const suppression = suppressionOf(options);
  show(await call<Suppression>((done) => client.createSuppression({ suppression, allowTruePositives }, done)), output);
}

/** `hosttrail suppression expire` */
export async function expireSuppression(client: AlertServiceClient, id: string, output: Output): Promise<void> {
  show(await call<Suppression>((done) => client.expireSuppression({ id }, done)), output);
}

/** `hosttrail suppression preview`: what one would have hidden. */
export async function previewSuppression(
  client: AlertServiceClient,
  options: SuppressionOptions,
  days: number,
  { json, print }: Output,
): Promise<void> {
  // Nothing is made, so when it would end and why says nothing.
  const suppression = suppressionOf({
    ...options,
    reason: options.reason || "preview",
    expires: options.expires || "1d",
  });
  const answer = await call<PreviewSuppressionResponse>((done) =>
    client.previewSuppression({ suppression, days }, done),
  );
  if (json) {
    print(`${JSON.stringify(PreviewSuppressionResponse.toJSON(answer))}\n`);
    return;
  }
  const { alerts, hiddenAlerts, thinnedAlerts, truePositiveIds, hiddenIds, more } = answer;
  print(
    `of ${more ? "the newest " : ""}${alerts} alerts it would have hidden ${hiddenAlerts} and thinned ${thinnedAlerts}\n`,
  );
  for (const id of hiddenIds)
    print(`  ${printable(id)}${truePositiveIds.includes(id) ? "  closed as true positive" : ""}\n`);
  for (const id of truePositiveIds.filter((each) => !hiddenIds.includes(each)))
    print(`  ${printable(id)}  closed as true positive, would miss events\n`);
}
