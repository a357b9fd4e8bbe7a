/** One alert: what it is made of, what was done with it, and where to look next. */
export { Page } from "./page.tsx";
