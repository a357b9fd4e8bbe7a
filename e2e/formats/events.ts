/** Events of every kind that there can be, from what kernels recorded: for whatever writes all of them in others' terms. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { allMeanings, decode } from "@hosttrail/agent/decode";
import { reportEvent } from "@hosttrail/agent/report";
import { AGENT_ACTIONS, condenseRecords } from "@hosttrail/lib/audit";
import { Event } from "@hosttrail/proto/event";
import { groupsOf } from "../../bench/capture.ts";
import { readTrail, ROLES } from "../../bench/trails/trail.ts";

const RECORDED = new URL("../../rules/recorded", import.meta.url).pathname;
const HOST_ID = "00112233445566778899aabbccddeeff";
const EVENTS_OF_ROLE = 2000;

/** What hosts did at work, what rules were recorded for, and each thing that an event can mean. */
export function variedEvents(): Event[] {
  const worked = ROLES.flatMap((role) => readTrail(role).slice(0, EVENTS_OF_ROLE));
  const recorded = [...recordedEvents(), ...loadedModule()];
  const whole = [...worked, ...recorded];
  return [...whole, ...meantEvents(whole), ...ownEvents()].map(placed);
}

/** Attacks and what looks like them, as a kernel told of them. */
function recordedEvents(): Event[] {
  const names = readdirSync(RECORDED, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".log"));
  return names.toSorted().flatMap((name) => {
    const lines = readFileSync(join(RECORDED, name), "latin1").split("\n");
    return eventsOfLines(lines.filter((line) => line !== ""));
  });
}

function eventsOfLines(lines: readonly string[]): Event[] {
  return groupsOf(lines, true).map((group) => {
    const { event, words } = decode(group);
    if (event.audit !== undefined) event.audit.records = condenseRecords(event, words);
    return event;
  });
}

/** A module that is loaded, as the kernel tells of it: a machine on which it could be recorded was not at hand. */
function loadedModule(): Event[] {
  const stamp = "msg=audit(1795942985.463:77381976):";
  const call =
    'arch=c000003e syscall=313 success=yes exit=0 items=0 ppid=1 pid=2 auid=4294967295 uid=0 comm="modprobe" exe="/usr/bin/kmod"';
  return eventsOfLines([
    `type=SYSCALL ${stamp} ${call}`,
    `type=KERN_MODULE ${stamp} name="dummy"`,
    `type=EOE ${stamp} `,
  ]);
}

/** For each meaning an event that has been made of records, with that meaning in its place. */
function meantEvents(events: readonly Event[]): Event[] {
  const [first] = events;
  const bodies = [
    events.find(({ files, process }) => files.length > 1 && process?.parent !== undefined),
    events.find(({ destination }) => (destination?.ip ?? "") !== ""),
    events.find(({ user }) => (user?.targetName ?? "") !== ""),
    events.find(({ targets }) => targets.length > 0),
    // Whatever is in an event may also be missing.
    Event.fromPartial({ event: { ...first?.event, outcome: "unknown" }, audit: {} }),
  ].filter((event) => event !== undefined);
  return allMeanings().flatMap(({ action, category, type }) =>
    bodies.map((body) => Event.fromPartial({ ...body, event: { ...body.event, action, category, type } })),
  );
}

function ownEvents(): Event[] {
  return AGENT_ACTIONS.flatMap((action) =>
    ["START", "LEDGER"].map((name) =>
      reportEvent({ action, name, outcome: "success", fields: { version: "1", lost: 3 } }, Date.UTC(2026, 10, 24)),
    ),
  );
}

/** On a host of a cloud, in a container, with files whose content is known: each where an event can have it. */
function placed(event: Event, at: number): Event {
  const file = event.files[0];
  const hash = "ab".repeat(32);
  return Event.fromPartial({
    ...event,
    id: `${HOST_ID}-0000000000000001-${at.toString(16).padStart(16, "0")}`,
    host: {
      ...event.host,
      id: HOST_ID,
      name: "web1",
      bootId: "00000000-0000-4000-8000-000000000000",
      architecture: "x86_64",
      osName: "Debian GNU/Linux",
      osVersion: "12",
      kernel: "6.1.0-41-amd64",
      ip: at % 3 === 0 ? [] : ["192.0.2.11", "2001:db8::11"],
      labels: at % 2 === 0 ? [{ key: "env", value: "prod" }] : [],
    },
    ...(at % 5 === 0 && {
      container: { id: "0123456789ab", runtime: "docker", systemdUnit: "docker.service" },
      cloud: { provider: "aws", accountId: "123456789012", region: "eu-central-1", instanceId: "i-0a1b2c3d4e5f60718" },
    }),
    ...(at % 5 === 1 && { cloud: { availabilityZone: "eu-central-1b", machineType: "c7i.large" } }),
    ...(at % 7 === 0 &&
      file !== undefined && {
        files: [
          {
            ...file,
            before: { exists: true, size: 1n, sha256: hash },
            after: { exists: true, size: 2n, sha256: hash },
          },
          ...event.files.slice(1),
        ],
      }),
    ...(at % 11 === 0 &&
      event.process !== undefined && {
        process: { ...event.process, executableSha256: hash, tty: "pts0", startUnixNano: 1_790_000_000_000_000_000n },
      }),
  });
}
