/** An audit event as OCSF has it. */
import { Event } from "@hosttrail/proto/event";
import { type Activity, activityOf } from "./activity.ts";
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
  const { event: info, host, user } = event;
  const action = info?.action ?? "";
  const activity = activityOf(action, info?.type ?? []);
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
    ...(event.process === undefined ? {} : { actor: { process: processOf(event.process, user) } }),
    ...aboutObject(event, activity),
    // All that the kernel said, in our own terms.
    unmapped: Event.toJSON(event),
  };
}

/** What the class asks for beside the actor. */
function aboutObject(event: Event, { class: [classUid] }: Activity): Record<string, unknown> {
  const { process, user, files, source, destination, event: info } = event;
  const [file] = files;
  switch (classUid) {
    case 1001:
      return file === undefined ? {} : { file: fileOf(file) };
    case 1007: {
      // A signal is aimed at another process than the one that sends it.
      const object = event.targets[0] ?? process;
      return object === undefined ? {} : { process: processOf(object, undefined) };
    }
    case 4001: {
      const direction = DIRECTION[info?.action ?? ""];
      return {
        ...(source === undefined ? {} : { src_endpoint: endpointOf(source) }),
        ...(destination === undefined ? {} : { dst_endpoint: endpointOf(destination) }),
        connection_info: { direction_id: direction?.[0] ?? 0, direction: direction?.[1] ?? "Unknown" },
      };
    }
    case 3001:
    case 3002:
      return {
        user:
          user === undefined || user.targetName !== "" ? { name: user?.targetName ?? "" } : userOf(user.id, user.name),
        ...(classUid === 3001 || source === undefined ? {} : { src_endpoint: endpointOf(source) }),
      };
    default:
      return {};
  }
}
