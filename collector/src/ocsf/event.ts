/** An audit event as OCSF has it. */
import { unquote } from "@hosttrail/lib/audit";
import { Event } from "@hosttrail/proto/event";
import { activityOf, BASE } from "./activity.ts";
import { deviceOf, endpointOf, fileOf, OCSF_VERSION, processOf, userOf } from "./objects.ts";

/** status_id, and its caption, by event.outcome. */
const STATUS: Readonly<Record<string, readonly [number, string]>> = {
  success: [1, "Success"],
  failure: [2, "Failure"],
};
const UNKNOWN_STATUS = [0, "Unknown"] as const;
/** Whether a connection was made by the host or to it. */
const DIRECTION: Readonly<Record<string, readonly [number, string]>> = {
  "connected-to": [2, "Outbound"],
  "sent-to": [2, "Outbound"],
  "accepted-connection-from": [1, "Inbound"],
  "received-from": [1, "Inbound"],
};
const NANOS_OF_MILLISECOND = 1_000_000n;

export function ocsfEvent(event: Event): Record<string, unknown> {
  const { event: info, host, process, user } = event;
  const action = info?.action ?? "";
  const known = activityOf(action, info?.type ?? []);
  const about = aboutClass(event, known.class[0]);
  const activity = about === undefined ? BASE : known;
  const [statusId, status] = STATUS[info?.outcome ?? ""] ?? UNKNOWN_STATUS;
  const [classUid, className] = activity.class;
  const [activityId, activityName] = activity.activity;
  return {
    activity_id: activityId,
    activity_name: activityName,
    category_uid: activity.category[0],
    category_name: activity.category[1],
    class_uid: classUid,
    class_name: className,
    type_uid: classUid * 100 + activityId,
    type_name: `${className}: ${activityName}`,
    severity_id: 1,
    severity: "Informational",
    status_id: statusId,
    status,
    time: Number((info?.timeUnixNano ?? 0n) / NANOS_OF_MILLISECOND),
    metadata: {
      version: OCSF_VERSION,
      product: { name: "Hosttrail", vendor_name: "Hosttrail" },
      uid: event.id,
      event_code: action,
      log_name: "Linux audit",
      profiles: ["host"],
    },
    message: action,
    ...(host === undefined ? {} : { device: deviceOf(host) }),
    ...(process === undefined ? {} : { actor: { process: processOf(process, user) } }),
    ...about,
    // All that the kernel said, in our own terms.
    unmapped: Event.toJSON(event),
  };
}

/** What a class asks for beside device and actor; undefined where the event has not all of what it requires. */
function aboutClass(event: Event, classUid: number): Record<string, unknown> | undefined {
  const { host, process, files, source, destination, event: info } = event;
  const [file] = files;
  // Only the classes of people and of the network do without.
  const isOnHost = host !== undefined && process !== undefined;
  switch (classUid) {
    case 1001:
      return isOnHost && file !== undefined && file.path !== "" ? { file: fileOf(file) } : undefined;
    case 1002: {
      const name = moduleName(event);
      return isOnHost && name !== "" ? { driver: { file: { name, type_id: 0 } } } : undefined;
    }
    case 1007:
      // A signal is aimed at another process than the one that sends it.
      return isOnHost ? { process: processOf(event.targets[0] ?? process, undefined) } : undefined;
    case 3001:
    case 3002:
    case 3006:
      return aboutAccount(event, classUid);
    case 4001: {
      const direction = DIRECTION[info?.action ?? ""];
      const [from, to] = [endpointOf(source), endpointOf(destination)];
      if (from === undefined && to === undefined) return undefined;
      return {
        ...(from === undefined ? {} : { src_endpoint: from }),
        ...(to === undefined ? {} : { dst_endpoint: to }),
        connection_info: { direction_id: direction?.[0] ?? 0, direction: direction?.[1] ?? "Unknown" },
      };
    }
    default:
      return {};
  }
}

/** An account or a group that something was done with, or as which somebody proved to be. */
function aboutAccount({ user, host, process, source }: Event, classUid: number): Record<string, unknown> | undefined {
  const target = user?.targetName ?? "";
  if (classUid === 3006) return target === "" ? undefined : { group: { name: target } };
  const account = target === "" ? userOf(user) : { name: target };
  if (account === undefined) return undefined;
  if (classUid === 3001) return { user: account };
  const service = process === undefined ? "" : process.name || process.executable;
  const from = endpointOf(source);
  if (service === "" && host === undefined) return undefined;
  return {
    user: account,
    ...(service === "" ? {} : { service: { name: service } }),
    ...(host === undefined ? {} : { dst_endpoint: { uid: host.id, hostname: host.name } }),
    ...(from === undefined ? {} : { src_endpoint: from }),
  };
}

/** The kernel module that an event is about; empty where it names none. */
function moduleName({ audit }: Event): string {
  const record = audit?.records.find(({ typeName }) => typeName === "KERN_MODULE");
  return unquote(record?.fields.find(({ key }) => key === "name")?.value ?? "");
}
