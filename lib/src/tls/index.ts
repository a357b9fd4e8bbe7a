/** Why TLS does not take a certificate, and why a connection did not come to be, in words that lead on. */
export {
  certificatesOf,
  chainProblem,
  distinguishedName,
  issuerOf,
  nameOfCertificate,
  validityProblem,
} from "./certificate.ts";
export { connectionFailure } from "./failure.ts";
