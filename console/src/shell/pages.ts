/** The pages, and from which file each comes when it is opened. */
import type { FunctionComponent } from "preact";
import { mayAct, type Role } from "../api/index.ts";
import type { PageProps, Route } from "../route/index.ts";

export type LoadPage = () => Promise<{ Page: FunctionComponent<PageProps> }>;

export const ROUTES: readonly Route<LoadPage>[] = [
  { pattern: "/", page: async () => await import("../pages/overview/index.ts") },
  { pattern: "/alerts", page: async () => await import("../pages/alerts/index.ts") },
  { pattern: "/alerts/:id", page: async () => await import("../pages/alert/index.ts") },
  { pattern: "/search", page: async () => await import("../pages/search/index.ts") },
  { pattern: "/hosts", page: async () => await import("../pages/hosts/index.ts") },
  { pattern: "/hosts/:id", page: async () => await import("../pages/host/index.ts") },
  { pattern: "/tree", page: async () => await import("../pages/tree/index.ts") },
  { pattern: "/rules", page: async () => await import("../pages/rules/index.ts") },
  { pattern: "/verify", page: async () => await import("../pages/verify/index.ts") },
  { pattern: "/rollout", page: async () => await import("../pages/rollout/index.ts") },
  { pattern: "/coverage", page: async () => await import("../pages/coverage/index.ts") },
  { pattern: "/cost", page: async () => await import("../pages/cost/index.ts") },
  { pattern: "/access", page: async () => await import("../pages/access/index.ts") },
];

export interface NavEntry {
  title: string;
  href: string;
  /** Pressed after "g". */
  key: string;
  /** Lines of its picture, in 16 by 16. */
  icon: string;
  least: Role;
}

const NAV: readonly (readonly [string, readonly NavEntry[]])[] = [
  [
    "Look",
    [
      {
        title: "Overview",
        href: "/",
        key: "o",
        icon: "M2 2h5v6H2zM9 2h5v3H9zM9 7h5v7H9zM2 10h5v4H2z",
        least: "viewer",
      },
      { title: "Alerts", href: "/alerts", key: "a", icon: "M8 2 14.5 13.5h-13zM8 6.5v3.2M8 11.6v.1", least: "viewer" },
      {
        title: "Search",
        href: "/search",
        key: "s",
        icon: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 1 0 0-9M10.4 10.4 14 14",
        least: "viewer",
      },
      {
        title: "Hosts",
        href: "/hosts",
        key: "h",
        icon: "M2 3h12v4H2zM2 9h12v4H2zM4.5 5h.1M4.5 11h.1",
        least: "viewer",
      },
    ],
  ],
  [
    "Trust",
    [
      { title: "Rules", href: "/rules", key: "r", icon: "M3 4h6M3 8h10M3 12h7M12 2.5l1.2 1.2L15 2", least: "viewer" },
      {
        title: "Verify",
        href: "/verify",
        key: "v",
        icon: "M8 1.8 13.5 4v4.2c0 3-2.4 5-5.5 6-3.1-1-5.5-3-5.5-6V4zM5.6 8l1.8 1.8L10.6 6.4",
        least: "viewer",
      },
      { title: "Rollout", href: "/rollout", key: "l", icon: "M8 2v9M4.5 7.5 8 11l3.5-3.5M2.5 14h11", least: "viewer" },
      {
        title: "Coverage",
        href: "/coverage",
        key: "m",
        icon: "M4.5 12.5a3 3 0 1 1 .6-5.9 3.8 3.8 0 0 1 7.3 1 2.5 2.5 0 0 1-.4 4.9zM6 9.8l1.5 1.5 2.6-2.8",
        least: "viewer",
      },
      {
        title: "Cost",
        href: "/cost",
        key: "e",
        icon: "M8 1.8a6.2 6.2 0 1 0 0 12.4 6.2 6.2 0 1 0 0-12.4M8 4.5v7M10 6c-.6-.9-3.8-.9-3.8.6 0 1.7 3.8.9 3.8 2.8 0 1.6-3.4 1.5-4 .5",
        least: "viewer",
      },
      {
        title: "Access",
        href: "/access",
        key: "c",
        icon: "M10.5 2a3.5 3.5 0 1 1-3 5.3L2 12.8V14h2.5v-1.7h1.7v-1.7l1.9-1.9",
        least: "responder",
      },
    ],
  ],
];

/** What the caller may open. */
export function navOfCaller(): (readonly [string, readonly NavEntry[]])[] {
  return NAV.map(([title, entries]) => [title, entries.filter(({ least }) => mayAct(least))]);
}
