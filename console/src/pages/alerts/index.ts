/** Alerts: what waits for somebody, and what can be done with many at once. */
export { Page } from "./page.tsx";
