/**
 * The collector's program begins here. A thread of it begins here as well where all of it is one file, and then has what threads do alone:
 * what is not imported takes no memory.
 */
import { isMainThread } from "node:worker_threads";

await (isMainThread ? import("./program.ts") : import("./threads.ts"));
