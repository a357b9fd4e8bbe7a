/** Which container and which systemd unit a process belongs to, by the path of its control group. Pure. */
import type { Container } from "@hosttrail/proto/event";

const ID = "([0-9a-f]{64}|[0-9a-f]{32}-[0-9]{6,12})";

/** How each runtime names the groups of its containers; the innermost match counts. */
const RUNTIMES: readonly [RegExp, string][] = [
  [new RegExp(`(?:^|/)docker[-/]${ID}(?:\\.scope)?(?=/|$)`), "docker"],
  [new RegExp(`(?:^|/)cri-containerd[-:]${ID}(?:\\.scope)?(?=/|$)`), "containerd"],
  [new RegExp(`(?:^|/)[^/]*:cri-containerd:${ID}(?=/|$)`), "containerd"],
  [new RegExp(`(?:^|/)crio-${ID}(?:\\.scope)?(?=/|$)`), "cri-o"],
  [new RegExp(`(?:^|/)libpod-${ID}(?:\\.scope)?(?=/|$)`), "podman"],
  [new RegExp(`(?:^|/)nerdctl-${ID}(?:\\.scope)?(?=/|$)`), "containerd"],
  [new RegExp(`(?:^|/)buildkit/([0-9a-z]{25})(?=/|$)`), "buildkit"],
  [new RegExp(`(?:^|/)ecs/[^/]+/${ID}(?=/|$)`), "ecs"],
  [new RegExp(`(?:^|/)kubepods[^/]*/(?:[^/]+/)*pod[^/]+/${ID}(?=/|$)`), "kubernetes"],
  [new RegExp(`(?:^|/)kubepods[^/]*/(?:[^/]+/)*(?:[a-z-]+-)?${ID}(?:\\.scope)?(?=/|$)`), "kubernetes"],
  [/(?:^|\/)lxc(?:\.payload)?[./]([A-Za-z0-9._-]{1,64})(?=\/|$)/, "lxc"],
  [/(?:^|\/)machine\.slice\/machine-([A-Za-z0-9._\\-]{1,128})\.scope(?=\/|$)/, "systemd-nspawn"],
  [/(?:^|\/)systemd-nspawn@([A-Za-z0-9._\\-]{1,128})\.service\/payload(?=\/|$)/, "systemd-nspawn"],
];

/** The process's own group in /proc/<pid>/cgroup: of version 2, or of systemd's hierarchy in version 1. */
export function groupPath(text: string): string {
  let second = "";
  let any = "";
  for (const line of text.split("\n")) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    if (match === null) continue;
    const [, controllers = "", path = ""] = match;
    if (controllers === "name=systemd" && path !== "/") return path;
    if (controllers === "") second = path;
    else if (path.length > any.length) any = path;
  }
  return second === "" || (second === "/" && any !== "") ? any || second : second;
}

const CACHE_MAX = 1024;
const known = new Map<string, Container | undefined>();

/** The container and unit of a group; undefined where it is neither. The same object for the same path. */
export function containerOf(path: string): Container | undefined {
  if (known.has(path)) return known.get(path);
  const container = parse(path);
  if (known.size >= CACHE_MAX) known.clear();
  known.set(path, container);
  return container;
}

function parse(path: string): Container | undefined {
  let id = "";
  let runtime = "";
  let at = -1;
  for (const [pattern, name] of RUNTIMES) {
    const match = pattern.exec(path);
    if (match === null || match.index <= at) continue;
    at = match.index;
    id = match[1] ?? "";
    runtime = name;
  }
  const unit = path
    .split("/")
    .filter((part) => /\.(?:service|scope|socket|mount|timer)$/.test(part))
    .at(-1);
  if (id === "" && unit === undefined) return undefined;
  return { id, runtime, systemdUnit: unit === undefined ? "" : unescapeUnit(unit) };
}

/** systemd writes bytes that are not for names as \x2d. */
function unescapeUnit(name: string): string {
  return name.replaceAll(/\\x([0-9a-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
