/** A change in one of the product's files, made as it is loaded: the file itself stays as it is. */

export interface Patch {
  /** Below the root. */
  file: string;
  /** Throws an Error where the text is not as it was when the change was thought out. */
  apply(source: string): string;
}

/** Puts `by` in the place of `what`, which must stand there exactly once. */
export function replace(file: string, what: string, by: string): Patch {
  return {
    file,
    apply(source) {
      const parts = source.split(what);
      if (parts.length !== 2)
        throw new Error(`${file} has ${parts.length - 1} times what is to be replaced, and must have it once: ${what}`);
      return parts.join(by);
    },
  };
}
