/** Which fields a filter asks for. */
import { parseFilter } from "@hosttrail/lib/predicate";

type Tree = NonNullable<ReturnType<typeof parseFilter>>;

/** By their ECS names, in order; a word alone is asked of many fields, which are not listed. Throws a FilterError. */
export function fieldsOf(filter: string): string[] {
  const tree = parseFilter(filter);
  return tree === undefined ? [] : [...new Set(namesIn(tree))].sort();
}

function namesIn(tree: Tree): string[] {
  switch (tree.kind) {
    case "and":
    case "or":
      return tree.parts.flatMap(namesIn);
    case "not":
      return namesIn(tree.part);
    case "word":
      return [];
    default:
      return [tree.path.join(".")];
  }
}
