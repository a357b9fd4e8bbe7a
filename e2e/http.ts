/** What a collector's small HTTP server says. */
import { request } from "node:http";
import { text } from "node:stream/consumers";

/** By a connection of its own, since one that is kept may be closed in the moment of asking. */
export async function fetchPath(
  port: number,
  path: string,
  method = "GET",
): Promise<{ status: number; body: string; type: string }> {
  return await new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, method, agent: false }, (response) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, body, type: response.headers["content-type"] ?? "" }),
        reject,
      );
    })
      .on("error", reject)
      .end();
  });
}
