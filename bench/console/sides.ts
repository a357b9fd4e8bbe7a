/** The two that are held against each other: which link asks each of them a question, and by what a person sees that the answer is there. */
import type { Locator, Page } from "playwright-core";
import { RARE_WORD } from "../fleet/generate.ts";

/** A stretch of time, and a host's share of it. */
export interface Asked {
  fromMs: number;
  toMs: number;
  host: { id: string; name: string };
  hostFromMs: number;
  hostToMs: number;
}

/** What is looked for: a person's words, the same for both. */
export const QUESTIONS = ["overview", "newest", "rare", "host"] as const;
export type Question = (typeof QUESTIONS)[number];

/** Signs on a page, each of which is timed from the same click. */
export const SIGNS: Readonly<Record<Question, readonly { sign: Sign; name: string }[]>> = {
  overview: [{ sign: "figures", name: "overview: figures of what is stored" }],
  newest: [
    { sign: "rows", name: "all events: the newest rows" },
    { sign: "picture", name: "all events: rows and histogram" },
  ],
  rare: [{ sign: "rows", name: "a rare word in any field: its rows" }],
  host: [{ sign: "rows", name: "ten minutes of one host: the newest rows" }],
};
export type Sign = "figures" | "rows" | "picture";

export interface Side {
  name: string;
  /** The page that somebody gets who types the address. */
  start: { link: string; sign: Sign };
  links: Readonly<Record<Question, string>>;
  /** Waits until all of these are on the page. */
  seen: (page: Page, sign: Sign) => Locator[];
  /** Whether a path is an answer about events, and no part of the page itself. */
  isAnswer: (path: string) => boolean;
}

/** Whether a path of our console is an answer of the API, and no file. */
export function isAnswer(path: string): boolean {
  return path.startsWith("/api/") || path === "/session";
}

/** Both show as many rows as they do by themselves: ours a page of 200, theirs 50. */
export function hosttrailSide(url: string, asked: Asked): Side {
  const link = (from: number, to: number, more: Readonly<Record<string, string>> = {}): string =>
    `${url}/search?${new URLSearchParams({ from: isoOf(from), to: isoOf(to), ...more }).toString()}`;
  const { fromMs, toMs, host, hostFromMs, hostToMs } = asked;
  return {
    name: "Hosttrail",
    start: { link: `${url}/`, sign: "figures" },
    links: {
      overview: `${url}/`,
      newest: link(fromMs, toMs),
      rare: link(fromMs, toMs, { q: RARE_WORD }),
      host: link(hostFromMs, hostToMs, { host: host.id }),
    },
    seen(page, sign) {
      const rows = page.locator("#row-0 time");
      if (sign === "figures") return [page.getByRole("link", { name: /^Hosts \d+/ })];
      return sign === "rows" ? [rows] : [rows, page.locator(".plot-bar").first()];
    },
    isAnswer,
  };
}

/** Its page goes by a hash. A host's name is what its streams are told apart by, which is the quickest question that it has for one. */
export function victoriaSide(url: string, asked: Asked): Side {
  const link = (query: string, from: number, to: number, page = ""): string =>
    `${url}/select/vmui/#/${page}?${new URLSearchParams({
      query,
      "g0.range_input": `${to - from}ms`,
      "g0.end_input": isoOf(to),
      "g0.relative_time": "none",
    }).toString()}`;
  const { fromMs, toMs, host, hostFromMs, hostToMs } = asked;
  return {
    name: "VictoriaLogs",
    start: { link: link("*", fromMs, toMs), sign: "picture" },
    links: {
      overview: link("*", fromMs, toMs, "overview"),
      newest: link("*", fromMs, toMs),
      rare: link(`*:"${RARE_WORD}"`, fromMs, toMs),
      host: link(`{host.name="${host.name}"}`, hostFromMs, hostToMs),
    },
    seen(page, sign) {
      const rows = page.locator(".vm-group-logs-row-content__time").first();
      if (sign === "figures") {
        const figures = page.locator(".vm-total-card__value", { hasText: /[1-9]/ });
        return [figures.first(), figures.nth(2)];
      }
      // Their number is there with the bars, which are on a canvas.
      return sign === "rows" ? [rows] : [rows, page.getByText(/^Total: [1-9]/)];
    },
    isAnswer: (path) => path.startsWith("/select/") && !path.startsWith("/select/vmui/"),
  };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
