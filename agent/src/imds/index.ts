/**
 * AWS's Instance Metadata Service, version 2: a token first, then questions.
 * Source: AWS documentation, "Use the Instance Metadata Service to access instance metadata".
 */
import { request } from "node:http";

const TIMEOUT_MS = 2000;
const ANSWER_BYTES_MAX = 65_536;

/** Asks for one path; throws where the service does not answer as it should. */
export type ImdsGet = (path: string) => Promise<string>;

/** Gets a token for some minutes. */
export async function openImds(endpoint: string): Promise<ImdsGet> {
  const token = await ask(endpoint, "/latest/api/token", "PUT", { "X-aws-ec2-metadata-token-ttl-seconds": "300" });
  return (path) => ask(endpoint, path, "GET", { "X-aws-ec2-metadata-token": token });
}

function ask(endpoint: string, path: string, method: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(`${endpoint}${path}`, { method, headers, timeout: TIMEOUT_MS, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => {
        text += part;
        if (text.length > ANSWER_BYTES_MAX) call.destroy(new Error("the answer is too long"));
      });
      answer.on("error", reject);
      answer.on("end", () => {
        if (answer.statusCode === 200) resolve(text);
        else reject(new Error(`${method} ${path}: status ${answer.statusCode}`));
      });
    });
    call.on("timeout", () => call.destroy(new Error(`${method} ${path}: no answer`)));
    call.on("error", reject);
    call.end();
  });
}
