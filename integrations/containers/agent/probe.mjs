// Whether the agent answers (`live`), and whether it is connected to a collector (`ready`): by its own door, without starting a second agent.
// usage: node probe.mjs live | ready
import { connect } from "node:net";

const ANSWER_BYTES_MAX = 1 << 20;
const TIMEOUT_MS = 10_000;
const [what = "", path = "/run/hosttrail-agent/control.sock"] = process.argv.slice(2);

function fail(reason) {
  process.stderr.write(`probe: ${reason}\n`);
  process.exit(1);
}

if (what !== "live" && what !== "ready") fail(`"${what}" is no probe; allowed are live and ready`);
let text = "";
const socket = connect(path);
socket.setEncoding("utf8");
socket.setTimeout(TIMEOUT_MS, () => fail(`no answer within ${TIMEOUT_MS} ms`));
socket.on("error", (error) => fail(error.message));
socket.on("data", (part) => {
  text += part;
  if (text.length > ANSWER_BYTES_MAX) fail("the answer is too long");
});
socket.on("end", () => {
  let status;
  try {
    status = JSON.parse(text);
  } catch (error) {
    fail(`the answer is no JSON (${error.message})`);
  }
  if (typeof status?.error === "string") fail(status.error);
  if (what === "ready" && !status?.collector?.endpoint)
    fail(`no collector is connected: ${status?.collector?.error || "still trying"}`);
});
socket.write('{"ask":"status"}\n');
