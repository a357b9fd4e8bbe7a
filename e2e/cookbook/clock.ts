/**
 * Loaded before the CLI (node --import): its clock stands at $COOKBOOK_NOW when it starts and goes on from there. So "yesterday" and
 * --last 7d mean the same days whenever the document is checked. Nothing else of the stack has another clock.
 */
const shiftMs = Date.parse(process.env["COOKBOOK_NOW"] ?? "") - Date.now();
if (!Number.isFinite(shiftMs)) throw new Error("COOKBOOK_NOW must be a time");

const RealDate = Date;

/** A Date without arguments is of the other clock; all else is as before. */
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [RealDate.now() + shiftMs] : args, newTarget) as Date,
  get: (target, name, receiver) =>
    name === "now" ? () => RealDate.now() + shiftMs : (Reflect.get(target, name, receiver) as unknown),
});
