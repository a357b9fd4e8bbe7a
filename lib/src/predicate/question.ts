/** What is asked of one value. */
export interface Question {
  /** Decides on a value in the form that its type gives it. */
  test(form: string): boolean;
  /** The same for a value that is a number, where that is quicker than its form. */
  testNumber?: (value: number | bigint) => boolean;
  /** The only form that passes the test, where there is just one: so a sieve can be asked for it. */
  form?: string;
  /** What every form that passes has in it: all of these. */
  parts?: readonly string[];
  /** One of these, in lower case, stands in the lower case of every form that passes. */
  lowerParts?: readonly string[];
  /** Takes long. */
  isCostly?: boolean;
}

/** Why no value can be what was asked for. */
export interface Refusal {
  problem: string;
}

export function isForm(form: string): Question {
  return { form, test: (other) => other === form };
}

export function hasPart(part: string): Question {
  return { parts: [part], test: (form) => form.includes(part) };
}

/** A value there is, whatever it be; `none` is the form that says that nobody knew it. */
export function isThere(none: string | undefined): Question {
  return { test: (form) => form !== "" && form !== none };
}

/** Any value at all, the empty one too. */
export const ANY_VALUE: Question = { test: () => true, testNumber: () => true };

/** Text between stars, each of which is any text. `isWhole`: the value begins with the first and ends with the last. */
export function isLike(parts: readonly string[], isWhole: boolean): Question {
  const all = isWhole ? parts : ["", ...parts, ""];
  const [first = ""] = all;
  const last = all.at(-1) ?? "";
  const between = all.slice(1, -1).filter((part) => part !== "");
  const least = all.reduce((sum, { length }) => sum + length, 0);
  return {
    parts: all.filter((part) => part !== ""),
    test(form) {
      if (form.length < least || !form.startsWith(first) || !form.endsWith(last)) return false;
      let at = first.length;
      for (const part of between) {
        const found = form.indexOf(part, at);
        if (found < 0) return false;
        at = found + part.length;
      }
      return at <= form.length - last.length;
    },
  };
}
