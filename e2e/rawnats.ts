/** As much of NATS' own protocol as it takes to change a server behind the collector's back. */
import { once } from "node:events";
import { connect } from "node:net";
import { randomBytes } from "node:crypto";

const TIMEOUT_MS = 10_000;

/** One request of JetStream's API; its answer. Throws what the server says is wrong. */
export async function askJetStream(url: string, api: string, body: unknown): Promise<Record<string, unknown>> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`NATS does not answer ${api}`)));
  try {
    await once(socket, "data");
    const inbox = `_INBOX.${randomBytes(8).toString("hex")}`;
    const bytes = Buffer.from(JSON.stringify(body));
    socket.write(
      `CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\nSUB ${inbox} 1\r\n`,
    );
    socket.write(
      Buffer.concat([Buffer.from(`PUB $JS.API.${api} ${inbox} ${bytes.length}\r\n`), bytes, Buffer.from("\r\n")]),
    );
    let text = "";
    for await (const chunk of socket) {
      text += String(chunk);
      const found = /MSG \S+ 1 (\d+)\r\n/.exec(text);
      const length = Number(found?.[1] ?? 0);
      const from = (found?.index ?? 0) + (found?.[0].length ?? 0);
      if (found === null || text.length < from + length) continue;
      const answer = JSON.parse(text.slice(from, from + length)) as Record<string, unknown>;
      if (answer["error"] !== undefined) throw new Error(`${api}: ${JSON.stringify(answer["error"])}`);
      return answer;
    }
    throw new Error(`NATS ended before it answered ${api}: ${text}`);
  } finally {
    socket.destroy();
  }
}
