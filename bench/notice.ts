/**
 * What it costs an agent to ask whether its instance ends: a watch of a spot instance in a group asks a stand-in of the metadata service, which runs
 * in a process of its own, again and again. Prints CPU of the asking process alone.
 *
 * `node bench/notice.ts [TURNS [MILLISECONDS]]`; a turn is two questions. With a long pause between turns each is as slow as from cold.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { startImds } from "@hosttrail/agent/imds/fixture";
import { EndWatch } from "@hosttrail/agent/notice";

const INTERVAL_MS = 5000;

if (process.argv[2] === "serve") {
  const service = await startImds({
    "meta-data/instance-life-cycle": "spot",
    "meta-data/autoscaling/target-lifecycle-state": "InService",
  });
  process.send?.(service.url);
} else {
  const [turns = 2000, intervalMs = 1] = process.argv.slice(2).map(Number);
  const server = fork(new URL(import.meta.url).pathname, ["serve"]);
  const [endpoint] = (await once(server, "message")) as [string];
  let cpuMs = 0;
  let seen = 0;
  const done = Promise.withResolvers<void>();
  let start = process.cpuUsage();
  const watch = new EndWatch({
    mode: "aws",
    endpoint,
    intervalMs,
    see: (by) => {
      if (by !== "autoscaling") return;
      // What is compiled at first is no part of what goes on for days.
      if (seen === Math.floor(turns / 10)) start = process.cpuUsage();
      if (++seen < turns) return;
      const { user, system } = process.cpuUsage(start);
      cpuMs = (user + system) / 1000 / (turns - Math.floor(turns / 10));
      done.resolve();
    },
  });
  await done.promise;
  watch.close();
  server.kill();
  const percent = (cpuMs / INTERVAL_MS) * 100;
  process.stdout.write(
    `a look is two questions: ${cpuMs.toFixed(2)} ms of CPU; every ${INTERVAL_MS / 1000} s that is ${percent.toFixed(3)} % of a core (${watch.counters.turns} looks, ${watch.counters.failures} failed)\n`,
  );
}
