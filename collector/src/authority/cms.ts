/** Signed messages (CMS, RFC 5652; PKCS#7) of others, verified by keys that we were given. Certificates inside count nothing. */
import { createHash, verify, type X509Certificate } from "node:crypto";
import { ContentInfo, id_messageDigest, id_signedData, SignedData, type SignerInfo } from "@peculiar/asn1-cms";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";

/** A message that nobody whom we trust has signed. */
export class SignedMessageError extends Error {
  override readonly name = "SignedMessageError";
}

const SHA_256 = "2.16.840.1.101.3.4.2.1";
/** Tag of SET OF: attributes are signed under it and sent under another one (RFC 5652, 5.4). */
const SET_OF = 0x31;

/** The message's content, if one of these certificates' keys has signed it with SHA-256; throws a SignedMessageError. */
export function verifySignedMessage(der: Uint8Array, certificates: readonly X509Certificate[]): Buffer {
  let content: Buffer;
  let signer: SignerInfo | undefined;
  let signed: Buffer;
  try {
    const info = AsnConvert.parse(der, ContentInfo);
    if (info.contentType !== id_signedData) throw new SignedMessageError("it is no signed message");
    const message = AsnConvert.parse(info.content, SignedData);
    const inner = message.encapContentInfo.eContent?.single;
    if (inner === undefined) throw new SignedMessageError("the content is not in it");
    content = Buffer.from(inner.buffer);
    [signer] = message.signerInfos;
    if (signer === undefined || message.signerInfos.length !== 1) throw new SignedMessageError("it has not one signer");
    if (signer.digestAlgorithm.algorithm !== SHA_256) throw new SignedMessageError("its digest is not SHA-256");
    signed = signedBytes(signer, content);
  } catch (cause) {
    if (cause instanceof SignedMessageError) throw cause;
    throw new SignedMessageError("it cannot be read", { cause });
  }
  const signature = Buffer.from(signer.signature.buffer);
  const isSigned = certificates.some(({ publicKey }) => {
    try {
      return verify("sha256", signed, publicKey, signature);
    } catch {
      return false;
    }
  });
  if (!isSigned) throw new SignedMessageError("none of the given certificates has signed it");
  return content;
}

/** What the signature is over: the attributes, which then hold the content's hash, or the content itself. */
function signedBytes({ signedAttrs }: SignerInfo, content: Buffer): Buffer {
  if (signedAttrs === undefined || signedAttrs.length === 0) return content;
  const attribute = [...signedAttrs].filter(({ attrType }) => attrType === id_messageDigest);
  const [value] = attribute[0]?.attrValues ?? [];
  if (attribute.length !== 1 || value === undefined) throw new SignedMessageError("its content's hash is not in it");
  const hash = Buffer.from(AsnConvert.parse(value, OctetString).buffer);
  if (!hash.equals(createHash("sha256").update(content).digest())) {
    throw new SignedMessageError("its content is not what was signed");
  }
  // In DER there is one way to write them, so writing them again gives the bytes that were signed, or a signature that does not fit.
  const attributes = Buffer.concat([...signedAttrs].map((each) => Buffer.from(AsnConvert.serialize(each))));
  return Buffer.concat([Buffer.from([SET_OF]), lengthOf(attributes), attributes]);
}

/** A length in DER. */
function lengthOf({ length }: Buffer): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  if (length <= 0xff) return Buffer.from([0x81, length]);
  if (length > 0xffff) throw new SignedMessageError("it is too long");
  return Buffer.from([0x82, length >> 8, length & 0xff]);
}
