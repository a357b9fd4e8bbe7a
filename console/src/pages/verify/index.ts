/** Verification: whether what is stored of hosts is what they sealed, and all of it. */
export { Page } from "./page.tsx";
