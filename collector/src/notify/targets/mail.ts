/** A notice as a message of Internet mail (RFC 5322): plain text, of ASCII characters only. */
import { line } from "@hosttrail/lib/text";
import type { Notice } from "../notice.ts";
import { detailsOf, eventLines, headingOf, heldBackText, titleOf } from "../text.ts";

const SUBJECT_LENGTH_MAX = 150;
/** Bytes in an encoded word, so that a line of one, behind "Subject: ", has at most 76 characters (RFC 2047, 2). */
const WORD_BYTES_MAX = 39;
const BASE64_LINE_MAX = 76;

export interface Envelope {
  from: string;
  to: readonly string[];
}

/** Lines end with CRLF; none is a dot alone, since the body is in base64. */
export function mailOf(notice: Notice, { from, to }: Envelope): string {
  const { link, heldBack } = notice;
  const subject = line(`[Hosttrail] ${headingOf(notice)}: ${titleOf(notice)}`, SUBJECT_LENGTH_MAX);
  const text = [
    headingOf(notice),
    titleOf(notice),
    "",
    ...detailsOf(notice),
    "",
    ...eventLines(notice),
    ...(heldBack === undefined ? [] : ["", heldBackText(heldBack)]),
    ...(link === "" ? [] : ["", link]),
  ];
  const domain = from.slice(from.lastIndexOf("@") + 1);
  const body = Buffer.from(`${text.join("\r\n")}\r\n`).toString("base64");
  return [
    `From: ${from}`,
    `To: ${to.join(",\r\n ")}`,
    `Subject: ${encodedWords(subject)}`,
    `Date: ${new Date(notice.timeMs).toUTCString().replace("GMT", "+0000")}`,
    // The same at each try, so that a mailbox can tell.
    `Message-ID: <${notice.id}@${domain}>`,
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "",
    ...(body.match(new RegExp(`.{1,${BASE64_LINE_MAX}}`, "g")) ?? []),
    "",
  ].join("\r\n");
}

/** A header's text as encoded words of UTF-8 (RFC 2047): no character of it can end the header, whatever it is. */
export function encodedWords(text: string): string {
  const words: string[] = [];
  let word = "";
  for (const character of text.toWellFormed()) {
    if (Buffer.byteLength(word + character) > WORD_BYTES_MAX) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  return [...words, word].map((part) => `=?utf-8?B?${Buffer.from(part).toString("base64")}?=`).join("\r\n ");
}
