/**
 * What a block costs on its way and at rest, by its number of events: header, signature and all. Real trails, as an agent made them, for each
 * role of host. Part of `./dev bench block`.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import {
  LINK_WINDOW_DEFAULT,
  LinkReader,
  LinkWriter,
  mergeBlocks,
  type MergePart,
  openBlock,
  parseBlock,
  sealBlock,
} from "@hosttrail/lib/block";
import { nodePrimitives, signerOf } from "@hosttrail/lib/crypto";
import type { Event } from "@hosttrail/proto/event";
import { readTrail, ROLES } from "./trails/trail.ts";

const SIZES = [1, 5, 50, 500] as const;
/** Blocks of each size, at most: enough for the context to fill and to forget. */
const BLOCKS_MAX = 1000;
/** Windows of links beside the default one. Bytes. */
const OTHER_WINDOWS = [4, 16, 32].map((kibibytes) => kibibytes * 1024);

const sign = signerOf(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());

function trailOf(events: readonly Event[], size: number): Uint8Array[] {
  const place = { hostId: randomBytes(16).toString("hex"), epoch: (BigInt(Date.now()) << 16n) + 1n, bootId: "" };
  let previousHeaderSha256: Uint8Array = new Uint8Array(0);
  const blocks: Uint8Array[] = [];
  for (let at = 0; at + size <= events.length && blocks.length < BLOCKS_MAX; at += size) {
    const about = { ...place, firstSeq: BigInt(at), agentVersion: "0.1.0", flags: 0, previousHeaderSha256 };
    const sealed = sealBlock(events.slice(at, at + size), about, nodePrimitives, sign);
    previousHeaderSha256 = sealed.headerSha256;
    blocks.push(sealed.bytes);
  }
  return blocks;
}

/** Bytes of what goes out: frames, and blocks as they are where there is none. */
function bytesOf(frames: readonly (Uint8Array | undefined)[], blocks: readonly Uint8Array[]): number {
  return frames.reduce((sum, frame, at) => sum + (frame ?? blocks[at] ?? []).length, 0);
}

/** Microseconds of processor time. */
function spent(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Bytes of all segments that the blocks become. */
function segmentBytes(blocks: readonly Uint8Array[]): number {
  let left = blocks.map((bytes): MergePart => {
    const parsed = parseBlock(bytes);
    const headerSha256 = nodePrimitives.sha256(parsed.block.header);
    const events = openBlock(parsed, nodePrimitives);
    return { parsed, events, headerSha256, receivedMs: Date.now(), signer: "0".repeat(64), status: "continues" };
  });
  const { hostId, epoch } = left[0]?.parsed.header ?? { hostId: "", epoch: 0n };
  let bytes = 0;
  while (left.length > 0) {
    const { segment, apart, rest } = mergeBlocks({ hostId, epoch }, left, nodePrimitives);
    if (segment === undefined || apart.length > 0) throw new Error(`not merged: ${apart[0]?.reason}`);
    bytes += segment.bytes.length;
    left = rest;
  }
  return bytes;
}

export function tellWay(): void {
  process.stdout.write(
    `\nOn the way and at rest, bytes an event with header and signature; processor microseconds a block (pack, unpack) and an event (merge)\n`,
  );
  for (const role of ROLES) {
    const events = readTrail(role);
    for (const size of SIZES) {
      const blocks = trailOf(events, size);
      const count = blocks.length * size;
      const writer = new LinkWriter(LINK_WINDOW_DEFAULT, nodePrimitives);
      const reader = new LinkReader(LINK_WINDOW_DEFAULT, nodePrimitives);
      let frames: (Uint8Array | undefined)[] = [];
      const packUs = spent(() => {
        frames = blocks.map((block) => writer.pack(block));
      });
      const unpackUs = spent(() => {
        for (const frame of frames) if (frame !== undefined) reader.unpack(frame);
      });
      let merged = 0;
      const mergeUs = spent(() => {
        merged = segmentBytes(blocks);
      });
      const sealed = blocks.reduce((sum, { length }) => sum + length, 0);
      const wire = bytesOf(frames, blocks);
      const others = OTHER_WINDOWS.map((window) => {
        const other = new LinkWriter(window, nodePrimitives);
        return bytesOf(
          blocks.map((block) => other.pack(block)),
          blocks,
        );
      });
      const cells = [sealed, wire, merged, ...others].map((bytes) => (bytes / count).toFixed(0).padStart(5));
      process.stdout.write(
        `${role.padEnd(6)} ${String(size).padStart(4)} a block: sealed ${cells[0]}, on the wire ${cells[1]} (with windows of 4, 16 and 32 KiB ${cells.slice(3).join("")}), in segments ${cells[2]}; ` +
          `pack ${(packUs / blocks.length).toFixed(0)}, unpack ${(unpackUs / blocks.length).toFixed(0)}, merge ${(mergeUs / count).toFixed(0)}\n`,
      );
    }
  }
}
