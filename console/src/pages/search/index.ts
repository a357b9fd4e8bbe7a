/** The search: a filter, where in time it matches, by what, and every event of it. */
export { Page } from "./page.tsx";
