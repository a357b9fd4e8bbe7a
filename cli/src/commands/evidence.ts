/** `hosttrail evidence export`: a host's trail for those who check it without us; see evidence/check.py. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { EVIDENCE_FORMAT, EVIDENCE_README } from "@hosttrail/lib/evidence";
import type { Budget } from "@hosttrail/proto/scan";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import {
  type EvidenceBlock,
  ExportEvidenceRequest,
  type ExportEvidenceResponse,
  HostVerdict,
  type LoggedEntry,
  type VerifyServiceClient,
} from "@hosttrail/proto/verify";
import { answers } from "../call.ts";
import type { Output } from "../output/index.ts";

export interface EvidenceOptions {
  hostId: string;
  startTime: Timestamp | undefined;
  endTime: Timestamp | undefined;
  budget: Budget | undefined;
}

/** Writes a folder, or a tar of it where the path ends so; it is there when it is whole. */
export async function exportEvidence(
  client: VerifyServiceClient,
  { path, ...asked }: EvidenceOptions & { path: string },
  signal: AbortSignal,
  output: Output,
): Promise<void> {
  const partial = join(dirname(path), `.${path.split("/").at(-1) ?? "evidence"}.part`);
  // What a run that was ended has left.
  await rm(partial, { recursive: true, force: true });
  try {
    const folder = new EvidenceFolder(partial);
    await folder.make();
    const stream = client.exportEvidence(ExportEvidenceRequest.fromPartial(asked));
    for await (const { part } of answers<ExportEvidenceResponse>(stream, signal))
      if (part !== undefined) await folder.add(part);
    signal.throwIfAborted();
    const { blocks, verdict } = await folder.finish();
    await put(partial, path);
    output.note(`${blocks} blocks in ${path}; the collector itself says: ${verdict}`);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function put(partial: string, path: string): Promise<void> {
  if (!path.endsWith(".tar")) {
    await rename(partial, path).catch((cause: unknown) => {
      throw new Error(`${path} cannot be made: it must not be there yet, or be an empty folder`, { cause });
    });
    return;
  }
  const file = `${partial}.tar`;
  await promisify(execFile)("tar", ["--create", "--file", file, "--directory", partial, "."]);
  await rename(file, path);
}

type Part = NonNullable<ExportEvidenceResponse["part"]>;

/** One file as it grows. */
class EvidenceFile {
  readonly #handle: FileHandle;
  readonly #hash = createHash("sha256");
  #bytes = 0;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  static async open(path: string): Promise<EvidenceFile> {
    return new EvidenceFile(await open(path, "wx", 0o600));
  }

  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    await this.#handle.writeFile(bytes);
  }

  async close(): Promise<{ bytes: number; sha256: string }> {
    await this.#handle.close();
    return { bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }
}

class EvidenceFolder {
  readonly #path: string;
  readonly #files = new Map<string, EvidenceFile>();
  #about: Record<string, unknown> = {};
  #certificates = 0;
  #blocks = 0;
  #verdict = "";

  constructor(path: string) {
    this.#path = path;
  }

  async make(): Promise<void> {
    for (const folder of ["", "certificates", "log"]) await mkdir(join(this.#path, folder), { mode: 0o700 });
    await this.#write("README.txt", EVIDENCE_README);
    // There also where there is no block.
    await this.#write("blocks.jsonl", "");
  }

  async add(part: Part): Promise<void> {
    if (part.$case === "about") {
      const { authoritiesPem, startTime, endTime, hostId, hostName, collectorVersion } = part.value;
      const times = { start: nanosText(startTime), end: nanosText(endTime) };
      this.#about = { host_id: hostId, host_name: hostName, ...times, collector_version: collectorVersion };
      await this.#write("authorities.pem", authoritiesPem);
    } else if (part.$case === "certificate") {
      const name = `certificates/${String(++this.#certificates).padStart(4, "0")}.pem`;
      await this.#write(name, part.value.chain.map(pemOf).join(""));
    } else if (part.$case === "block") {
      this.#blocks++;
      await this.#write("blocks.jsonl", `${JSON.stringify(blockLine(part.value))}\n`);
    } else if (part.$case === "checkpoint") await this.#write("log/checkpoint", part.value.note);
    else if (part.$case === "entry")
      await this.#write("log/entries.jsonl", `${JSON.stringify(entryLine(part.value))}\n`);
    else {
      const said = HostVerdict.toJSON(part.value) as { verdict?: string };
      this.#verdict = (said.verdict ?? "").replace("VERDICT_", "").toLowerCase().replace("_", " ");
      await this.#write("verdict.json", `${JSON.stringify(said, undefined, 2)}\n`);
    }
  }

  async finish(): Promise<{ blocks: number; verdict: string }> {
    if (this.#verdict === "") throw new Error("the collector ended before all was sent");
    const files: Record<string, unknown> = {};
    for (const [name, file] of this.#files) files[name] = await file.close();
    const manifest = { format: EVIDENCE_FORMAT, ...this.#about, blocks: this.#blocks, files };
    const file = await EvidenceFile.open(join(this.#path, "manifest.json"));
    await file.write(`${JSON.stringify(manifest, undefined, 2)}\n`);
    await file.close();
    return { blocks: this.#blocks, verdict: this.#verdict };
  }

  async #write(name: string, text: string): Promise<void> {
    let file = this.#files.get(name);
    if (file === undefined) {
      file = await EvidenceFile.open(join(this.#path, name));
      this.#files.set(name, file);
    }
    await file.write(text);
  }
}

/** Numbers of JSON end at 2^53. */
function nanosText(time: Timestamp | undefined): string {
  return time === undefined ? "" : String(time.seconds * 1_000_000_000n + BigInt(time.nanos));
}

function blockLine({ id, header, signature, columns, neighbour, receiveTime }: EvidenceBlock): object {
  const receivedMs =
    receiveTime === undefined ? 0 : Number(receiveTime.seconds) * 1000 + Math.floor(receiveTime.nanos / 1_000_000);
  return {
    id,
    header: base64(header),
    signature: base64(signature),
    columns: base64(columns),
    neighbour,
    received_ms: receivedMs,
  };
}

function entryLine({ entry, index, inclusionProof }: LoggedEntry): object {
  return { index: String(index), entry: base64(entry), inclusion_proof: inclusionProof.map(base64) };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function pemOf(der: Uint8Array): string {
  const lines = base64(der).match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
