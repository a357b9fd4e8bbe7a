/** Rules: which run, which cannot and why, how right each one is, and what it would have found. */
export { Page } from "./page.tsx";
