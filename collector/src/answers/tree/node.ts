/** One process: the programs that it executed, what it did, how it ended. */
import type { Alert } from "@hosttrail/proto/alert";
import type { ProcessImage, ProcessNode } from "@hosttrail/proto/analysis";
import type { Process, ProcessReference, User } from "@hosttrail/proto/event";
import type { BlockFacts } from "../facts.ts";
import { timestampOf } from "../times.ts";
import { type DeedRoom, Deeds } from "./deeds.ts";

interface Image {
  entityId: string;
  /** When it was executed, or forked; undefined where it was before the trail. */
  timeNano: bigint | undefined;
  /** When anything of it was seen first. */
  seenNano: bigint;
  executable: string;
  name: string;
  args: readonly string[];
  workingDirectory: string;
  eventId: string;
}

/** Programs that one process is shown with. */
const IMAGES_MAX = 100;
const ARGS_MAX = 256;
const ARG_LENGTH_MAX = 4096;
const ALERTS_MAX = 20;
/** The first process, which ends with the system. */
const INIT = 1;
/** Before all that an event can have. */
const BEFORE_ALL = -(1n << 63n);

/** A process as the tree knows it. */
export class TreeNode {
  readonly pid: number;
  /** The process that started it; undefined for the tree's root. */
  parent: TreeNode | undefined;
  readonly children: TreeNode[] = [];
  /** True for the process that was asked for and all below it. */
  readonly isBelow: boolean;
  startNano = 0n;
  provenance = "";
  isLeader = false;
  #endNano: bigint | undefined;
  #exitCode: number | undefined;
  readonly #images = new Map<string, Image>();
  #user: User | undefined;
  #containerId = "";
  /** True once an event was seen that it did. */
  #isSeen = false;
  readonly #files: Deeds;
  readonly #connections: Deeds;
  readonly #others: Deeds;
  readonly #alerts = new Map<string, Alert>();

  constructor(pid: number, parent: TreeNode | undefined, isBelow: boolean, room: DeedRoom) {
    this.pid = pid;
    this.parent = parent;
    this.isBelow = isBelow;
    this.#files = new Deeds(room);
    this.#connections = new Deeds(room);
    this.#others = new Deeds(room);
    parent?.children.push(this);
  }

  /** Puts a parent above one that had none. */
  hangUnder(parent: TreeNode): void {
    this.parent = parent;
    parent.children.push(this);
  }

  get entityIds(): IterableIterator<string> {
    return this.#images.keys();
  }

  /** When it was seen to begin, or else when it was first seen. */
  get beginNano(): bigint {
    if (this.startNano !== 0n) return this.startNano;
    let least: bigint | undefined;
    for (const { seenNano } of this.#images.values()) if (least === undefined || seenNano < least) least = seenNano;
    return least ?? 0n;
  }

  /** Learns a program that it ran, from a row or from a reference of its descendants. False where there are too many. */
  learn(row: Process | ProcessReference, seenNano: bigint): boolean {
    const known = this.#images.get(row.entityId);
    if (known === undefined && this.#images.size >= IMAGES_MAX) return false;
    const image = known ?? { ...EMPTY, entityId: row.entityId, seenNano };
    this.#images.set(row.entityId, image);
    image.executable ||= row.executable;
    image.name ||= row.name;
    if (seenNano < image.seenNano) image.seenNano = seenNano;
    if ("args" in row) this.#learnRow(row, image);
    return true;
  }

  #learnRow(row: Process, image: Image): void {
    if (image.args.length === 0) image.args = row.args.slice(0, ARGS_MAX).map((each) => each.slice(0, ARG_LENGTH_MAX));
    image.workingDirectory ||= row.workingDirectory;
    if (this.startNano === 0n) this.startNano = row.startUnixNano;
    this.provenance ||= row.provenance;
  }

  /** Takes an event that it did. */
  add(facts: BlockFacts, event: number): void {
    this.#isSeen = true;
    const { action, outcome, category } = facts.kindOf(event);
    const timeNano = facts.timeOf(event);
    this.#user = facts.userOf(event) ?? this.#user;
    this.#containerId = facts.containerOf(event)?.id || this.#containerId;
    if (action === "executed" && outcome !== "failure") this.#execute(facts, event, timeNano);
    else if (action === "exited") this.#exit(facts, event, timeNano);
    else {
      if (action === "crashed-program") this.#endNano = timeNano;
      this.#deedsOf(category).add(facts, event);
    }
  }

  #deedsOf(category: readonly string[]): Deeds {
    if (category.includes("file")) return this.#files;
    return category.includes("network") ? this.#connections : this.#others;
  }

  #execute(facts: BlockFacts, event: number, timeNano: bigint): void {
    const row = facts.processOf(event);
    const image = row && this.#images.get(row.entityId);
    if (row === undefined || image === undefined || image.eventId !== "") return;
    image.timeNano = timeNano;
    image.eventId = facts.block.eventId(event);
    image.name = row.name || image.name;
    image.executable = row.executable || image.executable;
  }

  #exit(facts: BlockFacts, event: number, timeNano: bigint): void {
    // exit ends a thread, exit_group the process; its status is what the lowest byte says.
    if (facts.callOf(event) !== "exit_group") return;
    this.#endNano = timeNano;
    const status = facts.firstArgument(event);
    this.#exitCode = status === undefined ? undefined : status & 0xff;
  }

  alert(alerts: readonly Alert[]): void {
    for (const alert of alerts) if (this.#alerts.size < ALERTS_MAX) this.#alerts.set(alert.id, alert);
  }

  /** The program that it ran at a time: the last one that began by then, or else the first. */
  entityAt(timeNano: bigint): string {
    const images = this.#ordered();
    return (images.findLast((image) => orderOf(image) <= timeNano) ?? images[0])?.entityId ?? "";
  }

  #ordered(): Image[] {
    return [...this.#images.values()].sort(
      (a, b) => compare(orderOf(a), orderOf(b)) || compare(a.seenNano, b.seenNano),
    );
  }

  /** Why no event of it is there; empty where there is one. */
  #reason(startNano: bigint): string {
    if (this.#isSeen) return "";
    if (this.provenance === "procfs") return "started before the trail";
    if (this.startNano !== 0n && this.startNano < startNano) return "started before the time that was looked at";
    const isNameless = [...this.#images.values()].every(({ name, executable }) => name === "" && executable === "");
    return isNameless && this.pid !== INIT ? "ended before it could be looked at" : "no event of it";
  }

  /** Its beginning as a copy of its parent, where that was seen. */
  #forkedSince(startNano: bigint): bigint | undefined {
    return this.provenance === "observed" && this.startNano >= startNano ? this.startNano : undefined;
  }

  answer(entityId: string, parentEntityId: string, startNano: bigint): ProcessNode {
    return {
      entityId,
      parentEntityId,
      pid: this.pid,
      startTime: this.startNano === 0n ? undefined : timestampOf(this.startNano),
      endTime: this.#endNano === undefined ? undefined : timestampOf(this.#endNano),
      exitCode: this.#exitCode ?? 0,
      hasExitCode: this.#exitCode !== undefined,
      images: this.#ordered().map((image) => imageOf(image, this.#forkedSince(startNano))),
      placeholderReason: this.#reason(startNano),
      provenance: this.provenance,
      isSessionLeader: this.isLeader,
      user: this.#user && plainUser(this.#user),
      containerId: this.#containerId,
      files: this.#files.answer(),
      filesLeftOut: this.#files.leftOut,
      connections: this.#connections.answer(),
      connectionsLeftOut: this.#connections.leftOut,
      others: this.#others.answer(),
      othersLeftOut: this.#others.leftOut,
      alerts: [...this.#alerts.values()],
    };
  }
}

const EMPTY: Omit<Image, "entityId" | "seenNano"> = {
  timeNano: undefined,
  executable: "",
  name: "",
  args: [],
  workingDirectory: "",
  eventId: "",
};

/** What it ran from its beginning comes first. */
function orderOf({ timeNano }: Image): bigint {
  return timeNano ?? BEFORE_ALL;
}

function compare(a: bigint, b: bigint): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function imageOf(
  { timeNano, executable, name, args, workingDirectory, eventId, entityId }: Image,
  forkNano: bigint | undefined,
): ProcessImage {
  const beganNano = timeNano ?? forkNano;
  const time = beganNano === undefined ? undefined : timestampOf(beganNano);
  return { time, executable, name, args: [...args], workingDirectory, eventId, entityId };
}

/** A view has its fields not as its own. */
function plainUser(user: User): User {
  const { id, name, effectiveId, effectiveName, savedId, filesystemId, auditId, auditName, group, targetName } = user;
  return { id, name, effectiveId, effectiveName, savedId, filesystemId, auditId, auditName, group, targetName };
}
