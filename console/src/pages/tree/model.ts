/** The tree as rows: what is unfolded, in the order in which it is read, with what a screen reader says of each. */
import type { ProcessDeed, ProcessNode, ProcessTree } from "../../api/index.ts";

type DeedKind = "file" | "connection" | "other";

interface RowBase {
  key: string;
  /** Counted from 1. */
  level: number;
  /** Its place among those beside it, counted from 1, and how many they are. */
  position: number;
  size: number;
  /** Key of the process that it is below; empty for a root. */
  parent: string;
}

export type TreeRow = RowBase &
  (
    | { kind: "process"; node: ProcessNode; isOpen: boolean; canOpen: boolean }
    | { kind: "deed"; deed: ProcessDeed; what: DeedKind }
    | { kind: "left"; what: DeedKind; count: string }
  );

/** Deeper processes stand at the last level. */
const LEVEL_MAX = 40;

export interface Forest {
  roots: readonly ProcessNode[];
  children: ReadonlyMap<string, readonly ProcessNode[]>;
}

/** Whose parent is not there is a root; so is one of those that are their own ancestors, so that none is lost. */
export function forestOf({ nodes = [] }: ProcessTree): Forest {
  const byId = new Map(nodes.map((node) => [node.entityId ?? "", node]));
  const children = Map.groupBy(
    nodes.filter(({ parentEntityId = "" }) => byId.has(parentEntityId)),
    ({ parentEntityId = "" }) => parentEntityId,
  );
  const roots = nodes.filter(({ parentEntityId = "" }) => !byId.has(parentEntityId));
  const reached = new Set<string>();
  const reach = (root: ProcessNode): void => {
    const waiting = [root];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      const id = node.entityId ?? "";
      if (reached.has(id)) continue;
      reached.add(id);
      waiting.push(...(children.get(id) ?? []));
    }
  };
  roots.forEach(reach);
  for (const node of nodes)
    if (!reached.has(node.entityId ?? "")) {
      roots.push(node);
      reach(node);
    }
  return { roots, children };
}

/** The process that was asked for and all above it: what is unfolded at first. */
export function openedAtFirst({ nodes = [], entityId = "" }: ProcessTree): Set<string> {
  const byId = new Map(nodes.map((node) => [node.entityId ?? "", node]));
  const open = new Set<string>();
  for (let id = entityId; byId.has(id) && !open.has(id); id = byId.get(id)?.parentEntityId ?? "") open.add(id);
  return open;
}

/** All rows that are seen. */
export function rowsOf({ roots, children }: Forest, open: ReadonlySet<string>): TreeRow[] {
  const rows: TreeRow[] = [];
  const drawn = new Set<string>();
  const waiting: (() => void)[] = [];
  const draw = (node: ProcessNode, level: number, position: number, size: number, parent: string): void => {
    const key = node.entityId ?? "";
    if (drawn.has(key)) return;
    drawn.add(key);
    const below = children.get(key) ?? [];
    const deeds = deedsOf(node);
    const canOpen = below.length > 0 || deeds.length > 0;
    const isOpen = canOpen && open.has(key);
    rows.push({ kind: "process", key, level, position, size, parent, node, isOpen, canOpen });
    if (!isOpen) return;
    const inner = Math.min(level + 1, LEVEL_MAX);
    const all = deeds.length + below.length;
    for (const [at, deed] of deeds.entries())
      rows.push({ ...deed, key: `${key} ${at}`, level: inner, position: at + 1, size: all, parent: key });
    // By a list of what waits, since a tree may be as deep as processes are.
    for (const [at, child] of [...below.entries()].reverse())
      waiting.push(() => draw(child, inner, deeds.length + at + 1, all, key));
  };
  for (const [at, root] of [...roots.entries()].reverse()) waiting.push(() => draw(root, 1, at + 1, roots.length, ""));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) next();
  return rows;
}

type DeedRow = { kind: "deed"; deed: ProcessDeed; what: DeedKind } | { kind: "left"; what: DeedKind; count: string };

/** Connections first: they are what is looked for most. */
function deedsOf(node: ProcessNode): DeedRow[] {
  const kinds = [
    ["connection", node.connections, node.connectionsLeftOut],
    ["file", node.files, node.filesLeftOut],
    ["other", node.others, node.othersLeftOut],
  ] as const;
  return kinds.flatMap(([what, deeds = [], left]) => [
    ...deeds.map((deed): DeedRow => ({ kind: "deed", deed, what })),
    ...(Number(left ?? 0) > 0 ? [{ kind: "left" as const, what, count: left ?? "0" }] : []),
  ]);
}

export interface KeyMove {
  /** Key of the row that has the focus now. */
  focus?: string;
  /** Process that is unfolded or folded now. */
  toggle?: string;
}

/** What a key does on a row, as the APG's treegrid has it with the focus on rows. Undefined for other keys. */
export function moveOf(key: string, rows: readonly TreeRow[], focused: string): KeyMove | undefined {
  const at = rows.findIndex((row) => row.key === focused);
  const row = rows[at];
  const to = (index: number): KeyMove => ({
    focus: rows[Math.min(rows.length - 1, Math.max(0, index))]?.key ?? focused,
  });
  switch (key) {
    case "ArrowDown":
    case "j":
      return to(at + 1);
    case "ArrowUp":
    case "k":
      return to(at - 1);
    case "Home":
      return to(0);
    case "End":
      return to(rows.length - 1);
    case "PageDown":
      return to(at + 15);
    case "PageUp":
      return to(at - 15);
    case "ArrowRight":
      if (row?.kind !== "process" || !row.canOpen) return {};
      return row.isOpen ? to(at + 1) : { toggle: row.key };
    case "ArrowLeft":
      if (row?.kind === "process" && row.isOpen) return { toggle: row.key };
      return row === undefined || row.parent === "" ? {} : { focus: row.parent };
    default:
      return undefined;
  }
}
