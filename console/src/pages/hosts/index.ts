/** All hosts: which report, which are late or silent, what is wrong with whose trail. */
export { Page } from "./page.tsx";
