/** Stands between somebody and the database, and takes down which commands went to which collections, and what must be allowed for them. */
import { createServer, connect, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { BSON } from "mongodb";

/** `<database>.<collection>`, with the collection empty where the command is about the database. */
export type Seen = Map<string, Set<string>>;

const HEADER_BYTES = 16;
const FLAGS_BYTES = 4;
const OP_MSG = 2013;
/** Anybody may, or it is about what one has begun oneself. */
const FREE = new Set([
  "hello",
  "ismaster",
  "isMaster",
  "ping",
  "buildInfo",
  "getMore",
  "killCursors",
  "endSessions",
  "connectionStatus",
]);
/** Actions by command, as MongoDB's manual has them under "Required Access" or "Privilege Actions". */
const ACTIONS: Readonly<Record<string, string>> = {
  find: "find",
  count: "find",
  aggregate: "find",
  distinct: "find",
  insert: "insert",
  update: "update",
  delete: "remove",
  createIndexes: "createIndex",
  listIndexes: "listIndexes",
  drop: "dropCollection",
  listCollections: "listCollections",
  dbStats: "dbStats",
};

export class DatabaseRecorder {
  /** Where to connect to. */
  readonly url: string;
  readonly seen: Seen = new Map();
  /** Commands that this recorder knows nothing of. */
  readonly unknown: Set<string> = new Set();
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>, port: number) {
    this.#server = server;
    this.#sockets = sockets;
    this.url = `mongodb://127.0.0.1:${port}`;
  }

  /** `target`: the database's own URL. */
  static async open(target: string): Promise<DatabaseRecorder> {
    const { hostname, port } = new URL(target);
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      const upstream = connect(Number(port), hostname);
      const take = messagesOf((body) => recorder.#note(body));
      client.on("data", take);
      client.pipe(upstream).pipe(client);
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(socket);
        socket.on("error", () => undefined);
        socket.on("close", () => {
          sockets.delete(socket);
          other.destroy();
        });
      }
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the recorder has no port");
    const recorder = new DatabaseRecorder(server, sockets, address.port);
    return recorder;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #note({ command, parts }: Message): void {
    const [name = ""] = Object.keys(command);
    if (FREE.has(name)) return;
    const action = ACTIONS[name];
    if (action === undefined) {
      this.unknown.add(name);
      return;
    }
    const of: unknown = command[name];
    const key = `${String(command["$db"])}.${typeof of === "string" ? of : ""}`;
    const actions = this.seen.get(key) ?? new Set();
    actions.add(action);
    // Whoever replaces what may not be there makes it.
    const updates = [...parts, ...((command["updates"] as BSON.Document[] | undefined) ?? [])];
    if (name === "update" && updates.some((update) => update["upsert"] === true)) actions.add("insert");
    this.seen.set(key, actions);
  }
}

interface Message {
  command: BSON.Document;
  /** Documents that stand beside it. */
  parts: BSON.Document[];
}

/** Puts pieces together to messages, of which each is told; throws where one is of a kind that the driver does not send. */
function messagesOf(tell: (message: Message) => void): (piece: Buffer) => void {
  let held: Buffer = Buffer.alloc(0);
  return (piece) => {
    held = Buffer.concat([held, piece]);
    while (held.length >= HEADER_BYTES) {
      const length = held.readInt32LE(0);
      if (held.length < length) return;
      const message = held.subarray(0, length);
      held = held.subarray(length);
      // The first word of a connection is of an older kind, and asks only who is there.
      if (message.readInt32LE(12) === OP_MSG) tell(parse(message));
    }
  };
}

/** Kind 0 is the command, kind 1 a list of documents under a name. */
function parse(message: Buffer): Message {
  let command: BSON.Document = {};
  const parts: BSON.Document[] = [];
  for (let at = HEADER_BYTES + FLAGS_BYTES; at < message.length; ) {
    const kind = message[at++];
    const end = at + message.readInt32LE(at);
    if (kind === 0) command = BSON.deserialize(message.subarray(at, end));
    else if (kind === 1) {
      for (let next = message.indexOf(0, at + 4) + 1; next < end; next += message.readInt32LE(next))
        parts.push(BSON.deserialize(message.subarray(next, next + message.readInt32LE(next))));
    } else throw new Error(`a section of kind ${kind}`);
    at = end;
  }
  return { command, parts };
}
