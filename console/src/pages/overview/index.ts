/** The overview: whether all is well, and if not, where to look. */
export { Page } from "./page.tsx";
