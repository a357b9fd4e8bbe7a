/**
 * Whether the whole system goes down, asked when the agent is stopped. systemd says it on its own socket, without a bus daemon between, which
 * may be gone by then; where it does not answer, the word that it leaves for who wants to log in tells.
 * Source: the D-Bus specification (authentication, wire format); org.freedesktop.systemd1(5), SystemState; pam_nologin(8).
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";

export type SystemState = "going-down" | "running" | "unknown";

export interface SystemPlaces {
  managerSocket: string;
  noLoginFile: string;
}

const PLACES: SystemPlaces = { managerSocket: "/run/systemd/private", noLoginFile: "/run/nologin" };
const ANSWER_TIMEOUT_MS = 1000;
const ANSWER_BYTES_MAX = 65_536;

/** Never throws; takes a second at most. */
export async function systemState({ managerSocket, noLoginFile }: SystemPlaces = PLACES): Promise<SystemState> {
  const told = await managerState(managerSocket);
  if (told === "stopping" || saysDown(noLoginFile)) return "going-down";
  return told === undefined ? "unknown" : "running";
}

function saysDown(file: string): boolean {
  try {
    return /going down/i.test(readFileSync(file, "utf8"));
  } catch {
    return false;
  }
}

/** What systemd calls the system's state; undefined where it does not say. */
async function managerState(path: string): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    let received = Buffer.alloc(0);
    let isKnown = false;
    const done = (state: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(state);
    };
    const timer = setTimeout(() => done(undefined), ANSWER_TIMEOUT_MS);
    socket.on("error", () => done(undefined));
    socket.on("close", () => done(undefined));
    socket.on("connect", () => {
      const user = Buffer.from(String(process.getuid?.() ?? 0)).toString("hex");
      // With BEGIN at once, as systemd's own programs do: of what came in one piece with BEGIN it would read the message no sooner than more comes.
      socket.write(`\0AUTH EXTERNAL ${user}\r\nBEGIN\r\n`);
    });
    socket.on("data", (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      if (received.length > ANSWER_BYTES_MAX) {
        done(undefined);
        return;
      }
      if (!isKnown) {
        const end = received.indexOf("\r\n");
        if (end < 0) return;
        if (!received.subarray(0, end).toString("latin1").startsWith("OK")) {
          done(undefined);
          return;
        }
        isKnown = true;
        received = received.subarray(end + 2);
        socket.write(stateQuestion());
      }
      const reply = firstReply(received);
      if (reply !== undefined) done(reply.state);
    });
  });
}

const METHOD_CALL = 1;
const METHOD_RETURN = 2;
const ERROR = 3;
const LITTLE_ENDIAN = "l".charCodeAt(0);
const FIXED_BYTES = 16;
/** Header fields: path, interface, member, destination, signature. */
const FIELD = { path: 1, interface: 2, member: 3, destination: 6, signature: 8 } as const;

/** org.freedesktop.DBus.Properties.Get of the manager's SystemState. */
function stateQuestion(): Buffer {
  const body = Buffer.concat([
    text("org.freedesktop.systemd1.Manager"),
    Buffer.alloc(padding(text("org.freedesktop.systemd1.Manager").length, 4)),
    text("SystemState"),
  ]);
  let fields = Buffer.alloc(0);
  const add = (code: number, type: "o" | "s" | "g", value: string): void => {
    const valued = type === "g" ? signature(value) : text(value);
    const field = Buffer.concat([Buffer.from([code]), signature(type), valued]);
    fields = Buffer.concat([fields, Buffer.alloc(padding(fields.length, 8)), field]);
  };
  add(FIELD.path, "o", "/org/freedesktop/systemd1");
  add(FIELD.interface, "s", "org.freedesktop.DBus.Properties");
  add(FIELD.member, "s", "Get");
  add(FIELD.destination, "s", "org.freedesktop.systemd1");
  add(FIELD.signature, "g", "ss");
  const head = Buffer.alloc(FIXED_BYTES);
  head.set([LITTLE_ENDIAN, METHOD_CALL, 0, 1]);
  head.writeUInt32LE(body.length, 4);
  head.writeUInt32LE(1, 8);
  head.writeUInt32LE(fields.length, 12);
  return Buffer.concat([head, fields, Buffer.alloc(padding(FIXED_BYTES + fields.length, 8)), body]);
}

/** A string: its length, and a NUL behind it. A field's value begins at a multiple of four, as its code and type take four bytes. */
function text(value: string): Buffer {
  const bytes = Buffer.from(`${value}\0`);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length - 1);
  return Buffer.concat([length, bytes]);
}

function signature(value: string): Buffer {
  return Buffer.from([value.length, ...Buffer.from(value), 0]);
}

function padding(length: number, unit: number): number {
  return (unit - (length % unit)) % unit;
}

/** The answer, once it is whole; signals that come before it are passed over. */
function firstReply(bytes: Buffer): { state: string | undefined } | undefined {
  let at = 0;
  while (bytes.length - at >= FIXED_BYTES) {
    if (bytes[at] !== LITTLE_ENDIAN) return { state: undefined };
    const type = bytes[at + 1];
    const fieldsEnd = FIXED_BYTES + bytes.readUInt32LE(at + 12);
    const bodyStart = at + fieldsEnd + padding(fieldsEnd, 8);
    const bodyEnd = bodyStart + bytes.readUInt32LE(at + 4);
    if (bodyEnd > bytes.length) return undefined;
    if (type === ERROR) return { state: undefined };
    if (type === METHOD_RETURN) return { state: stringOf(bytes.subarray(bodyStart, bodyEnd)) };
    at = bodyEnd;
  }
  return undefined;
}

/** The string in a variant. */
function stringOf(body: Buffer): string | undefined {
  if (body.length < 8 || !body.subarray(0, 3).equals(Buffer.from([1, "s".charCodeAt(0), 0]))) return undefined;
  return body.subarray(8, 8 + body.readUInt32LE(4)).toString("utf8");
}
