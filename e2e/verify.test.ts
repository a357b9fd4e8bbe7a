/**
 * Whether verify finds what somebody with the database's password does, and nothing else: on a real stack, with hosts that send blocks of five
 * events, some of them compacted and some not. HOSTTRAIL_VERIFY is how often each thing is done (100 by hand).
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync, randomInt } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { compactArchive, historySource } from "@hosttrail/collector/archives";
import { Compactor } from "@hosttrail/collector/compact";
import { History } from "@hosttrail/collector/history";
import { parseBlock } from "@hosttrail/lib/block";
import { ed25519BytesOf, nodePrimitives } from "@hosttrail/lib/crypto";
import { openLogger } from "@hosttrail/lib/log";
import { formatVerifierKey, verifierKey } from "@hosttrail/lib/tlog";
import {
  type HostVerdict,
  Verdict,
  verdictToJSON,
  VerifyServiceClient,
  VerifyTrailRequest,
  type VerifyTrailResponse,
} from "@hosttrail/proto/verify";
import { stringify } from "yaml";
import { blocksOf, shownOf, type Step, withOutputs } from "./cookbook/document.ts";
import { Terminal } from "./cookbook/terminal.ts";
import { credentialsOf, eventually, openStack } from "./environment.ts";
import { anyOf, type Deed, flipped, Insider } from "./insider.ts";
import { deliver, SealingHost, type SentBlock } from "./sealinghost.ts";

/** Backups of which one is put back. */
const BACKUPS_MAX = 10;
const TIMES = Number(process.env["HOSTTRAIL_VERIFY"] ?? 8);
const CLI = new URL("../cli/src/main.ts", import.meta.url).pathname;
const CHECK = new URL("../evidence/check.py", import.meta.url).pathname;
const ORIGIN = "log.test/hosttrail";
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** A day whose first hours are over: nothing of it is of the future, at midnight neither. */
const TODAY = Math.floor((Date.now() - 4 * HOUR_MS) / DAY_MS) * DAY_MS;
const START = TODAY - 2 * DAY_MS + 12 * HOUR_MS;

let stack: Awaited<ReturnType<typeof openStack>>;
let insider: Insider;
let host: SealingHost;
let folder: string;
let logKey: string;
let client: VerifyServiceClient;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "hosttrail-verify-"));
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const keyFile = join(folder, "log.key");
  writeFileSync(keyFile, privateKey.export({ format: "pem", type: "pkcs8" }), { mode: 0o600 });
  logKey = formatVerifierKey(verifierKey("ed25519", ORIGIN, ed25519BytesOf(publicKey)));
  // The collector's own step is asleep: the test decides what is compacted.
  const compact = { turn_ms: 600_000, age_ms: 3_600_000, blocks_min: 16_384 };
  const attest = { origin: ORIGIN, key_file: keyFile, interval_ms: 300, lease_ms: 1000 };
  stack = await openStack({ collector: { compact, attest } });
  await stack.startServices();
  await stack.startCollector();
  await stack.enroll();
  const profile = { ...stack.profile(stack.user), log_key: logKey };
  writeFileSync(join(folder, "profile.yaml"), stringify(profile));
  insider = await Insider.open(stack.mongodb.url, stack.database);
  client = new VerifyServiceClient(`localhost:${stack.queryPort}`, credentialsOf(stack, stack.user));
  host = new SealingHost(stack.hostId, stack.host, { name: "web1", startMs: START - 1000 });
  // The day before yesterday and yesterday; a boot; yesterday and today; a spool that was lost; and a block that comes late.
  const first = [...sealed(8, START), ...sealed(6, START + DAY_MS / 2 + HOUR_MS)];
  host.begin(START + DAY_MS, "boot");
  const second = [...sealed(8, START + DAY_MS + HOUR_MS), ...sealed(6, TODAY + 1000)];
  const [late] = second.splice(3, 1) as [SentBlock];
  host.begin(TODAY + 60_000, "lost spool");
  const third = sealed(6, TODAY + 61_000);
  await deliver(stack, stack.host, host.hostId, [...first, ...second.slice(0, 9)]);
  await compacted();
  await deliver(stack, stack.host, host.hostId, [...second.slice(9), ...third, late]);
  await logged();
});
after(async () => {
  client?.close();
  await insider?.close();
  rmSync(folder, { recursive: true });
  await stack[Symbol.asyncDispose]();
});

function sealed(count: number, startMs: number): SentBlock[] {
  return Array.from({ length: count }, (_, at) => host.seal(5, startMs + at * 1000));
}

/** Makes segments of what has arrived, twice, so that a day has several. */
async function compacted(): Promise<void> {
  const { archive } = insider;
  const history = new History(historySource(archive));
  const logger = openLogger("test", "error");
  const options = { turnMs: 50, ageMs: 0, blocksMin: 1 };
  const compactor = new Compactor(compactArchive(archive), history, archive.hosts, options, logger);
  await compactor.compactWaiting();
  await compactor.close();
}

/** Waits until the log has the newest heads. */
async function logged(): Promise<void> {
  await eventually("the log's newest heads", 30_000, async () => {
    const heads = (await verdict()).logged.map(({ entry }) => Buffer.from(entry).toString());
    const newest = Array.from(Map.groupBy(host.blocks, ({ epoch }) => epoch).values(), (list) => list.at(-1));
    const isThere = (block: SentBlock | undefined): boolean =>
      heads.some(
        (text) =>
          text.includes(`last ${(block?.next ?? 0n) - 1n}\n`) && text.includes((block?.epoch ?? 0n).toString(16)),
      );
    return newest.every(isThere) || undefined;
  });
}

async function verdict(request: Partial<VerifyTrailRequest> = {}): Promise<HostVerdict> {
  const results: HostVerdict[] = [];
  const asked = VerifyTrailRequest.fromPartial({ hosts: { hostIds: [host.hostId] }, ...request });
  for await (const { answer } of client.verifyTrail(asked) as AsyncIterable<VerifyTrailResponse>)
    if (answer?.$case === "host") results.push(answer.value);
  assert.equal(results.length, 1);
  return results[0] as HostVerdict;
}

/** Does something again and again, and undoes it: each time it must be found, with one of these words. */
async function found(
  times: number,
  words: readonly Verdict[],
  deed: () => Promise<Deed | undefined>,
  look: (result: HostVerdict, deed: Deed) => void = () => undefined,
): Promise<void> {
  for (let time = 0; time < times; time++) {
    const done = await deed();
    assert.ok(done !== undefined, "nothing could be done");
    try {
      const result = await verdict();
      const said = result.findings.map(({ reason, subject, detail }) => `${reason} ${subject} ${detail}`);
      assert.ok(words.includes(result.verdict), `${done.what}: ${verdictToJSON(result.verdict)}: ${said.join("; ")}`);
      look(result, done);
    } finally {
      await done.undo();
    }
  }
  const { verdict: again, findings } = await verdict();
  assert.deepEqual([again, findings], [Verdict.VERIFIED, []]);
}

/** Numbers that are said to be missing, as `<epoch> <first>-<next>`. */
function missing({ findings }: HostVerdict): string[] {
  return findings
    .filter(({ reason, epoch }) => reason === "BLOCKS_MISSING" && epoch !== 0n)
    .map(({ epoch, firstSeq, nextSeq }) => `${epoch.toString(16)} ${firstSeq}-${nextSeq}`);
}

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function run(command: string, ...words: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(command, words, { env: { ...process.env, TZ: "UTC" } }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr }),
    );
  });
}

function hosttrail(...words: string[]): Promise<Ended> {
  return run(process.execPath, CLI, "--profile", join(folder, "profile.yaml"), ...words);
}

function check(evidence: string, ...words: string[]): Promise<Ended> {
  const trust = join(stack.authority, "trust.crt");
  return run("python3", CHECK, evidence, "--authority", trust, "--log-key", logKey, ...words);
}

async function exported(name: string, ...words: string[]): Promise<string> {
  const path = join(folder, name);
  const { code, stderr } = await hosttrail("evidence", "export", "--host", host.hostId, "--output", path, ...words);
  assert.equal(code, 0, stderr);
  return path;
}

describe("verify", () => {
  it("verifies a trail over days, a boot, a lost spool and a late block, compacted and not", async () => {
    const result = await verdict();
    assert.deepEqual([result.verdict, result.findings, result.notes], [Verdict.VERIFIED, [], []]);
    assert.deepEqual([result.blocks, result.events], [34n, 170n]);
    const { rows } = { rows: await insider.rows("arrivals") };
    assert.ok(rows.length >= 6 && rows.length <= 15, `${rows.length} have not been compacted`);
    const { code, stdout, stderr } = await hosttrail("verify");
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^web1 \([0-9a-f]{32}\): verified; 34 blocks with 170 events are as they were sealed/);
    assert.equal(statSync(join(folder, ".profile.yaml.checkpoints")).mode & 0o777, 0o600);
    // What cannot be asked was not checked.
    const nobody = await hosttrail("verify", "--host", "nobody");
    assert.deepEqual([nobody.code, nobody.stdout], [2, ""]);
    // Another log's key in the profile, and no log at all.
    const otherKey = formatVerifierKey(verifierKey("ed25519", ORIGIN, new Uint8Array(32).fill(7)));
    writeFileSync(join(folder, "other.yaml"), stringify({ ...stack.profile(stack.user), log_key: otherKey }));
    const other = await run(process.execPath, CLI, "--profile", join(folder, "other.yaml"), "verify", "--json");
    assert.equal(other.code, 2, other.stderr);
    assert.match(other.stderr, /hosttrail: the log: /);
    for (const [from, to, blocks] of [
      [START + 3000, START + DAY_MS, 11],
      [TODAY, TODAY + HOUR_MS, 12],
    ] as const) {
      const times = ["--since", new Date(from).toISOString(), "--until", new Date(to).toISOString()];
      const part = await hosttrail("verify", "--host", "web1", ...times);
      assert.equal(part.code, 0, part.stderr);
      assert.match(part.stdout, new RegExp(`: verified; ${blocks} blocks with`));
    }
  });

  it("names every byte that was flipped", async () => {
    await found(
      TIMES,
      [Verdict.ALTERED, Verdict.INCOMPLETE],
      () => insider.flipArrival(host.hostId),
      (result, { what }) => {
        // Without its own id a block is not there.
        assert.equal(result.verdict, Verdict.ALTERED, what);
        assert.ok(
          result.findings.some(({ subject }) => what.includes(subject)),
          what,
        );
      },
    );
    await found(
      TIMES,
      [Verdict.ALTERED, Verdict.INCOMPLETE],
      () => insider.flipHistory(host.hostId),
      (result, { what }) => {
        if (what.startsWith("segments")) assert.equal(result.verdict, Verdict.ALTERED, what);
      },
    );
  });

  it("names every block that was deleted", async () => {
    const isCompacted = new Set((await insider.rows("arrivals")).map(({ _id }) => _id));
    const [arrived, history] = [true, false].map((is) => host.blocks.filter(({ id }) => isCompacted.has(id) === is));
    const name = ({ epoch, first, next }: SentBlock): string => `${epoch.toString(16)} ${first}-${next}`;
    let gone: SentBlock;
    await found(
      TIMES,
      [Verdict.INCOMPLETE],
      () => insider.removeArrival((gone = anyOf(arrived ?? [])).id),
      (result) => assert.deepEqual(missing(result), [name(gone)]),
    );
    await found(
      TIMES,
      [Verdict.INCOMPLETE],
      () => {
        gone = anyOf(history ?? []);
        return insider.removeFromHistory(
          host.hostId,
          ({ epoch, first }) => epoch === gone.epoch && first === gone.first,
        );
      },
      (result) => assert.deepEqual(missing(result), [name(gone)]),
    );
  });

  it("names both of two that were swapped", async () => {
    const ids = (await insider.rows("arrivals")).map(({ _id }) => _id);
    let swapped: [string, string];
    await found(
      TIMES,
      [Verdict.ALTERED],
      () => {
        const at = randomInt(ids.length - 1);
        swapped = [ids[at] ?? "", ids[at + 1] ?? ""];
        return insider.swapArrivals(swapped);
      },
      ({ findings }) => {
        for (const id of swapped) assert.ok(findings.some(({ subject }) => subject === id));
      },
    );
    for (const isThorough of [false, true])
      await found(Math.ceil(TIMES / 2), [Verdict.ALTERED], () => insider.swapSegments(host.hostId, isThorough));
  });

  it("finds a tail that was cut, also where the host's document says that there was none", async () => {
    let from: SentBlock;
    await found(
      TIMES,
      [Verdict.INCOMPLETE],
      async () => {
        const at = randomInt(1, host.blocks.length);
        from = host.blocks[at] as SentBlock;
        const before = host.blocks.findLast(({ epoch, next }) => epoch === from.epoch && next === from.first);
        const header = before && parseBlock(before.bytes).block.header;
        const hash = header === undefined ? "" : Buffer.from(nodePrimitives.sha256(header)).toString("hex");
        return await insider.cutTail(host.hostId, from.epoch, { first: from.first, hash });
      },
      (result) => {
        const last = host.blocks.findLast(({ epoch }) => epoch === from.epoch);
        assert.deepEqual(missing(result), [`${from.epoch.toString(16)} ${from.first}-${last?.next}`]);
        assert.equal(result.findings.find(({ epoch }) => epoch === from.epoch)?.evidence, "log");
      },
    );
  });

  it("finds a day that was dropped", async () => {
    const days = [...new Set(host.blocks.map(({ timeMs }) => placeOf(timeMs)))];
    assert.equal(days.length, 3);
    let day: string;
    await found(
      TIMES,
      [Verdict.INCOMPLETE],
      () => insider.dropDay(host.hostId, (day = anyOf(days))),
      (result) => {
        const lost = host.blocks.filter(({ timeMs }) => placeOf(timeMs) === day);
        const ranges = missing(result).map((text) => /^(\S+) (\d+)-(\d+)$/.exec(text) ?? []);
        for (const { epoch, first, next, id } of lost) {
          const isNamed = ranges.some(
            ([, own, from, to]) => own === epoch.toString(16) && BigInt(from ?? 0) <= first && next <= BigInt(to ?? 0),
          );
          assert.ok(isNamed, `${id} of ${day}`);
        }
        assert.equal(
          ranges.reduce((sum, [, , from, to]) => sum + Number(to) - Number(from), 0),
          lost.reduce((sum, { first, next }) => sum + Number(next - first), 0),
        );
      },
    );
  });
});

function placeOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10).replaceAll("-", "");
}

interface Line {
  id: string;
  header: string;
  signature: string;
  columns: string;
}

describe("exported evidence", () => {
  it("is checked by python3 and openssl alone, whole and in parts, as a folder and as a tar", async () => {
    const whole = await check(await exported("whole"));
    assert.equal(whole.code, 0, whole.stdout);
    assert.match(whole.stdout, /^verified\nhost [0-9a-f]{32}: 34 blocks with 170 events are as they were sealed/);
    const days = ["--since", new Date(START + 3000).toISOString(), "--until", new Date(START + DAY_MS).toISOString()];
    const part = await check(await exported("part.tar", ...days));
    assert.equal(part.code, 0, part.stdout);
    assert.match(part.stdout, /^verified\nhost [0-9a-f]{32}: 11 blocks with 55 events/);
    const stranger = await run("python3", CHECK, join(folder, "whole"), "--authority", join(stack.authority, "ca.key"));
    assert.equal(stranger.code, 2);
  });

  it("is found out where anything of it is another thing", async () => {
    const source = await exported("source");
    const lines = readFileSync(join(source, "blocks.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);
    const times = Math.ceil(TIMES / 4);
    const altered = async (change: (list: Line[]) => Line[]): Promise<Ended> => {
      const copy = join(folder, "altered");
      cpSync(source, copy, { recursive: true });
      writeFileSync(
        join(copy, "blocks.jsonl"),
        change(lines.map((line) => ({ ...line })))
          .map((line) => `${JSON.stringify(line)}\n`)
          .join(""),
      );
      // Whoever alters it makes the manifest fit.
      const manifest = JSON.parse(readFileSync(join(copy, "manifest.json"), "utf8")) as {
        blocks: number;
        files: Record<string, unknown>;
      };
      delete manifest.files["blocks.jsonl"];
      manifest.blocks = change(lines).length;
      writeFileSync(join(copy, "manifest.json"), JSON.stringify(manifest));
      const ended = await check(copy);
      rmSync(copy, { recursive: true });
      return ended;
    };
    for (let time = 0; time < times; time++) {
      const at = randomInt(lines.length);
      const field = anyOf(["header", "signature", "columns"] as const);
      const flip = (text: string): string => Buffer.from(flipped(Buffer.from(text, "base64"))).toString("base64");
      const flippedOnce = flip(lines[at]?.[field] ?? "");
      const one = await altered((list) =>
        list.map((line, index) => (index === at ? { ...line, [field]: flippedOnce } : line)),
      );
      assert.equal(one.stdout.split("\n")[0], "altered", `${field} of ${lines[at]?.id}: ${one.stdout}`);
      assert.equal(one.code, 2);

      const gone = await altered((list) => list.filter((_, index) => index !== at));
      assert.equal(gone.stdout.split("\n")[0], "incomplete", `without ${lines[at]?.id}: ${gone.stdout}`);
      assert.equal(gone.code, 1);

      const other = (at + 1) % lines.length;
      const swapped = await altered((list) =>
        list.map((line, index) => ({
          ...(list[index === at ? other : index === other ? at : index] as Line),
          id: line.id,
        })),
      );
      assert.equal(swapped.stdout.split("\n")[0], "altered", swapped.stdout);

      const tail = await altered((list) => list.slice(0, -1 - randomInt(5)));
      assert.equal(tail.stdout.split("\n")[0], "incomplete", tail.stdout);

      const day = anyOf([...new Set(host.blocks.map(({ timeMs }) => placeOf(timeMs)))]);
      const ids = new Set(host.blocks.filter(({ timeMs }) => placeOf(timeMs) === day).map(({ id }) => id));
      const dropped = await altered((list) => list.filter(({ id }) => !ids.has(id)));
      assert.equal(dropped.stdout.split("\n")[0], "incomplete", dropped.stdout);
    }
  });
});

/** docs/verify.md shows another host, on other days. */
const DOCUMENT = new URL("../docs/verify.md", import.meta.url).pathname;
const SHOWN_HOST = "5c0ffee15bad5eed0ddba11ca5cade00";
const SHOWN_TODAY: number = Date.parse("2026-03-26T00:00:00Z");
const isWriting = process.env["HOSTTRAIL_VERIFY_DOCUMENT"] === "write";

/** What the document has in the place of what is another one each time. */
function shown(output: string): string[] {
  const shift = SHOWN_TODAY - TODAY;
  const epochs = new Set(host.blocks.map(({ epoch }) => epoch));
  // Without the progress that a slow machine shows for a while.
  let text = shownOf(output, "9999-12-31T00:00:00Z").join("\n").replaceAll(host.hostId, SHOWN_HOST);
  for (const epoch of epochs) {
    const other = epoch + (BigInt(shift) << 16n);
    text = text.replaceAll(epoch.toString(16), other.toString(16));
  }
  text = text.replaceAll(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z/g, (time) => {
    const ms = Date.parse(time);
    // When something was put into the log.
    if (ms > TODAY + 3 * HOUR_MS) return "2026-03-26T09:30:00.000Z";
    return time.includes(".")
      ? new Date(ms + shift).toISOString()
      : `${new Date(ms + shift).toISOString().slice(0, 19)}Z`;
  });
  return text.trimEnd().split("\n");
}

describe("docs/verify.md", () => {
  const text = readFileSync(DOCUMENT, "utf8");
  const blocks = blocksOf(text);
  const printed: Step[][] = [];
  const [deleted, changed, cut] = [19, 10, 31];
  const nothing = async (): Promise<Deed> => ({ what: "nothing", undo: async () => undefined });
  /** What is done before each block, and undone after it. */
  const deeds: (() => Promise<Deed>)[] = [
    nothing,
    () => insider.removeFromHistory(host.hostId, ({ epoch, first }) => isOf(deleted, epoch, first)),
    () => insider.changeHistory(host.hostId, ({ epoch, first }) => isOf(changed, epoch, first)),
    async () => {
      const from = host.blocks[cut] as SentBlock;
      const { header } = parseBlock((host.blocks[cut - 1] as SentBlock).bytes).block;
      const hash = Buffer.from(nodePrimitives.sha256(header)).toString("hex");
      return await insider.cutTail(host.hostId, from.epoch, { first: from.first, hash });
    },
    nothing,
  ];
  const isOf = (at: number, epoch: bigint, first: bigint): boolean =>
    host.blocks[at]?.epoch === epoch && host.blocks[at]?.first === first;

  before(() => {
    cpSync(CHECK, join(folder, "check.py"));
    cpSync(join(stack.authority, "trust.crt"), join(folder, "roots.pem"));
    writeFileSync(join(folder, "log.pub"), `${logKey}\n`);
  });

  it("shows what is printed", async () => {
    assert.equal(blocks.length, deeds.length);
    const terminal = new Terminal(folder, join(folder, "profile.yaml"));
    for (const [at, { steps }] of blocks.entries()) {
      const done = await (deeds[at] ?? nothing)();
      try {
        const now: Step[] = [];
        for (const { command } of steps) now.push({ command, output: shown(await terminal.run(command)) });
        printed[at] = now;
      } finally {
        await done.undo();
      }
    }
    if (isWriting) writeFileSync(DOCUMENT, withOutputs(text, blocks, printed));
    else
      assert.deepEqual(
        printed,
        blocks.map(({ steps }) => steps),
      );
  });
});

describe("verify beside the others", () => {
  it("has no false alarm while blocks come and are compacted", async () => {
    const { archive } = insider;
    const history = new History(historySource(archive));
    const options = { turnMs: 50, ageMs: 0, blocksMin: 1 };
    const compactor = new Compactor(
      compactArchive(archive),
      history,
      archive.hosts,
      options,
      openLogger("test", "error"),
    );
    const stopping = new AbortController();
    const compacting = compactor.run(stopping.signal);
    const done = new AbortController();
    const sending = deliver(stack, stack.host, host.hostId, sealed(160, TODAY + 200_000)).finally(() => {
      done.abort();
    });
    let times = 0;
    try {
      for (; !done.signal.aborted; times++) {
        const result = await verdict();
        const said = result.findings.map(({ reason, subject, detail }) => `${reason} ${subject} ${detail}`);
        assert.equal(result.verdict, Verdict.VERIFIED, said.join("; "));
      }
    } finally {
      await sending;
      stopping.abort();
      await compacting;
    }
    assert.ok(times > 1, `${times} times`);
    await logged();
    assert.equal((await verdict()).blocks, BigInt(host.blocks.length));
  });
});

describe("an old backup of the database", () => {
  it("is found by whoever saw the log before", async () => {
    const { child } = stack.mongodb;
    if (child === undefined) return;
    const data = join(dirname(dirname(stack.serverPath)), "mongodb");
    const backups: string[] = [];
    for (let number = 0; number < (TIMES >= 100 ? BACKUPS_MAX : 1); number++) {
      const backup = join(folder, `backup-${number}`);
      await child.stop();
      cpSync(data, backup, { recursive: true });
      backups.push(backup);
      await stack.mongodb.start();
      await deliver(stack, stack.host, host.hostId, sealed(4, TODAY + 120_000 + number * 1000));
      await logged();
    }
    const newest = await hosttrail("verify");
    assert.equal(newest.code, 0, newest.stdout + newest.stderr);
    for (let round = 0; round < (TIMES >= 100 ? TIMES : 1); round++) {
      await child.stop();
      rmSync(data, { recursive: true });
      cpSync(backups[round % backups.length] ?? "", data, { recursive: true });
      await stack.mongodb.start();
      const { code, stderr } = await hosttrail("verify");
      assert.equal(code, 2, stderr);
      assert.match(stderr, /the log: altered: it has \d+ entries and had \d+ when you saw it last/);
    }
  });
});
