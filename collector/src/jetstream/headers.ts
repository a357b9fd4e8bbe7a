/** Headers of messages: what is known of a block beside its bytes. */
export const HEADER = {
  host: "Hosttrail-Host-Name",
  signer: "Hosttrail-Signer",
  reason: "Hosttrail-Reason",
  clockOffset: "Hosttrail-Clock-Offset",
} as const;
