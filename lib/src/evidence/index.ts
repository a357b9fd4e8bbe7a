/** What all who write evidence put beside it: for whoever opens it, and for who checks it. */

/** What manifest.json says of itself. */
export const EVIDENCE_FORMAT = "hosttrail-evidence-1";

/** README.txt. */
export const EVIDENCE_README = `The trail of one host, for checking without Hosttrail.

manifest.json     which host, which time, how many blocks; bytes and SHA-256 of each file
blocks.jsonl      one block a line; header, signature and columns are base64
certificates/     with which the host came to its collector, and those above them but for the root
authorities.pem   roots that the collector trusts; take yours from elsewhere
log/checkpoint    the transparency log as it was, signed (and cosigned, where there are witnesses)
log/entries.jsonl what the log says of this host, each with its proof
verdict.json      what the collector itself says

To check it, with python3 and openssl (3.0 or newer) and nothing else:

  python3 check.py THIS --authority ROOTS.pem --log-key 'KEY OF THE LOG'

check.py comes with Hosttrail (evidence/check.py; /usr/share/hosttrail-collector/evidence/check.py where its package is). Take it, the roots and the log's key from where you trust them, never from whoever gave
you this folder. It says verified (exit 0), incomplete (1), altered or not checked (2).

By hand. A header is a protobuf message (block.proto, BlockHeader). The host's key signed the text "hosttrail-block-v2", a zero byte, and the
header's bytes with Ed25519:

  openssl pkeyutl -verify -pubin -inkey host.pub -rawin -in message -sigfile signature

The header has the SHA-256 of the columns (field 10) and of the header before it (field 11). Numbers (field 4, and the count in field 5) follow
each other without a hole within an epoch (field 3), from 0 on. A host's id is the first 16 bytes of the SHA-256 of its public key
(SubjectPublicKeyInfo, DER). Of blocks before and behind the time that was asked for only the header is here: they show that nothing
is missing in between. The id of a block that is kept beside another one with the same numbers (a machine that was set back) has as its epoch the
first 8 bytes of its header's SHA-256.
`;
