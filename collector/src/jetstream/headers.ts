/** Headers of messages: what is known of a block beside its bytes. */
export const HEADER = {
  host: "Hosttrail-Host-Name",
  signer: "Hosttrail-Signer",
  reason: "Hosttrail-Reason",
  clockOffset: "Hosttrail-Clock-Offset",
  deliveries: "Hosttrail-Deliveries",
  events: "Hosttrail-Events",
} as const;

/** Header values are one line of text. */
export function headerText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 256);
}
