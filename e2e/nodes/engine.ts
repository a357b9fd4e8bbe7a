/**
 * Runs a container of a Kubernetes pod as a kubelet would have a runtime do it, by an OCI runtime (crun): with the manifest's own capabilities,
 * namespaces, mounts and root, and the seccomp profile that Podman and CRI-O have as their default.
 */
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PROFILE = "/usr/share/containers/seccomp.json";
const ARCHES = { x64: "amd64", arm64: "arm64" } as const;

/** What is missing to run containers; undefined where nothing is. */
export function whyNoEngine(): string | undefined {
  if (process.getuid?.() !== 0) return "containers want root";
  if (spawnSync("crun", ["--version"]).error !== undefined) return "crun is not installed (Debian: crun)";
  try {
    readFileSync(PROFILE);
    return undefined;
  } catch {
    return `${PROFILE} is not there (Debian: golang-github-containers-common)`;
  }
}

export interface ContainerSpec {
  name: string;
  command?: string[];
  args?: string[];
  env?: { name: string; value?: string; valueFrom?: { fieldRef?: { fieldPath: string } } }[];
  securityContext: {
    allowPrivilegeEscalation: boolean;
    readOnlyRootFilesystem: boolean;
    capabilities: { drop: string[]; add?: string[] };
  };
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
}

export interface PodSpec {
  hostPID: boolean;
  hostNetwork: boolean;
  securityContext: { runAsUser: number; runAsGroup: number };
  initContainers: ContainerSpec[];
  containers: ContainerSpec[];
}

interface ProfileRule {
  names: string[];
  action: string;
  args: { index: number; value: number; valueTwo: number; op: string }[] | null;
  errnoRet?: number;
  includes: { caps?: string[]; arches?: string[] };
  excludes: { caps?: string[]; arches?: string[] };
}

/** The profile for these capabilities, as an OCI runtime reads it. */
function seccompFor(capabilities: readonly string[]): object {
  const profile = JSON.parse(readFileSync(PROFILE, "utf8")) as { defaultErrnoRet: number; syscalls: ProfileRule[] };
  const arch = ARCHES[process.arch as keyof typeof ARCHES];
  const hasAll = (wanted: readonly string[]): boolean => wanted.every((each) => capabilities.includes(each));
  const fits = ({ includes, excludes }: ProfileRule): boolean =>
    hasAll(includes.caps ?? []) &&
    (includes.arches === undefined || includes.arches.includes(arch)) &&
    (excludes.caps === undefined || !hasAll(excludes.caps)) &&
    excludes.arches?.includes(arch) !== true;
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: profile.defaultErrnoRet,
    architectures: arch === "amd64" ? ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"] : ["SCMP_ARCH_AARCH64"],
    syscalls: profile.syscalls.filter(fits).map(({ names, action, args, errnoRet }) => ({
      names,
      action,
      ...(args === null ? {} : { args }),
      ...(errnoRet === undefined ? {} : { errnoRet }),
    })),
  };
}

export interface Engine {
  /** The image's root. */
  root: string;
  /** Folder of this machine for each volume of the pod. */
  volumes: Readonly<Record<string, string>>;
  /** Folder for what the runtime wants. */
  directory: string;
  pod: PodSpec;
  /** Of the image. */
  entrypoint: readonly string[];
  environment: readonly string[];
  fields: Readonly<Record<string, string>>;
}

/** Writes a container's bundle; returns its folder. */
export function bundle(engine: Engine, spec: ContainerSpec): string {
  const { pod, root, volumes, fields } = engine;
  const { capabilities, readOnlyRootFilesystem, allowPrivilegeEscalation } = spec.securityContext;
  if (!capabilities.drop.includes("ALL")) throw new Error(`${spec.name} keeps capabilities that it does not name`);
  const caps = (capabilities.add ?? []).map((name) => `CAP_${name}`);
  const env = (spec.env ?? []).map(({ name, value, valueFrom }) => {
    const text = value ?? fields[valueFrom?.fieldRef?.fieldPath ?? ""];
    if (text === undefined) throw new Error(`${spec.name}: nobody knows the value of ${name}`);
    return `${name}=${text}`;
  });
  const bind = (source: string, destination: string, readOnly = false): object => ({
    type: "bind",
    source,
    destination,
    options: ["rbind", "rprivate", readOnly ? "ro" : "rw"],
  });
  const config = {
    ociVersion: "1.0.2",
    process: {
      user: { uid: pod.securityContext.runAsUser, gid: pod.securityContext.runAsGroup },
      args: [...(spec.command ?? engine.entrypoint), ...(spec.args ?? (spec.command === undefined ? ["run"] : []))],
      env: [...engine.environment, ...env],
      cwd: "/",
      noNewPrivileges: !allowPrivilegeEscalation,
      capabilities: { bounding: caps, effective: caps, permitted: caps, inheritable: [], ambient: [] },
    },
    root: { path: root, readonly: readOnlyRootFilesystem },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
      { ...bind("/sys", "/sys", true), options: ["rbind", "nosuid", "noexec", "nodev", "ro"] },
      // As a kubelet gives them.
      bind("/etc/hosts", "/etc/hosts", true),
      bind("/etc/resolv.conf", "/etc/resolv.conf", true),
      ...spec.volumeMounts.map(({ name, mountPath, readOnly }) => {
        const source = volumes[name];
        if (source === undefined) throw new Error(`${spec.name}: the pod has no volume ${name}`);
        return bind(source, mountPath, readOnly);
      }),
    ],
    linux: {
      namespaces: [
        { type: "mount" },
        { type: "ipc" },
        ...(pod.hostPID ? [] : [{ type: "pid" }]),
        ...(pod.hostNetwork ? [] : [{ type: "network" }]),
      ],
      maskedPaths: ["/proc/kcore", "/proc/keys", "/proc/timer_list"],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
      seccomp: seccompFor(caps),
    },
  };
  const folder = join(engine.directory, spec.name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  return folder;
}

/** Control groups are this machine's own matter, and crun refuses those that have both versions at once: it is shown one. */
const CRUN = [
  "--mount",
  "--propagation=private",
  "sh",
  "-c",
  'umount -l /sys/fs/cgroup/unified 2>/dev/null; exec crun --cgroup-manager=disabled "$@"',
  "sh",
];

/** Runs a container to its end; gives what it said on standard error, and throws with all of it where it fails. */
export function runToEnd(folder: string, id: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const words = [...CRUN, "run", "--bundle", folder, id];
    execFile("unshare", words, { encoding: "utf8", timeout: 60_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stderr);
      else reject(new Error(`container ${id} failed: ${stderr}${stdout}`, { cause: error }));
    });
  });
}

/** Starts a container; what it says goes to `say`. */
export function start(folder: string, id: string, say: (text: string) => void): ChildProcess {
  const child = spawn("unshare", [...CRUN, "run", "--bundle", folder, id], { stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", say);
  return child;
}

/** Runs a command in a running container, as a probe or `kubectl exec` does. */
export function execute(id: string, ...words: string[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync("unshare", [...CRUN, "exec", id, ...words], {
    encoding: "utf8",
    timeout: 120_000,
  });
  return { status, text: `${stdout}${stderr}` };
}

/** The number of a running container's first process. */
export function firstProcess(id: string): number {
  const state = execFileSync("unshare", [...CRUN, "state", id], { encoding: "utf8" });
  return (JSON.parse(state) as { pid: number }).pid;
}

/** Asks it to end, as a kubelet does. */
export function terminate(id: string): void {
  execFileSync("unshare", [...CRUN, "kill", id, "TERM"], { stdio: "pipe" });
}

/** Takes it away, however it stands. Safe twice. */
export function remove(id: string): void {
  spawnSync("unshare", [...CRUN, "delete", "--force", id]);
}
