/** The process tree at a moment: who started what, and what that did. */
export { Page } from "./page.tsx";
