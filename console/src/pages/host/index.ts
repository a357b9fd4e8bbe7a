/** One host: who it is, whether its trail is whole, what happened on it, and what differs between two moments. */
export { Page } from "./page.tsx";
