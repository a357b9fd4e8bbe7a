import assert from "node:assert/strict";
import { generateKeyPairSync, sign as signWith } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ed25519BytesOf } from "../crypto/index.ts";
import {
  cosign,
  cosignedAt,
  formatAddCheckpoint,
  formatCheckpoint,
  formatNote,
  formatProofFile,
  formatVerifierKey,
  GrowingTree,
  isQuorum,
  isSignedBy,
  type KeyType,
  leafHash,
  openCheckpoint,
  openWitnessed,
  parseAddCheckpoint,
  parseCheckpoint,
  parseCosignatures,
  parseNote,
  parsePolicy,
  parseProofFile,
  parseVerifierKey,
  proveInclusion,
  signNote,
  TlogError,
  type VerifierKey,
  verifierKey,
  verifyProofFile,
} from "./index.ts";

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** A key of the tests of golang.org/x/mod/sumdb/note, and what it has signed. */
const NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NEUMANN_NOTE = [
  "If you think cryptography is the answer to your problem,",
  "then you don't know what your problem is.",
  "",
  "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=",
  "",
].join("\n");
/** The examples of C2SP signed-note and tlog-cosignature. */
const SPEC_NOTES = [
  [
    "Ognuno sta solo sul cuor della terra",
    "trafitto da un raggio di sole:",
    "",
    "ed \u00e8 subito sera.",
    "",
    "\u2014 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=",
    "",
  ].join("\n"),
  [
    "example.com/behind-the-sofa",
    "20852163",
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    "",
    "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=",
    "\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==",
    "",
  ].join("\n"),
];

interface Signer {
  key: VerifierKey;
  sign: (message: Uint8Array) => Uint8Array;
}

function signer(name: string, type: KeyType = "ed25519"): Signer {
  const { privateKey } = generateKeyPairSync("ed25519");
  return {
    key: verifierKey(type, name, ed25519BytesOf(privateKey)),
    sign: (message) => signWith(null, message, privateKey),
  };
}

const log = signer("example.org/log");
const [one, two, three] = ["w1", "w2", "w3"].map((name) => signer(`witness.example/${name}`, "cosignature/v1")) as [
  Signer,
  Signer,
  Signer,
];
const ENTRIES = ["a", "b", "c", "d", "e"].map(bytesOf);
const tree = GrowingTree.empty();
const tiles = tree.append(ENTRIES);
const TEXT = formatCheckpoint({ origin: log.key.name, size: tree.size, root: tree.root(), extensions: [] });
const note = (witnesses: readonly Signer[], text: string = TEXT): Uint8Array =>
  formatNote({
    text,
    signatures: [
      signNote(text, log.key, log.sign),
      ...witnesses.map(({ key, sign }, at) => cosign(text, key, 1_700_000_000 + at, sign)),
    ],
  });
const policyText = (quorum: string): string =>
  [
    "# who must have seen it",
    `log ${formatVerifierKey(log.key)} https://log.example`,
    ...[one, two, three].map(({ key }, at) => `witness\tw${String(at + 1)}  ${formatVerifierKey(key)}`),
    "group two 2 w1 w2",
    "group all any two w3",
    quorum,
    "",
  ].join("\n");
const policy = parsePolicy(bytesOf(policyText("quorum all")));

const refuses = (work: () => unknown, code: string, pattern: RegExp = /./): void =>
  assert.throws(
    work,
    (error) => error instanceof TlogError && error.code === code && pattern.test(error.message),
    code,
  );

describe("signed notes", () => {
  it("are those of other programs", () => {
    const key = parseVerifierKey(NEUMANN, ["ed25519"]);
    assert.equal(formatVerifierKey(key), NEUMANN);
    assert.ok(isSignedBy(parseNote(bytesOf(NEUMANN_NOTE)), key));
    refuses(() => isSignedBy(parseNote(bytesOf(NEUMANN_NOTE.replace("think", "thank"))), key), "SIGNATURE_INVALID");
    for (const text of SPEC_NOTES) assert.equal(textOf(formatNote(parseNote(bytesOf(text)))), text);
  });

  it("are refused where they are not as they should be", () => {
    const wrong = (change: (text: string) => string): void =>
      refuses(() => parseNote(bytesOf(change(NEUMANN_NOTE))), "NOTE_MALFORMED");
    wrong((text) => text.slice(0, -1));
    wrong((text) => `${text}\n`);
    wrong((text) => text.replace("\n\n", "\n"));
    wrong((text) => text.replace("\u2014", "-"));
    wrong((text) => text.replace("PeterNeumann", "Peter+Neumann"));
    wrong((text) => text.replace("PeterNeumann", "Peter\u2003Neumann"));
    wrong((text) => text.replace(" PeterNeumann", " "));
    wrong((text) => text.replace("x08go/", "x08go-"));
    wrong((text) => text.replace("JnAM=", "JnAN="));
    wrong((text) => text.replace("If", "I\r"));
    wrong((text) => text + text.slice(text.indexOf("\u2014")).repeat(128));
    wrong((text) => "x".repeat(70_000) + text);
    refuses(() => parseNote(Uint8Array.of(0xff, 10, 10)), "NOTE_MALFORMED", /UTF-8/);
    refuses(() => parseNote(new Uint8Array()), "NOTE_MALFORMED");
  });

  it("have keys whose id is the one of the key", () => {
    refuses(
      () => parseVerifierKey(NEUMANN.replace("c74f", "c74e"), ["ed25519"]),
      "KEY_MALFORMED",
      /its id is not c74f20a3/,
    );
    refuses(() => parseVerifierKey(NEUMANN, ["cosignature/v1"]), "KEY_MALFORMED", /allowed is 4 \(cosignature\/v1\)/);
    refuses(() => parseVerifierKey("a b+00000000+AQ==", ["ed25519"]), "KEY_MALFORMED");
    refuses(() => verifierKey("ed25519", "a\u00a0b", new Uint8Array(32)), "KEY_MALFORMED");
    refuses(() => verifierKey("ed25519", "", new Uint8Array(32)), "KEY_MALFORMED");
  });
});

describe("checkpoints", () => {
  it("are taken where their log has signed them", () => {
    const { checkpoint } = openCheckpoint(note([]), [log.key]);
    assert.deepEqual(checkpoint, {
      origin: "example.org/log",
      size: 5,
      root: new Uint8Array(tree.root()),
      extensions: [],
    });
    const other = signer("example.org/log");
    refuses(() => openCheckpoint(note([]), [other.key]), "SIGNATURE_MISSING");
    refuses(() => openCheckpoint(note([]), [signer("example.org/other").key]), "ORIGIN_MISMATCH");
    refuses(() => openCheckpoint(note([]), []), "ORIGIN_MISMATCH");
    const signed = parseNote(note([]));
    const text = TEXT.replace("\n5\n", "\n6\n");
    refuses(() => openCheckpoint(formatNote({ ...signed, text }), [log.key]), "SIGNATURE_INVALID");
    // Another name with the same key is another log.
    const same = { ...log.key, name: "example.org/two" };
    const stolen = signNote(text, same, log.sign);
    refuses(() => openCheckpoint(formatNote({ text, signatures: [stolen] }), [same]), "ORIGIN_MISMATCH");
  });

  it("have three lines, and perhaps more", () => {
    const lines = TEXT.split("\n");
    assert.deepEqual(parseCheckpoint(`${TEXT}more\n`).extensions, ["more"]);
    for (const text of [
      lines.slice(0, 2).join("\n"),
      TEXT.slice(0, -1),
      `\n${lines.slice(1).join("\n")}`,
      TEXT.replace("\n5\n", "\n05\n"),
      TEXT.replace("\n5\n", "\n-5\n"),
      TEXT.replace("\n5\n", "\n9007199254740992\n"),
      TEXT.replace("=\n", "\n"),
      `${TEXT}\n`,
    ])
      refuses(() => parseCheckpoint(text), "CHECKPOINT_MALFORMED");
  });
});

describe("cosignatures", () => {
  it("say when a witness saw a checkpoint", () => {
    const bytes = note([one, two]);
    assert.equal(cosignedAt(parseNote(bytes), one.key), 1_700_000_000);
    assert.equal(cosignedAt(parseNote(bytes), two.key), 1_700_000_001);
    assert.equal(cosignedAt(parseNote(bytes), three.key), undefined);
    // A key of a log is none of a witness, even if it is the same.
    assert.equal(cosignedAt(parseNote(bytes), verifierKey("ed25519", one.key.name, one.key.publicKey)), undefined);
    assert.equal(parseCosignatures(bytesOf(textOf(bytes).split("\n\n")[1] ?? "")).length, 3);
  });

  it("do not hold for another text or another time", () => {
    const parsed = parseNote(note([one]));
    refuses(() => cosignedAt({ ...parsed, text: TEXT.replace("\n5\n", "\n6\n") }, one.key), "SIGNATURE_INVALID");
    const signatures = parsed.signatures.map((each) => ({
      ...each,
      bytes: each.bytes.map((byte, at) => (at === 7 ? byte ^ 1 : byte)),
    }));
    refuses(() => cosignedAt({ ...parsed, signatures }, one.key), "SIGNATURE_INVALID");
    const short = parsed.signatures.map((each) => ({ ...each, bytes: each.bytes.slice(0, 20) }));
    refuses(() => cosignedAt({ ...parsed, signatures: short }, one.key), "SIGNATURE_INVALID");
  });
});

describe("policies", () => {
  it("say who must have cosigned", () => {
    const is = (...names: string[]): boolean => isQuorum(policy, new Set(names));
    assert.deepEqual(
      [is(), is("w1"), is("w1", "w2"), is("w3"), is("w1", "w2", "w3")],
      [false, false, true, true, true],
    );
    assert.deepEqual(openWitnessed(policy, note([one, two])).witnessed, [
      { name: "w1", timeSeconds: 1_700_000_000 },
      { name: "w2", timeSeconds: 1_700_000_001 },
    ]);
    refuses(() => openWitnessed(policy, note([two])), "QUORUM_MISSING", /cosigned by w2 alone/);
    assert.ok(openWitnessed(parsePolicy(bytesOf(policyText("quorum none"))), note([])));
    assert.equal(policy.logs[0]?.url, "https://log.example");
  });

  it("name the line that is wrong", () => {
    const wrong = (text: string, pattern: RegExp): void =>
      refuses(() => parsePolicy(bytesOf(text)), "POLICY_MALFORMED", pattern);
    const witness = `witness x ${formatVerifierKey(one.key)}`;
    wrong("", /ends without a quorum line/);
    wrong("quorum none\nquorum none\n", /line 2: there is a quorum above/);
    wrong("quorum w1\n", /line 1: "w1" is no witness and no group above/);
    wrong("group g all\n", /a group is/);
    wrong(`${witness}\ngroup g 2 x\n`, /line 2: "2" is none of all, any and 1 to 1/);
    wrong(`${witness}\ngroup g any x\ngroup h any x\n`, /line 3: "x" is a member already/);
    wrong(`${witness}\ngroup g any x x\n`, /line 2: "x" is a member already/);
    wrong(`${witness}\ngroup x any x\n`, /is the name of a witness or group above/);
    wrong(`${witness}\n${witness.replace(" x ", " y ")}\n`, /line 2: the key of this witness is above/);
    wrong(`log ${formatVerifierKey(one.key)}\n`, /line 1: .*its type is 4; allowed is 1/);
    wrong(witness.replace(" x ", " none "), /no name for a witness/);
    wrong("witnes x y\n", /"witnes" is none of log, witness, group and quorum/);
    wrong("quorum none\r\n", /control character/);
    wrong(`#${"x".repeat(70_000)}`, /65536 are allowed/);
  });

  it("take names as octets, whatever they mean", () => {
    const kelvin = Buffer.concat([
      Buffer.from(`witness \u212a ${formatVerifierKey(one.key)}\nquorum `),
      Buffer.from("K\n"),
    ]);
    refuses(() => parsePolicy(kelvin), "POLICY_MALFORMED", /"K" is no witness/);
    const odd = Buffer.concat([
      Buffer.from("witness "),
      Buffer.of(0xff, 0xa0, 0x85),
      Buffer.from(` ${formatVerifierKey(one.key)}\nquorum `),
      Buffer.of(0xff, 0xa0, 0x85),
    ]);
    assert.equal(parsePolicy(odd).quorum, "\u00ff\u00a0\u0085");
  });
});

describe("proofs as files", () => {
  it("show that an entry is in a witnessed log", async () => {
    const read = (): Promise<Uint8Array> => Promise.resolve(tiles[0]?.bytes ?? new Uint8Array());
    const hashes = await proveInclusion(5, 3, read);
    const bytes = formatProofFile({ index: 3, hashes, checkpoint: note([three]), extra: bytesOf("x") });
    const file = parseProofFile(bytes);
    assert.equal(textOf(formatProofFile(file)), textOf(bytes));
    assert.deepEqual(verifyProofFile(policy, file, bytesOf("d")), {
      origin: "example.org/log",
      size: 5,
      witnessed: [{ name: "w3", timeSeconds: 1_700_000_000 }],
    });
    refuses(() => verifyProofFile(policy, file, bytesOf("e")), "PROOF_INVALID");
    refuses(() => verifyProofFile(policy, { ...file, index: 2 }, bytesOf("d")), "PROOF_INVALID");
    refuses(() => verifyProofFile(policy, { ...file, checkpoint: note([]) }, bytesOf("d")), "QUORUM_MISSING");
    for (const change of [
      (text: string) => text.replace("@v1", "@v2"),
      (text: string) => text.replace("index 3", "index 03"),
      (text: string) => text.replace("extra eA==", "extra eA="),
      (text: string) => text.replace("index", "x\nindex"),
      (text: string) => text.replaceAll("\n\n", "\n"),
    ])
      refuses(() => parseProofFile(bytesOf(change(textOf(bytes)))), "PROOF_MALFORMED");
  });
});

describe("what comes from outside", () => {
  const request = formatAddCheckpoint({ oldSize: 3, hashes: [leafHash(bytesOf("x"))], checkpoint: note([one]) });
  const seeds = [NEUMANN_NOTE, ...SPEC_NOTES, NEUMANN, TEXT, policyText("quorum all"), textOf(request)].map(bytesOf);
  const changed = fc
    .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(3)), { maxLength: 4 }))
    .map(([seed, changes]) =>
      changes.reduce<Uint8Array>((bytes, [at, byte, how]) => {
        const place = at % (bytes.length + 1);
        const middle =
          how === 0 ? [] : how === 1 ? [byte] : Array.from(bytes.subarray(place % 50, (place % 50) + byte));
        return Uint8Array.from([
          ...bytes.subarray(0, place),
          ...middle,
          ...bytes.subarray(how === 2 ? place : place + 1),
        ]);
      }, seed),
    );
  const parsers: ((bytes: Uint8Array) => Uint8Array | undefined)[] = [
    (bytes) => formatNote(parseNote(bytes)),
    (bytes) => bytesOf(formatCheckpoint(parseCheckpoint(textOf(bytes)))),
    (bytes) => bytesOf(formatVerifierKey(parseVerifierKey(textOf(bytes), ["ed25519", "cosignature/v1"]))),
    (bytes) => formatAddCheckpoint(parseAddCheckpoint(bytes)),
    (bytes) => formatProofFile(parseProofFile(bytes)),
    (bytes) => void parsePolicy(bytes),
    (bytes) => void parseCosignatures(bytes),
    (bytes) => void openWitnessed(policy, bytes),
  ];

  it("is read to what gives the same bytes, or refused", () => {
    fc.assert(
      fc.property(changed, (bytes) => {
        for (const parse of parsers) {
          try {
            const again = parse(bytes);
            if (again !== undefined) assert.equal(textOf(again), textOf(bytes));
          } catch (error) {
            assert.ok(error instanceof TlogError, String(error));
          }
        }
      }),
      { numRuns: 3000 },
    );
  });
});
