/**
 * A collector that takes everything and keeps nothing, or keeps the blocks as files: what is measured or tested is the agent.
 * Usage: node sink.ts CA CERT KEY PORT [FOLDER]
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Server, ServerCredentials, type ServerDuplexStream, status } from "@grpc/grpc-js";
import { LINK_WINDOW_DEFAULT, LinkReader, parseBlock } from "@hosttrail/lib/block";
import { nodePrimitives } from "@hosttrail/lib/crypto";
import { IngestServiceService } from "@hosttrail/proto/ingest";
import type { StreamRequest, StreamResponse } from "@hosttrail/proto/ingest";

const [ca = "", certificate = "", key = "", port = "", folder = ""] = process.argv.slice(2);
const server = new Server({ "grpc.max_receive_message_length": 4 << 20 });
let events = 0;
let bytes = 0;
server.addService(IngestServiceService, {
  stream(call: ServerDuplexStream<StreamRequest, StreamResponse>) {
    const link = new LinkReader(LINK_WINDOW_DEFAULT, nodePrimitives);
    const send = (message: StreamResponse["message"]): void => void call.write({ message });
    call.on("data", ({ message }: StreamRequest) => {
      if (message?.$case === "hello") {
        const bounds = { credit: 64, blockBytesMax: 1 << 20, linkWindowBytes: LINK_WINDOW_DEFAULT };
        send({ $case: "welcome", value: { collectorVersion: "sink", profileVersion: "", ...bounds } });
      } else if (message?.$case === "block" || message?.$case === "linkedBlock") {
        const block = message.$case === "block" ? message.value : link.unpack(message.value);
        const { header } = parseBlock(block);
        if (folder !== "" && !keep(`${hex(header.epoch)}-${hex(header.firstSeq)}.block`, block)) {
          // Not taken, so not acknowledged: the agent sends it again on the next stream.
          call.emit("error", { code: status.RESOURCE_EXHAUSTED, details: "no room for the block" });
          return;
        }
        events += header.count;
        bytes += message.value.length;
        const blocks = [{ epoch: header.epoch, firstSeq: header.firstSeq }];
        send({ $case: "received", value: { blocks } });
        send({ $case: "stored", value: { blocks } });
      }
    });
    call.on("end", () => call.end());
    call.on("error", () => undefined);
  },
});
const hex = (value: bigint): string => value.toString(16).padStart(16, "0");

/** Writes a block as a file, whole or not at all; false where the disk takes nothing. */
function keep(name: string, block: Uint8Array): boolean {
  const path = `${folder}/${name}`;
  try {
    writeFileSync(`${path}.new`, block);
    renameSync(`${path}.new`, path);
    return true;
  } catch {
    rmSync(`${path}.new`, { force: true });
    return false;
  }
}

const credentials = ServerCredentials.createSsl(
  readFileSync(ca),
  [{ cert_chain: readFileSync(certificate), private_key: readFileSync(key) }],
  true,
);
server.bindAsync(`127.0.0.1:${port}`, credentials, (error) => {
  if (error !== null) throw error;
  process.stdout.write("ready\n");
});
process.on("SIGUSR1", () => process.stdout.write(`${events} ${bytes}\n`));
process.on("SIGTERM", () => {
  process.stdout.write(`${events} ${bytes}\n`, () => process.exit(0));
});
