/** What is known of versions of nats-server: which must not be used, and which lose what they had acknowledged. */

export interface VersionProblem {
  /** Not to be used at all. */
  isFatal: boolean;
  what: string;
}

type Version = readonly [number, number, number];

/** Below it a server that is killed could lose whole streams. */
const MINIMUM: Version = [2, 10, 23];

const KNOWN: readonly { from: Version; before: Version; onlyReplicated: boolean; what: string }[] = [
  {
    from: [0, 0, 0],
    before: [2, 12, 3],
    onlyReplicated: true,
    what: "a change of the cluster's members can lose acknowledged messages; mended in 2.12.3",
  },
];

/** What must be known of this version with so many replicas; nothing for a version that cannot be read but that. */
export function problemsOf(text: string, replicas: number): VersionProblem[] {
  const version = parse(text);
  if (version === undefined) return [{ isFatal: false, what: `nats-server's version "${text}" cannot be read` }];
  if (isBefore(version, MINIMUM))
    return [
      {
        isFatal: true,
        what: `nats-server ${text} can lose whole streams when it is killed; ${MINIMUM.join(".")} or newer is needed`,
      },
    ];
  return KNOWN.filter(
    ({ from, before, onlyReplicated }) =>
      !isBefore(version, from) && isBefore(version, before) && (!onlyReplicated || replicas > 1),
  ).map(({ what }) => ({ isFatal: false, what: `nats-server ${text}: ${what}` }));
}

function parse(text: string): Version | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])];
}

function isBefore(version: Version, other: Version): boolean {
  for (const [at, part] of other.entries()) if (version[at] !== part) return (version[at] ?? 0) < part;
  return false;
}
