/** Events with names that nobody would choose but who means harm: as a kernel tells of them, through the agent's own steps. */
import { Event } from "@hosttrail/proto/event";
import { eventsOfLog } from "../../bench/rules/replay.ts";

const LONG = 100_000;
const STAMP_SECONDS = 1_790_000_000;

/** Bytes of names: what ends a field or a line somewhere, what is no text, what programs take for something of their own. */
const NAMES: readonly Buffer[] = [
  ...[
    'quo"te',
    "apo'strophe",
    "comma,semi;colon\ttab",
    "line\nbreak\r\nand another\r",
    "back\\slash\\n",
    "=HYPERLINK(1)",
    "+1",
    "-2+3",
    "@sum",
    "NULL",
    "null",
    "\\N",
    "NaN",
    "true",
    "[1,2]",
    '{"a":1}',
    "\u0001\u0002\u001b[31m\u007f\u0085",
    "\u2028\u2029\u202e\ufeff",
    "naïve \u{1f4a3} 日本語 e\u0301",
    " spaces before and after ",
    "|cef=1 act=owned",
    `long ${"ab".repeat(LONG / 2)}`,
  ].map((text) => Buffer.from(text)),
  // Arguments end at a NUL, and paths as well; it stands in what user space writes.
  Buffer.from("nul\0inside"),
  Buffer.from([0x2f, 0xff, 0xfe, 0x80, 0x41]),
  Buffer.from([0xed, 0xa0, 0x80, 0xc0, 0xaf]),
];

/** For each name an event that has it as program, argument, folder, file and account. */
export function strangeEvents(): Event[] {
  return NAMES.flatMap((name, at) => {
    const hex = name.toString("hex").toUpperCase();
    const stamp = `msg=audit(${STAMP_SECONDS + at}.123:${77_000 + at}):`;
    const ids = "auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3";
    const call = `arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=1 ppid=10 pid=${1000 + at} ${ids}`;
    return eventsOfLog(
      [
        `type=SYSCALL ${stamp} ${call} comm=${hex.slice(0, 30)} exe=${hex} key="strange"`,
        `type=EXECVE ${stamp} argc=3 a0=${hex} a1="plain" a2=${hex}`,
        `type=CWD ${stamp} cwd=${hex}`,
        `type=PATH ${stamp} item=0 name=${hex} inode=${at + 1} dev=00:34 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL`,
        `type=EOE ${stamp} `,
        "",
      ].join("\n"),
    ).map((event) => ({ ...event, id: `strange-${at}` }));
  });
}

/** What a host whose administrator means harm can sign: values that are none of their fields' types. */
export function claimedEvents(): Event[] {
  const endpoints = ["", "no address", "999.1.1.1", "fe80::1%eth0", "192.0.2.1", "2001:db8::1"].map((ip) => ({
    ip,
    address: ip,
    port: ip.includes("0") ? 4_294_967_295 : 0,
    domain: "..",
  }));
  return endpoints.map((endpoint, at) =>
    Event.fromPartial({
      id: `claimed-${at}`,
      event: {
        timeUnixNano: at % 2 === 0 ? -(2n ** 63n) : 2n ** 63n - 1n,
        kind: "event",
        category: ["network"],
        type: ["connection"],
        action: "connected-to",
        outcome: "success",
        sequence: 2n ** 64n - 1n,
      },
      host: {
        id: "h",
        name: "h",
        ip: endpoints.map(({ ip }) => ip),
        labels: ["", ".", "a.b", "a", "__proto__", "constructor"].map((key) => ({ key, value: "x" })),
      },
      process: { pid: 4_294_967_295, startUnixNano: -(2n ** 63n), argsCount: 4_294_967_295, name: "\u0000" },
      files: [{ path: "/", mode: 4_294_967_295, after: { exists: true, size: 2n ** 64n - 1n } }],
      source: endpoint,
      destination: endpoint,
      audit: { serial: 4_294_967_295, syscall: { exit: -(2n ** 63n) } },
    }),
  );
}
