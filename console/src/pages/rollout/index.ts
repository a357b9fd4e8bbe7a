/** The rollout: which hosts have which agent, which are enrolled and never reported. */
export { Page } from "./page.tsx";
