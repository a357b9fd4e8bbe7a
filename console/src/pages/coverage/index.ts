/** Coverage: which machines of a cloud have an agent, which have none, why, and what to do. */
export { Page } from "./page.tsx";
