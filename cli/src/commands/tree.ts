/** `hosttrail tree`: a process with all above and below it. */
import {
  type AnalysisServiceClient,
  GetProcessTreeRequest,
  type ProcessDeed,
  type ProcessNode,
  ProcessTree,
} from "@hosttrail/proto/analysis";
import { call } from "../call.ts";
import type { Output } from "../output/index.ts";
import { tellLack } from "../question/index.ts";
import { nanosOf, printable, timeOf } from "../text.ts";
import { severityName } from "./alerts.ts";
import { line } from "./line.ts";

export async function tree(
  client: AnalysisServiceClient,
  request: Parameters<(typeof GetProcessTreeRequest)["fromPartial"]>[0],
  output: Output,
): Promise<void> {
  const asked = GetProcessTreeRequest.fromPartial(request);
  const answer = await call<ProcessTree>((done) => client.getProcessTree(asked, done));
  output.print(output.json ? line(ProcessTree.toJSON(answer)) : treeText(answer, output));
  if (answer.nodesLeftOut > 0n) output.lack(`${answer.nodesLeftOut} processes were left out; see --limit`);
  tellLack(answer.completeness, output);
}

/** Levels that are drawn; what is deeper stands at the last one. */
const DEPTH_MAX = 64;

/** The tree with lines, each process with what it executed and did below it. */
export function treeText(tree: ProcessTree, output: Output): string {
  const known = new Set(tree.nodes.map((node) => node.entityId));
  const children = Map.groupBy(tree.nodes, ({ parentEntityId: parent }) => (known.has(parent) ? parent : ""));
  const drawn = new Set<string>();
  // First those without a parent; what is left then is its own ancestor, and is drawn all the same.
  const roots = [...(children.get("") ?? []), ...tree.nodes];
  const lines = roots.flatMap((root) => draw(root, { children, drawn, askedId: tree.entityId, output }));
  return lines.map((text) => `${text}\n`).join("");
}

interface Drawing {
  children: ReadonlyMap<string, readonly ProcessNode[]>;
  drawn: Set<string>;
  askedId: string;
  output: Output;
}

/** A process and all below it that was not drawn yet, by a list of what waits, since a tree may be as deep as processes are. */
function draw(root: ProcessNode, { children, drawn, askedId, output }: Drawing): string[] {
  const lines: string[] = [];
  const waiting = [{ node: root, indent: "", isLast: true, depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, indent, isLast, depth } = next;
    if (drawn.has(node.entityId)) continue;
    drawn.add(node.entityId);
    const own = depth === 0 ? "" : `${indent}${isLast ? "└─" : "├─"} `;
    const inner = depth === 0 ? "" : `${indent}${isLast ? "   " : "│  "}`;
    const below = children.get(node.entityId) ?? [];
    lines.push(`${own}${headOf(node, node.entityId === askedId, output)}`);
    lines.push(...factsOf(node, output).map((text) => `${inner}${below.length > 0 ? "│  " : "   "}${text}`));
    const [indentBelow, depthBelow] = depth >= DEPTH_MAX ? [indent, depth] : [inner, depth + 1];
    for (const [at, child] of [...below.entries()].reverse())
      waiting.push({ node: child, indent: indentBelow, isLast: at === below.length - 1, depth: depthBelow });
  }
  return lines;
}

/** What the process is now: the last program that it executed. */
function headOf(node: ProcessNode, isAsked: boolean, { paint }: Output): string {
  const { images, pid, user, placeholderReason: reason } = node;
  const image = images.at(-1);
  const command = image === undefined ? "" : image.args.join(" ") || image.executable || image.name;
  const name = printable(command === "" ? "?" : command);
  const parts = [
    paint(isAsked ? "bold" : "cyan", name),
    paint("dim", `[${pid}]`),
    ...(user === undefined || userOf(node) === "" ? [] : [userOf(node)]),
    ...(node.startTime === undefined ? [] : [paint("dim", `from ${timeOf(node.startTime)}`)]),
    ...(node.endTime === undefined ? [] : [paint("dim", `to ${timeOf(node.endTime)}`)]),
    ...(node.hasExitCode ? [paint(node.exitCode === 0 ? "dim" : "yellow", `exit ${node.exitCode}`)] : []),
    ...(node.isSessionLeader ? [paint("dim", "(session)")] : []),
    ...(node.containerId === "" ? [] : [paint("dim", printable(`in ${node.containerId.slice(0, 12)}`))]),
    ...(reason === "" ? [] : [paint("yellow", printable(`(${reason})`))]),
    ...(isAsked ? [paint("bold", "◀")] : []),
  ];
  return parts.join(" ");
}

const UNSET = 0xffff_ffff;

/** Who it runs as; and who logged in, where that is somebody else. */
function userOf({ user }: ProcessNode): string {
  if (user === undefined) return "";
  const own = user.name || (user.id === UNSET ? "" : String(user.id));
  const login = user.auditId === UNSET ? "" : user.auditName || String(user.auditId);
  const effective = user.effectiveName || (user.effectiveId === UNSET ? "" : String(user.effectiveId));
  const as = effective !== "" && effective !== own ? ` as ${effective}` : "";
  return printable(login === "" || login === own ? `${own}${as}` : `${own}${as} (login ${login})`);
}

function factsOf(node: ProcessNode, output: Output): string[] {
  const { images, files, connections, others, alerts } = node;
  const { paint } = output;
  // The last program stands above; those before it are its history.
  const earlier = images.slice(0, -1).map(({ time, args, executable, name }) => {
    const command = printable(args.join(" ") || executable || name);
    return paint("dim", `${time === undefined ? "before" : timeOf(time)} was ${command}`);
  });
  const marked = alerts.map(({ title, id, rule }) =>
    paint("red", printable(`⚠ ${severityName(rule?.severity)} ${title} (${id})`)),
  );
  const left = node.filesLeftOut + node.connectionsLeftOut + node.othersLeftOut;
  // What it did is a story: by time, whatever it was done to.
  const deeds = [...files, ...connections, ...others].toSorted((a, b) => firstMs(a) - firstMs(b));
  return [
    ...earlier,
    ...marked,
    ...deeds.map((deed) => deedText(deed, output)),
    ...(left > 0n ? [paint("dim", `… ${left} more`)] : []),
  ];
}

function firstMs({ firstTime }: ProcessDeed): number {
  return firstTime === undefined ? 0 : Number(nanosOf(firstTime) / 1_000_000n);
}

function deedText({ firstTime, count, action, outcome, object }: ProcessDeed, { paint }: Output): string {
  const times = count > 1n ? ` ×${count}` : "";
  const failed = outcome === "failure" ? ` ${paint("red", "failed")}` : "";
  return `${paint("dim", timeOf(firstTime))} ${printable(`${action} ${object}`.trimEnd())}${times}${failed}`;
}
