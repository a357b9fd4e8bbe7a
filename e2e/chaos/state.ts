/** What a server of NATS says of its streams, for whoever looks at a run that failed. */

interface Consumer {
  name: string;
  num_pending: number;
  num_ack_pending: number;
  num_redelivered: number;
  num_waiting: number;
  delivered: { stream_seq: number };
  ack_floor: { stream_seq: number };
}

interface Stream {
  name: string;
  config?: { max_bytes: number; num_replicas: number };
  state: { messages: number; bytes: number; first_seq: number; last_seq: number };
  cluster?: { leader?: string; replicas?: { name: string; current: boolean; offline?: boolean; lag?: number }[] };
  consumer_detail?: Consumer[];
}

interface Answer {
  disabled?: boolean;
  meta_cluster?: { leader?: string };
  account_details?: { stream_detail?: Stream[] }[];
}

const TIMEOUT_MS = 5000;

/** A line for each stream, and for each of its consumers; what went wrong where the server does not tell. */
export async function streamsOf(monitorUrl: string): Promise<string> {
  try {
    const response = await fetch(`${monitorUrl}/jsz?streams=true&consumers=true&config=true`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { disabled, meta_cluster: meta, account_details: accounts = [] } = (await response.json()) as Answer;
    const streams = accounts.flatMap(({ stream_detail: detail = [] }) => detail);
    return [`disabled ${disabled ?? false}, leader ${meta?.leader ?? "none"}`, ...streams.map(shown)].join("\n");
  } catch (error) {
    return `does not tell: ${String(error)}`;
  }
}

function shown({ name, config, state, cluster, consumer_detail: consumers = [] }: Stream): string {
  const others = (cluster?.replicas ?? []).map(
    ({ name: node, current, offline, lag }) =>
      `${node}${current ? "" : " not current"}${offline === true ? " offline" : ""}${lag === undefined ? "" : ` lag ${lag}`}`,
  );
  const lines = consumers.map(
    (each) =>
      `    ${each.name}: ${each.num_pending} pending, ${each.num_ack_pending} not acknowledged, ${each.num_redelivered} redelivered, ${each.num_waiting} waiting, delivered to ${each.delivered.stream_seq}, acknowledged to ${each.ack_floor.stream_seq}`,
  );
  return [
    `  ${name}: ${state.messages} messages (${state.first_seq} to ${state.last_seq}), ${state.bytes} of ${config?.max_bytes ?? "?"} bytes, leader ${cluster?.leader ?? "none"}, others ${others.join(", ")}`,
    ...lines,
  ].join("\n");
}
