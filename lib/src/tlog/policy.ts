/** Policies: which logs are known, and which witnesses must have cosigned. Source: C2SP tlog-policy. */
import { type Checkpoint, openCheckpoint } from "./checkpoint.ts";
import { cosignedAt } from "./cosignature.ts";
import { TlogError } from "./error.ts";
import { isSameKey, type KeyType, parseVerifierKey, type VerifierKey } from "./key.ts";
import type { Note } from "./note.ts";
import { fromDecimal, fromUtf8 } from "./text.ts";

/** Bytes of a policy file. */
const POLICY_BYTES_MAX: number = 64 * 1024;
/** Logs, witnesses, and groups of a policy: of each. */
const POLICY_PARTS_MAX = 64;
const NOBODY = "none";

export interface PolicyLog {
  key: VerifierKey;
  /** Empty where the policy has none. */
  url: string;
}

export interface PolicyWitness extends PolicyLog {
  /** Within the policy. */
  name: string;
}

interface Group {
  members: readonly string[];
  threshold: number;
}

export interface Policy {
  logs: readonly PolicyLog[];
  witnesses: readonly PolicyWitness[];
  groups: ReadonlyMap<string, Group>;
  /** Name of a witness or group; undefined where none must cosign. */
  quorum: string | undefined;
}

/** Who has cosigned a checkpoint. */
export interface Witnessed {
  /** Of a witness in the policy. */
  name: string;
  timeSeconds: number;
}

/** Throws a TlogError that names the line. */
export function parsePolicy(bytes: Uint8Array): Policy {
  if (bytes.length > POLICY_BYTES_MAX) {
    const limit = `${String(POLICY_BYTES_MAX)} are allowed`;
    throw new TlogError("POLICY_MALFORMED", "the policy", `it has ${String(bytes.length)} bytes; ${limit}`);
  }
  const reader = new PolicyReader();
  let line: number[] = [];
  let lineNumber = 1;
  for (const byte of bytes) {
    if (byte === 0x0a) {
      reader.take(Uint8Array.from(line), lineNumber++);
      line = [];
    } else {
      line.push(byte);
    }
  }
  // Editors leave the last line without its end; nothing else can be meant by it.
  reader.take(Uint8Array.from(line), lineNumber);
  return reader.finish(lineNumber);
}

class PolicyReader {
  readonly #logs: PolicyLog[] = [];
  readonly #witnesses: PolicyWitness[] = [];
  readonly #groups = new Map<string, Group>();
  readonly #members = new Set<string>();
  #quorum: { name: string | undefined } | undefined;

  take(bytes: Uint8Array, line: number): void {
    const refuse = (detail: string): TlogError =>
      new TlogError("POLICY_MALFORMED", `policy line ${String(line)}`, detail);
    if (bytes.some((byte) => (byte < 0x20 && byte !== 0x09) || byte === 0x7f))
      throw refuse("it has a control character");
    // Each octet is a character: names are opaque octets, whatever Unicode says of them.
    const words = Array.from(bytes, (byte) => String.fromCharCode(byte))
      .join("")
      .split(/[ \t]+/)
      .filter((word) => word !== "");
    const [keyword, ...rest] = words;
    if (keyword === undefined || keyword.startsWith("#")) return;
    if (keyword === "log") this.#takeLog(rest, refuse);
    else if (keyword === "witness") this.#takeWitness(rest, refuse);
    else if (keyword === "group") this.#takeGroup(rest, refuse);
    else if (keyword === "quorum") this.#takeQuorum(rest, refuse);
    else throw refuse(`"${keyword.slice(0, 40)}" is none of log, witness, group and quorum`);
  }

  finish(line: number): Policy {
    if (this.#quorum === undefined) {
      throw new TlogError("POLICY_MALFORMED", `policy line ${String(line)}`, "the policy ends without a quorum line");
    }
    return { logs: this.#logs, witnesses: this.#witnesses, groups: this.#groups, quorum: this.#quorum.name };
  }

  #takeLog(words: readonly string[], refuse: (detail: string) => TlogError): void {
    const [keyText, url = "", ...more] = words;
    if (keyText === undefined || more.length > 0) throw refuse("a log is: log KEY [URL]");
    const key = readKey(keyText, ["ed25519"], refuse);
    if (this.#logs.some((log) => isSameKey(log.key, key))) throw refuse("the key of this log is above already");
    if (this.#logs.length >= POLICY_PARTS_MAX) throw refuse(`at most ${String(POLICY_PARTS_MAX)} logs are allowed`);
    this.#logs.push({ key, url });
  }

  #takeWitness(words: readonly string[], refuse: (detail: string) => TlogError): void {
    const [name, keyText, url = "", ...more] = words;
    if (name === undefined || keyText === undefined || more.length > 0)
      throw refuse("a witness is: witness NAME KEY [URL]");
    this.#requireFree(name, refuse);
    const key = readKey(keyText, ["cosignature/v1"], refuse);
    if (this.#witnesses.some((each) => isSameKey(each.key, key)))
      throw refuse("the key of this witness is above already");
    if (this.#witnesses.length >= POLICY_PARTS_MAX)
      throw refuse(`at most ${String(POLICY_PARTS_MAX)} witnesses are allowed`);
    this.#witnesses.push({ name, key, url });
  }

  #takeGroup(words: readonly string[], refuse: (detail: string) => TlogError): void {
    const [name, count, ...members] = words;
    if (name === undefined || count === undefined || members.length === 0) {
      throw refuse("a group is: group NAME all|any|NUMBER NAME...");
    }
    this.#requireFree(name, refuse);
    if (this.#groups.size >= POLICY_PARTS_MAX) throw refuse(`at most ${String(POLICY_PARTS_MAX)} groups are allowed`);
    const threshold = count === "any" ? 1 : count === "all" ? members.length : fromDecimal(count);
    if (threshold === undefined || threshold < 1 || threshold > members.length) {
      throw refuse(`"${count.slice(0, 40)}" is none of all, any and 1 to ${String(members.length)}`);
    }
    for (const member of members) {
      this.#requireKnown(member, refuse);
      if (this.#members.has(member)) throw refuse(`"${member.slice(0, 80)}" is a member already; once is allowed`);
      this.#members.add(member);
    }
    this.#groups.set(name, { members, threshold });
  }

  #takeQuorum(words: readonly string[], refuse: (detail: string) => TlogError): void {
    const [name, ...more] = words;
    if (name === undefined || more.length > 0) throw refuse("a quorum is: quorum NAME");
    if (this.#quorum !== undefined) throw refuse("there is a quorum above already");
    if (name !== NOBODY) this.#requireKnown(name, refuse);
    this.#quorum = { name: name === NOBODY ? undefined : name };
  }

  #isKnown(name: string): boolean {
    return this.#groups.has(name) || this.#witnesses.some((witness) => witness.name === name);
  }

  #requireKnown(name: string, refuse: (detail: string) => TlogError): void {
    if (!this.#isKnown(name)) throw refuse(`"${name.slice(0, 80)}" is no witness and no group above`);
  }

  #requireFree(name: string, refuse: (detail: string) => TlogError): void {
    if (name === NOBODY) throw refuse(`"${NOBODY}" is no name for a witness or group`);
    if (this.#isKnown(name)) throw refuse(`"${name.slice(0, 80)}" is the name of a witness or group above already`);
  }
}

function readKey(octets: string, types: readonly KeyType[], refuse: (detail: string) => TlogError): VerifierKey {
  const text = fromUtf8(Uint8Array.from(octets, (octet) => octet.charCodeAt(0)));
  if (text === undefined) throw refuse("the name of the key is not UTF-8");
  try {
    return parseVerifierKey(text, types);
  } catch (error) {
    throw error instanceof TlogError ? refuse(`${error.place}: ${error.detail}`) : error;
  }
}

/** True where so many of these witnesses, named as in the policy, are what the policy asks for. */
export function isQuorum({ quorum, groups }: Policy, names: ReadonlySet<string>): boolean {
  const has = (name: string): boolean => {
    const group = groups.get(name);
    if (group === undefined) return names.has(name);
    return group.members.filter(has).length >= group.threshold;
  };
  return quorum === undefined || has(quorum);
}

/** Who of the policy has cosigned. Throws a TlogError where a cosignature of a known witness does not hold. */
export function witnessesOf({ witnesses }: Policy, note: Note): Witnessed[] {
  return witnesses.flatMap(({ name, key }) => {
    const timeSeconds = cosignedAt(note, key);
    return timeSeconds === undefined ? [] : [{ name, timeSeconds }];
  });
}

/** A checkpoint that a log of the policy has signed and enough witnesses have cosigned. Throws a TlogError for any other one. */
export function openWitnessed(
  policy: Policy,
  bytes: Uint8Array,
): { checkpoint: Checkpoint; note: Note; witnessed: Witnessed[] } {
  const opened = openCheckpoint(
    bytes,
    policy.logs.map(({ key }) => key),
  );
  const witnessed = witnessesOf(policy, opened.note);
  if (!isQuorum(policy, new Set(witnessed.map(({ name }) => name)))) {
    const names = witnessed.map(({ name }) => name).join(", ") || "nobody";
    throw new TlogError(
      "QUORUM_MISSING",
      `the checkpoint of ${opened.checkpoint.origin}`,
      `cosigned by ${names} alone`,
    );
  }
  return { ...opened, witnessed };
}
