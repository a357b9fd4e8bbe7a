/**
 * What a security module said: SELinux, AppArmor, Smack, Landlock, IPE. The kernel writes refusals, permissions and mere notices into records of
 * the same type; the verdict in their text tells them apart.
 */
import { messageWords, type RecordWords, recordTypeNumber, unquote, valueOf } from "@hosttrail/lib/audit";
import { type Meaning, meaning } from "./terms.ts";

/** What the records of security modules mean for their event. */
export interface Decision {
  meaning: Meaning;
  outcome: "success" | "failure" | "";
  /** True where the outcome goes before the call's own: a call may succeed though a part of it was refused. */
  isFinal: boolean;
  /** True where it says more than the system call does, as a permission that was asked to be logged does not. */
  isDecisive: boolean;
  /** Of several decisions in one event the gravest one is the event's. */
  gravity: number;
}

const VIOLATED = "violated-access-policy";
const ACCESSED = "accessed-mac-policy-controlled-object";
const CHECKED = "checked-access";

const DENIED: Decision = {
  meaning: meaning(VIOLATED, "intrusion_detection", "denied"),
  outcome: "failure",
  isFinal: true,
  isDecisive: true,
  gravity: 9,
};
/** Of a kernel that does not say whether it enforces: the call's own result tells more. */
const DENIED_PERHAPS: Decision = { ...DENIED, isFinal: false, gravity: 8 };
/** It would be refused, but the policy only watches here (permissive, complain). */
const TOLERATED: Decision = {
  meaning: meaning(VIOLATED, "intrusion_detection", "allowed"),
  outcome: "success",
  isFinal: true,
  isDecisive: true,
  gravity: 7,
};
const ERROR_DENIED: Decision = {
  meaning: meaning("caused-mac-policy-error", "intrusion_detection", "denied"),
  outcome: "failure",
  isFinal: false,
  isDecisive: true,
  gravity: 6,
};
const ERROR: Decision = {
  ...ERROR_DENIED,
  meaning: meaning("caused-mac-policy-error", "intrusion_detection", "info"),
  outcome: "",
  gravity: 5,
};
const FAILED: Decision = { ...ERROR, outcome: "failure" };
const GRANTED: Decision = {
  meaning: meaning(ACCESSED, "intrusion_detection", "allowed"),
  outcome: "success",
  isFinal: false,
  isDecisive: false,
  gravity: 2,
};
const NOTED: Decision = {
  ...GRANTED,
  meaning: meaning(CHECKED, "intrusion_detection", "info"),
  outcome: "",
  gravity: 1,
};

function changed(of: Meaning, outcome: "success" | "failure"): Decision {
  return { meaning: of, outcome, isFinal: true, isDecisive: true, gravity: 4 };
}

/** What AppArmor's STATUS tells of, by its `operation`. */
const PROFILE_CHANGES: ReadonlyMap<string, Meaning> = new Map([
  ["profile_load", meaning("loaded-access-policy", "configuration", "creation")],
  ["profile_replace", meaning("replaced-access-policy", "configuration", "change")],
  ["profile_remove", meaning("removed-access-policy", "configuration", "deletion")],
]);
const PROFILE_CHANGED = meaning("changed-access-policy", "configuration", "change");

/** Notices that SELinux's user space logs as USER_AVC, by their first word after "received". */
const NOTICES: ReadonlyMap<string, Decision> = new Map([
  ["setenforce", changed(meaning("changed-selinux-enforcement", "configuration", "change"), "success")],
  ["policyload", changed(meaning("loaded-selinux-policy", "configuration", "change"), "success")],
]);

type Reader = (words: RecordWords) => Decision;

const READERS: ReadonlyMap<number | undefined, Reader> = new Map<number | undefined, Reader>(
  (
    [
      ["AVC", accessOf],
      ["USER_AVC", (record) => accessOf(messageWords(record) ?? record)],
      ["SELINUX_ERR", errorOf],
      ["USER_SELINUX_ERR", (record) => errorOf(messageWords(record) ?? record)],
      ["LANDLOCK_ACCESS", () => DENIED],
      ["IPE_ACCESS", integrityOf],
      ...["AUDIT", "ALLOWED", "DENIED", "HINT", "STATUS", "ERROR", "KILL"].map((status): [string, Reader] => [
        `APPARMOR_${status}`,
        (record) => profileOf(status, record),
      ]),
    ] satisfies [string, Reader][]
  ).map(([name, reader]) => [recordTypeNumber(name), reader]),
);

const USER_AVC = recordTypeNumber("USER_AVC");
const USER_SELINUX_ERR = recordTypeNumber("USER_SELINUX_ERR");
const KERNEL_FIRST = 1400;
const KERNEL_LAST = 1599;

/** The gravest decision that the event's records tell of; undefined where no security module wrote one of them. */
export function decisionOf(records: readonly RecordWords[]): Decision | undefined {
  let gravest: Decision | undefined;
  for (const record of records) {
    const { type } = record;
    // Most events have none, and all come by here.
    if ((type < KERNEL_FIRST || type > KERNEL_LAST) && type !== USER_AVC && type !== USER_SELINUX_ERR) continue;
    const decision = READERS.get(type)?.(record);
    if (decision !== undefined && decision.gravity > (gravest?.gravity ?? 0)) gravest = decision;
  }
  return gravest;
}

function accessOf(words: RecordWords): Decision {
  const profile = valueOf(words, "apparmor");
  if (profile !== undefined) return profileOf(unquote(profile), words);
  if (valueOf(words, "lsm") === "SMACK") return valueOf(words, "action") === "denied" ? DENIED : GRANTED;
  const [verdict, next] = selinuxWords(words);
  switch (verdict) {
    case "denied":
      return deniedBy(valueOf(words, "permissive"));
    case "granted":
      return GRANTED;
    case "received":
      return NOTICES.get(next) ?? NOTED;
    default:
      return NOTED;
  }
}

/** `avc:  denied  { read } for …`: the two words behind "avc:", which no value of a field can forge. */
function selinuxWords({ keys, values }: RecordWords): [string, string] {
  if (keys[0] !== "" || values[0] !== "avc:") return ["", ""];
  const words: string[] = [];
  for (let at = 1; at < keys.length && keys[at] === "" && words.length < 2; at++) {
    const word = values[at] ?? "";
    if (word !== "") words.push(word);
  }
  return [words[0] ?? "", words[1] ?? ""];
}

function deniedBy(permissive: string | undefined): Decision {
  if (permissive === undefined) return DENIED_PERHAPS;
  return permissive === "1" ? TOLERATED : DENIED;
}

function profileOf(status: string, words: RecordWords): Decision {
  switch (status) {
    case "DENIED":
    case "KILLED":
    case "KILL":
      return DENIED;
    case "ALLOWED":
      return TOLERATED;
    case "AUDIT":
      return GRANTED;
    case "ERROR":
      return FAILED;
    case "STATUS": {
      const change = PROFILE_CHANGES.get(unquote(valueOf(words, "operation") ?? "")) ?? PROFILE_CHANGED;
      return changed(change, (valueOf(words, "error") ?? "0") === "0" ? "success" : "failure");
    }
    default:
      return NOTED;
  }
}

function errorOf(words: RecordWords): Decision {
  return valueOf(words, "seresult") === "denied" ? ERROR_DENIED : ERROR;
}

/** IPE names the rule that decided: `rule="DEFAULT action=DENY"`. */
function integrityOf(words: RecordWords): Decision {
  if (!/\baction=DENY\b/.test(unquote(valueOf(words, "rule") ?? ""))) return GRANTED;
  return valueOf(words, "enforcing") === "0" ? TOLERATED : DENIED;
}

/** Every meaning that this file names, for a test against the terms that ECS allows. */
export const POLICY_MEANINGS: readonly Meaning[] = [
  ...[DENIED, TOLERATED, ERROR_DENIED, ERROR, GRANTED, NOTED, ...NOTICES.values()].map((decision) => decision.meaning),
  ...PROFILE_CHANGES.values(),
  PROFILE_CHANGED,
];
