/** Stands in for the door of collector/src/serve: services are offered on the simulated network, and nothing listens for real. */
import { runningProcess } from "../schedule/index.ts";
import { presentNetwork } from "../network/index.ts";
import type { IngestService } from "../network/ingest.ts";

export * from "@hosttrail/collector/serve";

type Implementation = Omit<IngestService, "sees">;

/** Told of what collectors say to their agents. */
let seen: IngestService["sees"] = () => undefined;

export function watchAnswers(sees: IngestService["sees"]): void {
  seen = sees;
}

export function serve(
  { listen }: { listen: string },
  services: readonly { name: string; implementation: unknown }[],
): Promise<{ port: number; shut: () => void; stop: () => Promise<void> }> {
  const ingest = services.find(({ name }) => name === "hosttrail.v1.IngestService");
  if (ingest === undefined)
    throw new Error(`no simulated server offers ${services.map(({ name }) => name).join(", ")}`);
  const { stream, getCanary } = ingest.implementation as Implementation;
  const process = runningProcess();
  const service: IngestService = { stream, getCanary, sees: (hostId, response) => seen(hostId, response) };
  const end = presentNetwork.now.listen(listen, { process, service });
  return Promise.resolve({
    port: 1,
    shut: end,
    stop: () => {
      end();
      return Promise.resolve();
    },
  });
}
