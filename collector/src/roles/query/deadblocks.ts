/** Blocks that could not be stored. */
import { DeadBlockServiceService } from "@hosttrail/proto/deadblock";
import { DeadBlockApi } from "../../deadblocks/index.ts";
import { OUTSIDE } from "../../model/index.ts";
import { PageTokens } from "../../serve/index.ts";
import { forkId, placesOf } from "../../trail/index.ts";
import type { Api } from "../services.ts";
import type { ApiParts } from "./api.ts";

export function openDeadBlocks({ archive, stream, history, gate, logger }: ApiParts): Api {
  const { methods } = new DeadBlockApi(
    {
      letters: stream.deadLetters,
      blocks: stream,
      record: archive.deadBlocks,
      isStored: async ({ id, hostId, headerSha256: hash }, { firstTimeUnixNano: firstTimeNano, firstSeq }) => {
        // Beside another one that has its numbers, it is kept as a fork.
        const ids = [id, forkId(hostId, { hash, firstSeq })];
        const places = placesOf({ place: OUTSIDE, firstTimeNano });
        const hashes = await history.hashesOf(places.flatMap((place) => ids.map((each) => ({ id: each, place }))));
        return ids.some((each) => hashes.has(`${each} ${hash}`));
      },
      gate,
      tokens: new PageTokens(() => archive.secrets.key("page tokens")),
    },
    logger,
  );
  const implementation = { ...methods };
  return {
    service: { name: "hosttrail.v1.DeadBlockService", definition: DeadBlockServiceService, implementation },
  };
}
