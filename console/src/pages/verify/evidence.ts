/** A host's evidence as a tar file, put together in the browser: the same files as `hosttrail evidence export` writes. */
import { EVIDENCE_FORMAT, EVIDENCE_README } from "@hosttrail/lib/evidence";
import type { ExportEvidenceResponse } from "../../api/index.ts";
import { msOf } from "../../time/index.ts";
import { type TarFile, tarOf } from "./tar.ts";

/** What a page holds at once, in characters: a trail that is larger is for the command line. */
export const EVIDENCE_LENGTH_MAX: number = 256 * 1024 * 1024;

/** No time: all that is kept. Nanoseconds since 1970. */
const EARLIEST = String(-(1n << 63n));
const LATEST = String((1n << 63n) - 1n);

export class EvidenceTooLarge extends Error {
  override readonly name = "EvidenceTooLarge";
}

/** What was asked for, RFC 3339; no time for all. */
export interface EvidenceRange {
  startTime?: string | undefined;
  endTime?: string | undefined;
}

export class EvidenceFiles {
  readonly #range: EvidenceRange;
  readonly #texts = new Map<string, string[]>([
    ["README.txt", [EVIDENCE_README]],
    // There also where there is no block.
    ["blocks.jsonl", []],
  ]);
  readonly #lengthMax: number;
  #length = 0;
  #about: Record<string, unknown> = {};
  #certificates = 0;
  #verdict = "";
  blocks = 0;

  constructor(range: EvidenceRange, lengthMax: number = EVIDENCE_LENGTH_MAX) {
    this.#range = range;
    this.#lengthMax = lengthMax;
  }

  /** Throws an EvidenceTooLarge where there is more than a page holds. */
  add({ about, certificate, block, checkpoint, entry, verdict }: ExportEvidenceResponse): void {
    if (about !== undefined) {
      const { hostId = "", hostName = "", collectorVersion = "", authoritiesPem = "" } = about;
      const { startTime, endTime } = this.#range;
      const times = { start: nanosText(startTime, EARLIEST), end: nanosText(endTime, LATEST) };
      this.#about = { host_id: hostId, host_name: hostName, ...times, collector_version: collectorVersion };
      this.#write("authorities.pem", authoritiesPem);
    } else if (certificate !== undefined) {
      const name = `certificates/${String(++this.#certificates).padStart(4, "0")}.pem`;
      this.#write(name, (certificate.chain ?? []).map((der) => pemOf(base64(der))).join(""));
    } else if (block !== undefined) {
      this.blocks++;
      const { id = "", header, signature, columns, neighbour = false, receiveTime } = block;
      const bytes = { header: base64(header), signature: base64(signature), columns: base64(columns) };
      this.#line("blocks.jsonl", { id, ...bytes, neighbour, received_ms: msOf(receiveTime) ?? 0 });
    } else if (checkpoint !== undefined) this.#write("log/checkpoint", checkpoint.note ?? "");
    else if (entry !== undefined) {
      const { entry: content, index = "0", inclusionProof = [] } = entry;
      const line = { index, entry: base64(content), inclusion_proof: inclusionProof.map(base64) };
      this.#line("log/entries.jsonl", line);
    } else if (verdict !== undefined) {
      this.#verdict = (verdict.verdict ?? "").replace("VERDICT_", "").toLowerCase().replace("_", " ");
      this.#write("verdict.json", `${JSON.stringify(verdict, undefined, 2)}\n`);
    }
  }

  /** What the collector itself says; empty until it has said it, which is the end. */
  get verdict(): string {
    return this.#verdict;
  }

  /** The whole, with its manifest. */
  async tar(): Promise<Uint8Array<ArrayBuffer>[]> {
    const files: TarFile[] = [];
    const listed: Record<string, unknown> = {};
    for (const [name, texts] of this.#texts) {
      const bytes = new TextEncoder().encode(texts.join(""));
      texts.length = 0;
      listed[name] = { bytes: bytes.length, sha256: await sha256(bytes) };
      files.push({ name, bytes });
    }
    const manifest = { format: EVIDENCE_FORMAT, ...this.#about, blocks: this.blocks, files: listed };
    const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
    return tarOf([...files, { name: "manifest.json", bytes: new TextEncoder().encode(text) }]);
  }

  #line(name: string, value: object): void {
    this.#write(name, `${JSON.stringify(value)}\n`);
  }

  #write(name: string, text: string): void {
    this.#length += text.length;
    if (this.#length > this.#lengthMax) throw new EvidenceTooLarge("there is more than a page can hold");
    const texts = this.#texts.get(name);
    if (texts === undefined) this.#texts.set(name, [text]);
    else texts.push(text);
  }
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Times of a question have milliseconds. Numbers of JSON end at 2^53. */
function nanosText(time: string | undefined, without: string): string {
  const ms = msOf(time);
  return ms === undefined ? without : String(BigInt(ms) * 1_000_000n);
}

/** JSON has bytes as base64, of which the types that are made from the protos do not know. */
function base64(bytes: Uint8Array | undefined): string {
  return (bytes as unknown as string | undefined) ?? "";
}

function pemOf(text: string): string {
  const lines = text.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
