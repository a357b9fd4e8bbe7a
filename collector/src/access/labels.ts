/** Labels of hosts, by which scopes go. They come from the proof of enrolment, never from the host itself. */

export type Labels = Readonly<Record<string, string>>;

const LABELS_MAX = 64;
const KEY = /^[a-zA-Z][\w.-]{0,62}$/;
const VALUE_LENGTH_MAX = 256;

/** Says what is wrong with labels; undefined where nothing is. */
export function labelProblem(labels: Labels): string | undefined {
  const entries = Object.entries(labels);
  if (entries.length > LABELS_MAX) return `there are ${entries.length} labels; at most ${LABELS_MAX} are allowed`;
  for (const [key, value] of entries) {
    if (!KEY.test(key)) {
      return `label key "${key.slice(0, 64)}" is not allowed; it must be a letter and up to 62 of letters, digits, "_", "." and "-"`;
    }
    if (value.length > VALUE_LENGTH_MAX || /\p{Cc}/u.test(value)) {
      return `the value of label "${key}" must have at most ${VALUE_LENGTH_MAX} characters, none of them a control character`;
    }
  }
  return undefined;
}

/** Whether labels are within a scope: they have all of its labels. */
export function isWithin(labels: Labels, scope: Labels): boolean {
  return Object.entries(scope).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

/** The same text for the same labels, in whatever order. */
export function labelsKey(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
