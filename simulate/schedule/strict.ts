/** What a simulated thing cannot do must be seen, not taken for a fault of the world that the product copes with. */
import { presentSchedule } from "./index.ts";

/** The same thing; to ask it for what it does not have ends the seed. */
export function strict<Thing extends object>(thing: Thing, name: string): Thing {
  return new Proxy(thing, {
    get(target, key) {
      if (key in target || typeof key === "symbol" || key === "then" || key === "toJSON") {
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      }
      const error = new Error(`the simulated ${name} has no ${key}: give it one`);
      presentSchedule.now.uncaught.push({ process: "simulation", error });
      throw error;
    },
  });
}
