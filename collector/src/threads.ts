/** What threads do: each of these begins by itself where the thread is one of its own. */
import "./compact/worker.ts";
import "./scan/worker.ts";
import "./trial/worker.ts";
