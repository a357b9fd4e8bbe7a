/** How long things are kept, what is held, what was dropped. */
import { RetentionServiceService } from "@hosttrail/proto/retention";
import { fullAt } from "../../raise/index.ts";
import { RetentionApi } from "../../retain/index.ts";
import { PageTokens } from "../../serve/index.ts";
import type { Api } from "../services.ts";
import type { ApiParts } from "./api.ts";

const HOUR_MS = 3_600_000;
const EVER_MS = 0;

export function openRetention({ config, archive, gate }: ApiParts): Api {
  const { disk, drops, history, identities, retention } = archive;
  const { graceHours, confirmPercent } = config.retention;
  const api = new RetentionApi(
    {
      listPolicies: () => retention.listPolicies(),
      putPolicy: (policy) => retention.putPolicy(policy),
      deletePolicy: (name) => retention.deletePolicy(name),
      listHolds: () => retention.listHolds(),
      insertHold: (hold) => retention.insertHold(hold),
      releaseHold: (id, releaser, reason, timeMs) => retention.releaseHold(id, releaser, reason, timeMs),
      listMarks: () => retention.listMarks(),
      listFences: () => retention.listFences(),
      allLabels: () => identities.allLabels(),
      days: () => history.days(),
      catalogs: (place, hostIds) => history.catalogs(place, hostIds),
      listDrops: (hostId, afterId, limit) => drops.listDrops(hostId, afterId, limit),
      diskSamples: () => disk.samplesSince(EVER_MS),
      fullAt,
    },
    new PageTokens(() => archive.secrets.key("page tokens")),
    { graceMs: graceHours * HOUR_MS, confirmPercent },
  );
  return {
    service: {
      name: "hosttrail.v1.RetentionService",
      definition: RetentionServiceService,
      implementation: { ...api.methods(gate) },
    },
  };
}
