/** What is known of versions of MongoDB: which our driver does not speak to, and which lose what they had acknowledged. */

interface VersionProblem {
  /** Not to be used at all. */
  isFatal: boolean;
  what: string;
}

type Version = readonly [number, number, number];

/** The driver (7.9) takes no older one. */
const MINIMUM: Version = [4, 4, 0];

const KNOWN: readonly { from: Version; before: Version; isFatal: boolean; what: string }[] = [
  {
    from: [4, 4, 5],
    before: [4, 4, 6],
    isFatal: true,
    what: "documents can be gone after any start (WT-7426); mended in 4.4.6",
  },
  {
    from: [4, 4, 8],
    before: [4, 4, 11],
    isFatal: false,
    what: "documents can be gone after an update from 4.4.3 or 4.4.4 (WT-8395); mended in 4.4.11",
  },
  {
    from: [5, 0, 2],
    before: [5, 0, 6],
    isFatal: false,
    what: "documents can be gone after an update from 4.4.3 or 4.4.4 (WT-8395); mended in 5.0.6",
  },
];

/** What must be known of this version; of one that cannot be read only that. */
export function mongodProblems(text: string): VersionProblem[] {
  const version = parse(text);
  if (version === undefined) return [{ isFatal: false, what: `the version "${text}" of MongoDB cannot be read` }];
  if (isBefore(version, MINIMUM))
    return [{ isFatal: true, what: `MongoDB ${text} is too old; ${MINIMUM.join(".")} or newer is needed` }];
  return KNOWN.filter(({ from, before }) => !isBefore(version, from) && isBefore(version, before)).map(
    ({ isFatal, what }) => ({ isFatal, what: `MongoDB ${text}: ${what}` }),
  );
}

function parse(text: string): Version | undefined {
  const match = /^(\d{1,5})\.(\d{1,5})\.(\d{1,5})(?:[-+].*)?$/.exec(text);
  if (match === null) return undefined;
  const [major = 0, minor = 0, patch = 0] = match.slice(1).map(Number);
  return [major, minor, patch];
}

function isBefore(version: Version, other: Version): boolean {
  for (const [at, part] of version.entries()) {
    const difference = part - (other[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
