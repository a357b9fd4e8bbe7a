/** Giving memory back: what was needed to start, and what gathers, is not needed to go on. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { native } from "./native.ts";

type Collect = (options: { type: "major"; flavor: "last-resort" }) => void;
let collect: Collect | undefined;

/** Collects all garbage with what V8 only keeps for speed, then gives free memory and program text back to the kernel. */
export function giveMemoryBack(): void {
  if (collect === undefined) {
    // There is no other door to it than this flag.
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as Collect;
    native().mapSinglePages();
  }
  collect({ type: "major", flavor: "last-resort" });
  native().pageOut();
}
