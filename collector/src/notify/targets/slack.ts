/**
 * Incoming webhooks of Slack and of those who speak like it (Mattermost, Rocket.Chat). What is not our own words stands in a code block, where
 * neither formatting nor mentions nor links are read.
 */
import type { Notice } from "../notice.ts";
import { detailsOf, eventLines, headingOf, heldBackText, titleOf } from "../text.ts";

/** Far below what is cut off (40,000). */
const BLOCK_LENGTH_MAX = 6000;

/** The three characters that Slack reads as control sequences, as it asks for them. */
export function slackEscape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Within a code block; a backtick could end it. */
function code(lines: readonly string[]): string {
  let length = 0;
  const fitting = lines.filter((text) => {
    length += text.length + 1;
    return length <= BLOCK_LENGTH_MAX;
  });
  const more = lines.length - fitting.length;
  const all = more === 0 ? fitting : [...fitting, `and ${more} more lines`];
  return `\`\`\`\n${slackEscape(all.join("\n").replaceAll("`", "\\x60"))}\n\`\`\``;
}

export function slackBody(notice: Notice): string {
  const { heldBack, link } = notice;
  const lines =
    notice.alert === undefined ? detailsOf(notice) : [titleOf(notice), ...detailsOf(notice), ...eventLines(notice)];
  const parts = [
    `*${headingOf(notice)}*`,
    ...(lines.length === 0 ? [] : [code(lines)]),
    ...(heldBack === undefined ? [] : [`${heldBackText(heldBack)}.`]),
    ...(link === "" ? [] : [slackEscape(link)]),
  ];
  return JSON.stringify({ text: parts.join("\n") });
}
