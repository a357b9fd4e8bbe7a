/** Which class and activity of OCSF 1.8.0 an event is. */

export interface Activity {
  /** category_uid and class_uid, with their captions. */
  category: readonly [number, string];
  class: readonly [number, string];
  /** activity_id, with its caption. */
  activity: readonly [number, string];
}

const SYSTEM = [1, "System Activity"] as const;
const IDENTITY = [3, "Identity & Access Management"] as const;
const NETWORK = [4, "Network Activity"] as const;

const FILE_ACTIVITY = [1001, "File System Activity"] as const;
const KERNEL_EXTENSION = [1002, "Kernel Extension Activity"] as const;
const PROCESS_ACTIVITY = [1007, "Process Activity"] as const;
const ACCOUNT_CHANGE = [3001, "Account Change"] as const;
const AUTHENTICATION = [3002, "Authentication"] as const;
const GROUP_MANAGEMENT = [3006, "Group Management"] as const;
const NETWORK_ACTIVITY = [4001, "Network Activity"] as const;

const OTHER = [99, "Other"] as const;
/** What has no class of its own, or lacks what its class asks for. */
export const BASE: Activity = { category: [0, "Uncategorized"], class: [0, "Base Event"], activity: OTHER };

function of(
  category: Activity["category"],
  kind: Activity["class"],
  actions: Readonly<Record<string, readonly [number, string]>>,
): [string, Activity][] {
  return Object.entries(actions).map(([action, activity]) => [action, { category, class: kind, activity }]);
}

const BY_ACTION: ReadonlyMap<string, Activity> = new Map([
  ...of(SYSTEM, PROCESS_ACTIVITY, {
    executed: [1, "Launch"],
    "ran-command": [1, "Launch"],
    forked: [1, "Launch"],
    exited: [2, "Terminate"],
    "crashed-program": [2, "Terminate"],
    "killed-pid": [2, "Terminate"],
    traced: [3, "Open"],
    "changed-identity-of": [5, "Set User ID"],
  }),
  ...of(SYSTEM, FILE_ACTIVITY, {
    "opened-file": [14, "Open"],
    "read-file": [2, "Read"],
    "wrote-to-file": [3, "Update"],
    deleted: [4, "Delete"],
    renamed: [5, "Rename"],
    "hard-linked": [1, "Create"],
    symlinked: [1, "Create"],
    "created-directory": [1, "Create"],
    "created-device": [1, "Create"],
    "created-memory-file": [1, "Create"],
    "changed-file-permissions-of": [7, "Set Security"],
    "changed-file-ownership-of": [7, "Set Security"],
    "changed-timestamp-of": [6, "Set Attributes"],
    "changed-file-attributes-of": [6, "Set Attributes"],
    "checked-metadata-of": [8, "Get Attributes"],
    mounted: [12, "Mount"],
    unmounted: [13, "Unmount"],
  }),
  ...of(SYSTEM, KERNEL_EXTENSION, { "loaded-kernel-module": [1, "Load"], "unloaded-kernel-module": [2, "Unload"] }),
  ...of(NETWORK, NETWORK_ACTIVITY, {
    "connected-to": [1, "Open"],
    "accepted-connection-from": [1, "Open"],
    "closed-connection": [2, "Close"],
    "sent-to": [6, "Traffic"],
    "received-from": [6, "Traffic"],
    "listen-for-connections": [7, "Listen"],
  }),
  ...of(IDENTITY, AUTHENTICATION, {
    "logged-in": [1, "Logon"],
    "started-session": [1, "Logon"],
    authenticated: [1, "Logon"],
    "logged-out": [2, "Logoff"],
    "ended-session": [2, "Logoff"],
  }),
  ...of(IDENTITY, ACCOUNT_CHANGE, {
    "added-user-account": [1, "Create"],
    "changed-password": [3, "Password Change"],
    "deleted-user-account": [6, "Delete"],
    "modified-user-account": OTHER,
  }),
  ...of(IDENTITY, GROUP_MANAGEMENT, {
    "added-group-account-to": [6, "Create"],
    "deleted-group-account-from": [5, "Delete"],
    "modified-group-account": OTHER,
  }),
]);

/** An opened file that was made or changed by it says so in event.type. */
const OPENED: Readonly<Record<string, readonly [number, string]>> = {
  creation: [1, "Create"],
  change: [3, "Update"],
};

/** The class and the activity of an event by event.action and event.type. */
export function activityOf(action: string, types: readonly string[]): Activity {
  const known = BY_ACTION.get(action) ?? BASE;
  const opened =
    action === "opened-file" ? types.map((type) => OPENED[type]).find((each) => each !== undefined) : undefined;
  return opened === undefined ? known : { ...known, activity: opened };
}
