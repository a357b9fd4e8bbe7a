/** The collector's own certificate, as callers will see it. */
import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import { distinguishedName, issuerOf, nameOfCertificate, validityProblem } from "@hosttrail/lib/tls";

/** id-kp-serverAuth of RFC 5280. */
const SERVER_USAGE = "1.3.6.1.5.5.7.3.1";

/** What callers will not like about a server's own certificates, as they stand in its file. */
export function serverCertificateProblems(
  certificates: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  nowMs: number,
): string[] {
  const [own, ...above] = certificates;
  if (own === undefined) return ["there is no certificate in it"];
  const problems = certificates.flatMap((certificate) => {
    const problem = validityProblem(certificate, nowMs);
    return problem === undefined ? [] : [`${nameOfCertificate(certificate)} ${problem}`];
  });
  const name = nameOfCertificate(own);
  if (own.subjectAltName === undefined) problems.push(`${name} has no DNS name and no IP address (subjectAltName)`);
  // Node has the extended usages under the name of the plain ones.
  const usages = own.keyUsage as readonly string[] | undefined;
  if (usages !== undefined && !usages.includes(SERVER_USAGE)) problems.push(`${name} is not for servers (serverAuth)`);
  const chain = serverChainProblem(own, above, authorities);
  if (chain !== undefined) problems.push(chain);
  return problems;
}

function serverChainProblem(
  own: X509Certificate,
  above: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): string | undefined {
  let current = own;
  for (const next of above) {
    if (issuerOf(current, [next]) === undefined) {
      return `${distinguishedName(next.subject)} stands behind ${distinguishedName(current.subject)} and did not issue it: each certificate is followed by that of its issuer`;
    }
    current = next;
  }
  // An authority between was given: what it hangs on is for the callers to know.
  if (above.length > 0 || current.subject === current.issuer || issuerOf(current, authorities) !== undefined)
    return undefined;
  const isPublic = rootCertificates.some((pem) => current.checkIssued(new X509Certificate(pem)));
  if (isPublic) return undefined;
  return `${nameOfCertificate(own)} was issued by ${distinguishedName(own.issuer)}, whose certificate is neither behind it nor among the trusted authorities: callers who trust a root above it alone cannot follow`;
}
