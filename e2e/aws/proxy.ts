/**
 * A proxy before the stand-in of AWS: refuses a share of the questions as AWS does where it is asked too much, denies what an account denies, and
 * notes which actions were asked. All else passes through.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text as textOf } from "node:stream/consumers";

export interface AwsProxy {
  readonly url: string;
  /** Of 1: how many questions are refused at first sight. */
  throttledShare: number;
  /** Refuses each page of machines but the first, for good. */
  isBreakingOff: boolean;
  /** Ids that machines have instead of their own: in this world one has the id of another one. */
  readonly renamed: Map<string, string>;
  /** Accounts in which no role can be assumed. */
  readonly denied: Set<string>;
  /** `service:action` as policies name them, and how often each was asked, the refused ones included. */
  readonly asked: Map<string, number>;
  readonly throttled: { count: number };
  stop(): Promise<void>;
}

const BODY_BYTES_MAX = 1 << 20;

/** Reservations that a page of machines has at most: AWS may give fewer than it is asked for. */
const PAGE_MAX = 3;

/** The same questions in the same order are refused for the same seed. */
export async function startProxy(port: number, seed: number): Promise<AwsProxy> {
  let number = 0;
  const draw = (): number => createHash("sha256").update(`${seed} ${number++}`).digest().readUInt32BE() / 2 ** 32;
  const denied = new Set<string>();
  const renamed = new Map<string, string>();
  const asked = new Map<string, number>();
  const throttled = { count: 0 };
  const server = createServer((incoming, answer) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    incoming.on("data", (piece: Buffer) => {
      bytes += piece.length;
      if (bytes <= BODY_BYTES_MAX) pieces.push(piece);
    });
    incoming.on("end", () => {
      const body = Buffer.concat(pieces);
      const question = questionOf(String(incoming.headers["x-amz-target"] ?? ""), body.toString("utf8"));
      const { service, action, role, isNextPage } = question;
      const name = `${service}:${action}`;
      asked.set(name, (asked.get(name) ?? 0) + 1);
      if (draw() < proxy.throttledShare) {
        throttled.count++;
        refuse(answer, service, "throttled");
        return;
      }
      const account = /^arn:aws:iam::(\d+):/.exec(role)?.[1] ?? "";
      if ((action === "AssumeRole" && denied.has(account)) || (isNextPage && proxy.isBreakingOff)) {
        refuse(answer, service, "denied");
        return;
      }
      const asks = Buffer.from(body.toString("utf8").replace(/\bMaxResults=\d+/, `MaxResults=${PAGE_MAX}`));
      const { method, url } = incoming;
      const headers = { ...incoming.headers, "content-length": String(asks.length) };
      const passed = request({ host: "127.0.0.1", port, method, path: url, headers }, (found) => {
        void pass(found, answer, renamed).catch(() => answer.destroy());
      });
      passed.once("error", () => answer.destroy());
      passed.end(asks);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: AwsProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    throttledShare: 0,
    isBreakingOff: false,
    denied,
    renamed,
    asked,
    throttled,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return proxy;
}

/** Passes an answer on, with the ids that were changed. */
async function pass(
  found: IncomingMessage,
  answer: ServerResponse,
  renamed: ReadonlyMap<string, string>,
): Promise<void> {
  let text = await textOf(found);
  for (const [from, to] of renamed) text = text.replaceAll(from, to);
  const headers = { ...found.headers, "content-length": String(Buffer.byteLength(text)) };
  answer.writeHead(found.statusCode ?? 500, headers).end(text);
}

interface Question {
  service: string;
  action: string;
  /** ARN of the role that is to be assumed; else empty. */
  role: string;
  isNextPage: boolean;
}

/** Organizations asks as JSON with its action in a header, EC2 and STS as forms. */
function questionOf(target: string, body: string): Question {
  if (target !== "")
    return { service: "organizations", action: target.split(".").at(-1) ?? "", role: "", isNextPage: false };
  const form = new URLSearchParams(body);
  const service = form.get("Version") === "2011-06-15" ? "sts" : "ec2";
  const [action, role] = [form.get("Action") ?? "", form.get("RoleArn") ?? ""];
  return { service, action, role, isNextPage: form.has("NextToken") };
}

/** As each service says it. Sources: Amazon EC2 API Reference "Error codes", AWS STS and AWS Organizations API References "Common errors". */
function refuse(answer: ServerResponse, service: string, why: "throttled" | "denied"): void {
  if (service === "organizations") {
    const body = JSON.stringify({ __type: "TooManyRequestsException", Message: "You have sent too many requests" });
    answer.writeHead(400, { "content-type": "application/x-amz-json-1.1" }).end(body);
    return;
  }
  const codes = {
    sts: ["AccessDenied", "Throttling"],
    ec2: ["UnauthorizedOperation", "RequestLimitExceeded"],
  } as const;
  const [no, tooMuch] = service === "ec2" ? codes.ec2 : codes.sts;
  const [code, message] =
    why === "denied" ? [no, "You are not authorized to perform this operation."] : [tooMuch, "Request limit exceeded."];
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>`;
  const body =
    service === "ec2"
      ? `<?xml version="1.0" encoding="UTF-8"?><Response><Errors>${error}</Errors><RequestID>r</RequestID></Response>`
      : `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${error}<RequestId>r</RequestId></ErrorResponse>`;
  answer.writeHead(why === "denied" ? 403 : service === "ec2" ? 503 : 400, { "content-type": "text/xml" }).end(body);
}
