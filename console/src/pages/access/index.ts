/** Access: which hosts and tokens there are, and who called what. */
export { Page } from "./page.tsx";
