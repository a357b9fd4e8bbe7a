// Writes the configuration of a node's agent: what the chart gives, with labels that tell which node this is. Before the agent, which has no
// access to Kubernetes itself. Never fails for what Kubernetes does not say: a node without such a label is better than one without a trail.
// usage: node settings.mjs GIVEN TO
//   GIVEN  folder of the ConfigMap: agent.json, ca.pem, and fleet.rules where there are rules of one's own
//   TO     folder that agent.yaml, ca.pem and rules.d/ are written to
// environment: NODE_NAME; NODE_LABELS, JSON: label of the host -> what it is: `name`, `providerID`, or a label's name of the node
//   TOKEN, a file with an enrolment token, which need not be there; PRIVATE, folders for the agent alone, divided by colons
//   SERVICE_ACCOUNT, folder with token and ca.crt; KUBERNETES_SERVICE_HOST and _PORT, as Kubernetes sets them
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { join } from "node:path";

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 8 << 20;
// What agent.yaml allows.
const LABEL_LENGTH_MAX = 256;

const [given = "", to = ""] = process.argv.slice(2);
const { NODE_NAME: name = "", NODE_LABELS = "{}", TOKEN = "", PRIVATE = "", SERVICE_ACCOUNT = "" } = process.env;
const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "443" } = process.env;

/** The node, as Kubernetes knows it. Throws where it does not say. */
function askNode() {
  return new Promise((resolve, reject) => {
    const authorization = `Bearer ${readFileSync(join(SERVICE_ACCOUNT, "token"), "utf8").trim()}`;
    const request = get(
      {
        host,
        port,
        path: `/api/v1/nodes/${encodeURIComponent(name)}`,
        ca: readFileSync(join(SERVICE_ACCOUNT, "ca.crt")),
        headers: { authorization, accept: "application/json" },
        timeout: TIMEOUT_MS,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("error", reject);
        response.on("data", (part) => {
          text += part;
          if (text.length > ANSWER_BYTES_MAX)
            request.destroy(new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`));
        });
        response.on("end", () => {
          if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
          else
            try {
              resolve(JSON.parse(text));
            } catch (error) {
              reject(error);
            }
        });
      },
    );
    request.on("timeout", () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    request.on("error", reject);
  });
}

const wanted = Object.entries(JSON.parse(NODE_LABELS));
let node = {};
if (wanted.some(([, what]) => what !== "name"))
  try {
    node = await askNode();
  } catch (error) {
    process.stderr.write(
      `settings: Kubernetes does not say what node ${name} is (${error.message}): labels of it are left out\n`,
    );
  }

const labels = {};
for (const [label, what] of wanted) {
  const value = what === "name" ? name : what === "providerID" ? node.spec?.providerID : node.metadata?.labels?.[what];
  if (typeof value === "string" && value !== "") labels[label] = value.slice(0, LABEL_LENGTH_MAX);
}
const config = JSON.parse(readFileSync(join(given, "agent.json"), "utf8"));
// What somebody has written by hand goes before what was found.
config.labels = { ...labels, ...config.labels };

// Folders of the node are made by the kubelet, for everybody to look into.
for (const folder of PRIVATE.split(":")) if (folder !== "") chmodSync(folder, 0o700);
const put = (path, content) => writeFileSync(join(to, path), content, { mode: 0o600 });
mkdirSync(join(to, "rules.d"), { recursive: true, mode: 0o700 });
// JSON is YAML as well.
put("agent.yaml", `${JSON.stringify(config, undefined, 2)}\n`);
put("ca.pem", readFileSync(join(given, "ca.pem")));
if (existsSync(join(given, "spec"))) put("spec", readFileSync(join(given, "spec")));
if (existsSync(join(given, "fleet.rules"))) put("rules.d/fleet.rules", readFileSync(join(given, "fleet.rules")));
if (TOKEN !== "" && existsSync(TOKEN)) put("token", readFileSync(TOKEN));
