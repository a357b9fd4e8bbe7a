/** Events and alerts as log records of OpenTelemetry. */
import type { Alert } from "@hosttrail/proto/alert";
import type { Event } from "@hosttrail/proto/event";
import type { Timestamp } from "@hosttrail/proto/timestamp";
import type { Attributes, LogRecord } from "./otlpencode.ts";

/** Of the data model of logs: INFO, and by the numbers of our severities INFO, INFO2, WARN, ERROR, FATAL. */
const INFO = { number: 9, text: "INFO" } as const;
const SEVERITIES = [
  INFO,
  INFO,
  { number: 10, text: "INFO2" },
  { number: 13, text: "WARN" },
  { number: 17, text: "ERROR" },
  { number: 21, text: "FATAL" },
] as const;
const SECOND_NANO = 1_000_000_000n;

/** Whom a record is about: records of one resource stand together. */
export interface AboutHost {
  id: string;
  name: string;
}

/** `body` is the event in the format of the target. */
export function recordOfEvent(
  event: Event,
  body: string,
  observedNano: bigint,
): { host: AboutHost; record: LogRecord } {
  const { event: info, host, user, process } = event;
  const timeNano = info?.timeUnixNano ?? 0n;
  return {
    host: { id: host?.id ?? "", name: host?.name ?? "" },
    record: {
      timeNano: timeNano < 0n ? 0n : timeNano,
      observedNano,
      severity: INFO,
      eventName: "hosttrail.event",
      body,
      attributes: said({
        // By which doubles are told.
        "log.record.uid": event.id,
        "event.action": info?.action,
        "event.outcome": info?.outcome,
        "user.name": user?.name,
        "process.executable.path": process?.executable,
        "process.pid": process === undefined || process.pid === 0 ? undefined : BigInt(process.pid),
      }),
    },
  };
}

/** `body` is the alert as JSON. */
export function recordOfAlert(
  alert: Alert,
  body: string,
  observedNano: bigint,
): { host: AboutHost; record: LogRecord } {
  const [host] = alert.hosts;
  const isOfOne = alert.hosts.length === 1;
  return {
    host: { id: isOfOne ? (host?.id ?? "") : "", name: isOfOne ? (host?.name ?? "") : "" },
    record: {
      timeNano: nanosOf(alert.updateTime),
      observedNano,
      severity: SEVERITIES[Math.min(alert.rule?.severity ?? 0, SEVERITIES.length - 1)] ?? INFO,
      eventName: "hosttrail.alert",
      body,
      attributes: said({
        "log.record.uid": alert.id,
        "hosttrail.rule": alert.rule?.key,
        "hosttrail.title": alert.title,
      }),
    },
  };
}

function said(attributes: Readonly<Record<string, string | bigint | undefined>>): Attributes {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined || value === "" ? [] : [[key, value] as const],
  );
}

function nanosOf(time: Timestamp | undefined): bigint {
  return time === undefined ? 0n : time.seconds * SECOND_NANO + BigInt(time.nanos);
}
