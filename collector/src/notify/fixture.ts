/** Notices for tests, of alerts as somebody who acts would like them to be. */
import { Alert } from "@hosttrail/proto/alert";
import type { Notice } from "./notice.ts";

/** Ends of lines, controls, directions, markup of every target, and what would begin a header or a field. */
export const HOSTILE =
  "`*_~<!channel> @here <b>x</b> & \r\nBcc: x@example.org\n.\n\u0000\u0007\u001b[31m\u0085\u2028\u202e\u2066\u200b|=\\ \"' ]] {{x}} %s\ud800 end";

/** A notice of an alert, all of whose texts are the given one. */
export function noticeOf(text: string, parts: Partial<Notice> = {}): Notice {
  const time = { seconds: 1_790_000_000n, nanos: 500_000_000 };
  const alert = Alert.fromPartial({
    id: "01a0c0de0000-0123456789abcdef0123456789abcdef",
    rule: {
      key: text,
      title: text,
      description: text,
      severity: 4,
      tags: ["attack.t1059.004", "attack.execution", text],
      ruleset: text,
    },
    title: text,
    group: [{ field: text, value: text }],
    hosts: [{ id: text, name: text }],
    firstEventTime: time,
    lastEventTime: time,
    createTime: time,
    updateTime: time,
    count: 3n,
    state: 1,
    closeText: text,
    eventIds: ["e1", "e2", "e3"],
    events: [
      {
        id: "e1",
        event: { timeUnixNano: 1_790_000_000_500_000_000n, action: "executed", outcome: "success" },
        host: { id: text, name: text },
        user: { id: 0, name: text },
        process: { pid: 4711, name: text, executable: text, args: [text, text], entityId: "p1" },
        files: [{ path: text, mode: 0o100644 }],
        destination: { address: text, ip: "192.0.2.1", port: 443, domain: text },
      },
    ],
  });
  return {
    id: "n-1",
    kind: "opened",
    timeMs: 1_790_000_000_500,
    actor: text,
    eventsLeftOut: 2,
    link: "https://siem.example.org/alerts/1",
    alert,
    heldBack: { count: 37, sinceMs: 1_790_000_000_000, bySeverity: { high: 30, low: 7 } },
    ...parts,
  };
}
