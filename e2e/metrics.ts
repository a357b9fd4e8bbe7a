import { get } from "node:http";
import { text } from "node:stream/consumers";

/** What a collector tells of itself; by a connection of its own, since one that is kept may be closed in the moment of asking. */
export async function metricsOf({ metricsPort }: { metricsPort: number }): Promise<string> {
  return await new Promise((resolve, reject) => {
    get(`http://127.0.0.1:${metricsPort}/metrics`, { agent: false }, (response) => {
      text(response).then(resolve, reject);
    }).on("error", reject);
  });
}
