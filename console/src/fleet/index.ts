/** Hosts as pages speak of them. */
export { faultsOf, HostLink, type Presence, presenceBadge, presenceOf } from "./hosts.tsx";
