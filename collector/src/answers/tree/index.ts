/**
 * The tree of one process: all above it, and all below it, gathered in one pass over its host's events in the order of time. Only the
 * distinct processes of a block are looked at; events are, of those that are in the tree.
 */
import type { ColumnBlock } from "@hosttrail/lib/block";
import type { Alert } from "@hosttrail/proto/alert";
import type { ProcessNode } from "@hosttrail/proto/analysis";
import type { Process, ProcessReference } from "@hosttrail/proto/event";
import { BlockFacts } from "../facts.ts";
import type { DeedRoom } from "./deeds.ts";
import { TreeNode } from "./node.ts";

export interface TreePlan {
  /** The process that is asked for, as the event that it was found by has it. */
  process: Process;
  /** The moment that is looked at, nanoseconds since 1970. */
  momentNano: bigint;
  /** Since when events are looked at. */
  startNano: bigint;
  /** Nodes, at most. */
  limit: number;
  /** Alerts by the ids of their events. */
  alerts: ReadonlyMap<string, readonly Alert[]>;
}

export interface TreeAnswer {
  nodes: ProcessNode[];
  nodesLeftOut: number;
}

/** Deeds that all processes of a tree are shown with. */
const DEEDS_MAX = 20_000;
/** Processes that are counted as left out; beyond that they are no longer told apart. */
const LEFT_OUT_MAX = 200_000;
const INIT = 1;

export class ProcessTreeBuilder {
  readonly #plan: TreePlan;
  readonly #byEntity = new Map<string, TreeNode>();
  readonly #byPid = new Map<number, TreeNode[]>();
  readonly #target: TreeNode;
  #root: TreeNode;
  #count = 0;
  readonly #leftOut = new Set<string>();
  readonly #leaders = new Set<string>();
  readonly #room: DeedRoom = { left: DEEDS_MAX };

  constructor(plan: TreePlan) {
    this.#plan = plan;
    const { process, momentNano } = plan;
    let above: TreeNode | undefined;
    for (const reference of lineOf(process).toReversed()) above = this.#make(reference, above, false, momentNano);
    this.#target = this.#make(process, above, true, momentNano);
    this.#root = this.#target;
    while (this.#root.parent !== undefined) this.#root = this.#root.parent;
  }

  #make(row: Process | ProcessReference, parent: TreeNode | undefined, isBelow: boolean, seenNano: bigint): TreeNode {
    const node = new TreeNode(row.pid, parent, isBelow, this.#room);
    this.#count++;
    this.#byPid.set(row.pid, [...(this.#byPid.get(row.pid) ?? []), node]);
    this.#learn(node, row, seenNano);
    return node;
  }

  #learn(node: TreeNode, row: Process | ProcessReference, seenNano: bigint): void {
    if (node.learn(row, seenNano)) this.#byEntity.set(row.entityId, node);
    if ("sessionLeader" in row && row.sessionLeader !== undefined) this.#leaders.add(row.sessionLeader.entityId);
  }

  /** Adds events of a block of this host; blocks come in the order of time, as far as their times do not overlap. */
  add(block: ColumnBlock, events: readonly number[]): void {
    const first = events[0];
    if (first === undefined) return;
    const facts = new BlockFacts(block);
    const nodes = this.#nodesOf(block, facts.timeOf(first));
    const { process } = block.columns;
    for (const event of events) {
      const node = nodes[(process[event] ?? 0) - 1];
      if (node === undefined) continue;
      node.add(facts, event);
      if (this.#plan.alerts.size > 0) node.alert(this.#plan.alerts.get(block.eventId(event)) ?? []);
    }
  }

  /** For each process row of the block its node, where it has one. */
  #nodesOf({ processes, strings }: ColumnBlock, timeNano: bigint): (TreeNode | undefined)[] {
    const { views } = processes;
    const entities = processes.numbers("entityId");
    const nodes: (TreeNode | undefined)[] = [];
    /** The nearest one above, by the list of ancestors: children of one process share theirs. */
    const above = new Map<readonly ProcessReference[], TreeNode | undefined>();
    for (const [index, row] of views.entries()) {
      const entityId = strings.text(entities[index] ?? 0, "processes.entity_id");
      const known = this.#byEntity.get(entityId) ?? this.#sameProcess(row);
      const node = known ?? this.#descendant(row, above, timeNano);
      nodes.push(node);
      if (node === undefined) continue;
      this.#learn(node, row, timeNano);
      if (node === this.#root) this.#climb(row, timeNano);
    }
    return nodes;
  }

  /** An execution changes the entity id, and neither the pid nor the beginning. */
  #sameProcess(row: Process): TreeNode | undefined {
    const alike = this.#byPid.get(row.pid);
    if (alike === undefined || row.startUnixNano === 0n) return undefined;
    const parent = row.ancestry[0];
    const above = parent && this.#byEntity.get(parent.entityId);
    // Of an ancestor that was only named the beginning is not known yet.
    const isIt = (node: TreeNode): boolean =>
      node.startNano === 0n ? above !== undefined && node.parent === above : node.startNano === row.startUnixNano;
    const node = alike.find(isIt);
    if (node?.parent === undefined || parent === undefined) return node;
    // Where no end was told a pid that is used again has the old beginning: another parent tells it from the old process.
    return node.parent.pid === parent.pid || parent.pid === INIT ? node : undefined;
  }

  #descendant(
    row: Process,
    above: Map<readonly ProcessReference[], TreeNode | undefined>,
    timeNano: bigint,
  ): TreeNode | undefined {
    const { ancestry } = row;
    if (ancestry.length === 0) return undefined;
    if (!above.has(ancestry)) above.set(ancestry, this.#lowest(ancestry, timeNano));
    const parent = above.get(ancestry);
    if (parent === undefined) return undefined;
    if (this.#count < this.#plan.limit) return this.#make(row, parent, true, timeNano);
    if (this.#leftOut.size < LEFT_OUT_MAX)
      this.#leftOut.add(row.startUnixNano === 0n ? row.entityId : `${row.pid} ${row.startUnixNano}`);
    return undefined;
  }

  /** The first of these ancestors, with what is between it and the tree as placeholders; undefined where they are not below the process. */
  #lowest(ancestry: readonly ProcessReference[], timeNano: bigint): TreeNode | undefined {
    const at = ancestry.findIndex(({ entityId }) => this.#byEntity.get(entityId)?.isBelow === true);
    if (at < 0) return undefined;
    let node = this.#byEntity.get(ancestry[at]?.entityId ?? "") as TreeNode;
    for (const reference of ancestry.slice(0, at).toReversed()) {
      if (this.#count >= this.#plan.limit) return node;
      node = this.#make(reference, node, true, timeNano);
    }
    return node;
  }

  /** Puts above the root what its own row says is there: a row names the nearest ancestors only. */
  #climb(row: Process, timeNano: bigint): void {
    for (const reference of lineOf(row)) {
      if (this.#count >= this.#plan.limit || this.#byEntity.has(reference.entityId)) return;
      const parent = this.#make(reference, undefined, false, timeNano);
      this.#raise(parent);
    }
    // Where the line breaks off, the session's first is the nearest one that is known to be above.
    const leader = row.sessionLeader;
    if (leader === undefined || lineOf(row).length > 0 || this.#byEntity.has(leader.entityId)) return;
    if (this.#count < this.#plan.limit) this.#raise(this.#make(leader, undefined, false, timeNano));
  }

  #raise(parent: TreeNode): void {
    this.#root.hangUnder(parent);
    this.#root = parent;
  }

  /** Parents before their children, children in the order in which they began. */
  answer(): TreeAnswer {
    const { process, momentNano, startNano } = this.#plan;
    for (const entityId of this.#leaders) {
      const node = this.#byEntity.get(entityId);
      if (node !== undefined) node.isLeader = true;
    }
    const nodes: ProcessNode[] = [];
    const waiting: { node: TreeNode; parentId: string }[] = [{ node: this.#root, parentId: "" }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { node, parentId } = next;
      const entityId = node === this.#target ? process.entityId : node.entityAt(momentNano);
      nodes.push(node.answer(entityId, parentId, startNano));
      const children = [...node.children].sort((a, b) =>
        a.beginNano === b.beginNano ? a.pid - b.pid : a.beginNano < b.beginNano ? -1 : 1,
      );
      for (const child of children.reverse()) waiting.push({ node: child, parentId: entityId });
    }
    return { nodes, nodesLeftOut: this.#leftOut.size };
  }
}

/** Those above a process, the nearest first. Who has lost its parent still has it among its ancestors. */
function lineOf({ ancestry, parent }: Process): readonly ProcessReference[] {
  if (ancestry.length > 0) return ancestry.filter(({ entityId }) => entityId !== "");
  return parent === undefined || parent.entityId === "" ? [] : [parent];
}
