/** Cost: what hosts, keys of rules and programs take, and when the disk is full. */
export { Page } from "./page.tsx";
