import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readCef } from "../../cef/fixture.ts";
import { HOSTILE, noticeOf } from "../fixture.ts";
import { cefMessage } from "./cef.ts";
import { encodedWords, mailOf } from "./mail.ts";
import { detectionFinding } from "./ocsf.ts";
import { pagerDutyBodies } from "./pagerduty.ts";
import { slackBody, slackEscape } from "./slack.ts";
import { syslogMessage } from "./syslog.ts";
import { webhookBody, webhookHeaders, webhookKey } from "./webhook.ts";

const anyText = fc.string({ unit: "binary", maxLength: 200 });
const HUGE = "x|=\\<&\n".repeat(300_000);

describe("a signature of Standard Webhooks", () => {
  it("is the one that the specification's own libraries expect", () => {
    const key = webhookKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    const headers = webhookHeaders("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}', [key]);
    assert.equal(headers["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert.equal(headers["webhook-timestamp"], "1614265330");
  });

  it("is there for each key, in their order", () => {
    const keys = [Buffer.alloc(24, 1), Buffer.alloc(24, 2)];
    const both = webhookHeaders("a", 1, "b", keys)["webhook-signature"] ?? "";
    const each = keys.map((key) => webhookHeaders("a", 1, "b", [key])["webhook-signature"]);
    assert.equal(both, each.join(" "));
  });

  it("is not made with what is no key, and the error does not show it", () => {
    const wrong = [
      "",
      "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      "whsec_",
      "whsec_c2hvcnQ=",
      "whsec_!!!!MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      `whsec_${"A".repeat(200)}`,
    ];
    for (const secret of wrong) {
      assert.throws(
        () => webhookKey(secret),
        (error: Error) => secret.length < 12 || !error.message.includes(secret.slice(6)),
      );
    }
  });
});

describe("the body of a webhook", () => {
  it("is JSON that gives everything back, whatever was in the alert", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { type, data, held_back } = JSON.parse(webhookBody(noticeOf(text))) as Record<
          string,
          Record<string, unknown>
        >;
        assert.equal(type, "alert.opened");
        assert.equal(data?.["title"], text);
        assert.equal(data?.["severity"], "high");
        assert.equal((data?.["events"] as unknown[] | undefined)?.length, 1);
        assert.equal(data?.["events_left_out"], 2);
        assert.equal(held_back?.["count"], 37);
      }),
    );
  });
});

describe("a Detection Finding", () => {
  it("has what the class requires, and the numbers of its class, activity and severity", () => {
    const finding = detectionFinding(noticeOf("x")) as Record<string, unknown> & {
      metadata: Record<string, unknown>;
      finding_info: Record<string, unknown>;
      evidences: Record<string, unknown>[];
    };
    assert.deepEqual(
      ["activity_id", "category_uid", "class_uid", "type_uid", "severity_id", "time", "status_id"].map(
        (key) => finding[key],
      ),
      [1, 2, 2004, 200_401, 4, 1_790_000_000_500, 1],
    );
    assert.equal(finding.metadata["version"], "1.8.0");
    assert.ok(finding.metadata["product"] !== undefined);
    assert.equal(finding.finding_info["uid"], "01a0c0de0000-0123456789abcdef0123456789abcdef");
    assert.deepEqual(finding.finding_info["attacks"], [
      { technique: { uid: "T1059" }, sub_technique: { uid: "T1059.004" } },
    ]);
    assert.deepEqual(finding.finding_info["related_events"], [{ uid: "e1" }, { uid: "e2" }, { uid: "e3" }]);
    assert.equal(finding.evidences.length, 1);
    assert.ok(finding["device"] !== undefined && finding["unmapped"] !== undefined);
  });

  it("is closed as suppressed where it was a false positive, and as resolved otherwise", () => {
    const closed = (reason: number): unknown[] => {
      const notice = noticeOf("x", { kind: "closed" });
      const alert =
        notice.alert === undefined ? undefined : { ...notice.alert, state: 3 as const, closeReason: reason as 1 };
      const finding = detectionFinding({ ...notice, ...(alert === undefined ? {} : { alert }) });
      return [finding["activity_id"], finding["type_uid"], finding["status_id"], finding["is_alert"]];
    };
    assert.deepEqual(closed(2), [3, 200_403, 3, false]);
    assert.deepEqual(closed(1), [3, 200_403, 4, false]);
  });
});

describe("a message of Slack", () => {
  it("is escaped as Slack asks for it", () => {
    assert.equal(slackEscape("<!here> & <http://x|y>"), "&lt;!here&gt; &amp; &lt;http://x|y&gt;");
  });

  it("has one block of code, out of which no alert gets", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { text: shown } = JSON.parse(slackBody(noticeOf(`${text}${HOSTILE}`))) as { text: string };
        const parts = shown.split("```");
        assert.equal(parts.length, 3);
        assert.ok(!/[<>]/.test(shown) && !(parts[1] ?? "").includes("`"));
        assert.match(parts[2] ?? "", /^\n37 more alerts were held back since .*: 30 high, 7 low\.\nhttps:/);
      }),
    );
    assert.ok(slackBody(noticeOf(HUGE)).length < 12_000);
  });
});

describe("an event of PagerDuty", () => {
  it("triggers, acknowledges and resolves one incident for an alert", () => {
    const actions = (["opened", "acknowledged", "closed", "reopened"] as const).map((kind) => {
      const [body = ""] = pagerDutyBodies(noticeOf("x", { kind }), "key", "r");
      const { event_action, dedup_key } = JSON.parse(body) as Record<string, string>;
      return [event_action, dedup_key];
    });
    const id = "01a0c0de0000-0123456789abcdef0123456789abcdef";
    assert.deepEqual(actions, [
      ["trigger", id],
      ["acknowledge", id],
      ["resolve", id],
      ["trigger", id],
    ]);
  });

  it("stays within PagerDuty's bounds, and resolves a test", () => {
    const [body = ""] = pagerDutyBodies(noticeOf(HUGE), "key", "r");
    const { payload } = JSON.parse(body) as { payload: { summary: string; source: string; severity: string } };
    assert.ok(body.length < 100_000 && payload.summary.length <= 1024 && payload.source.length <= 255);
    assert.equal(payload.severity, "error");
    const test = noticeOf("x", { kind: "test" });
    const { alert: _alert, heldBack: _heldBack, ...bare } = test;
    const bodies = pagerDutyBodies(bare, "key", "r").map((text) => JSON.parse(text) as Record<string, unknown>);
    assert.deepEqual(
      bodies.map(({ event_action, dedup_key }) => [event_action, dedup_key]),
      [
        ["trigger", "hosttrail-test-r"],
        ["resolve", "hosttrail-test-r"],
      ],
    );
  });
});

describe("a line of CEF", () => {
  it("is read as it was meant, whatever was in the alert", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { head, pairs } = readCef(cefMessage(noticeOf(`${text}${HOSTILE}`), 8000));
        assert.equal(head.length, 6);
        assert.equal(head[5], "8");
        assert.equal(pairs.get("cs1"), "01a0c0de0000-0123456789abcdef0123456789abcdef");
        assert.match(pairs.get("cs4") ?? "", /^37 more alerts/);
        assert.equal(pairs.get("act"), "opened");
        assert.equal(pairs.get("dst"), "192.0.2.1");
        assert.ok([...pairs.keys()].every((key) => /^[a-zA-Z0-9]+$/.test(key) && key !== "Bcc"));
      }),
    );
  });

  it("fits into a datagram of syslog, whole pairs of it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 3000 }), (text) => {
        const message = syslogMessage(noticeOf(text), "udp");
        assert.ok(Buffer.byteLength(message) <= 2048, String(Buffer.byteLength(message)));
        readCef(message.slice(message.indexOf("CEF:0")));
      }),
    );
    assert.ok(Buffer.byteLength(syslogMessage(noticeOf(HUGE), "tls")) <= 8192);
  });
});

describe("a mail", () => {
  const envelope = { from: "hosttrail@example.org", to: ["a@example.org", "b@example.org"] };
  const NAMES = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
  ];

  it("has the headers that we gave it and no other one, in lines of ASCII that are not too long", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const mail = mailOf(noticeOf(`${text}${HOSTILE}`), envelope);
        assert.ok(/^[\x20-\x7e\r\n]*$/.test(mail) && !/[^\r]\n|\r[^\n]/.test(mail));
        const lines = mail.split("\r\n");
        assert.ok(lines.every((each) => each.length <= 76 && each !== "."));
        const [head = ""] = mail.split("\r\n\r\n");
        const names = head
          .split("\r\n")
          .filter((each) => !each.startsWith(" "))
          .map((each) => each.slice(0, each.indexOf(":")));
        assert.deepEqual(names, NAMES);
      }),
    );
  });

  it("has the subject as encoded words that give it back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const words = encodedWords(text).split("\r\n ");
        assert.ok(words.every((word) => word.length <= 75));
        const bytes = words.map((word) =>
          Buffer.from(/^=\?utf-8\?B\?(.*)\?=$/.exec(word)?.[1] ?? "!", "base64").toString(),
        );
        assert.equal(bytes.join(""), text);
      }),
    );
  });

  it("has the alert and what was held back in plain text", () => {
    const body = mailOf(noticeOf("Shell"), envelope).split("\r\n\r\n")[1] ?? "";
    const text = Buffer.from(body, "base64").toString();
    assert.match(text, /^Alert opened, high\r\nShell\r\n/);
    assert.match(text, /37 more alerts were held back/);
  });
});
