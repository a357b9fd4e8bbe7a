/** The collector's own certificate, its key, and the authorities that are trusted. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { certificatesOf, nameOfCertificate, validityProblem } from "@hosttrail/lib/tls";
import { serverCertificateProblems } from "../serve/index.ts";
import { type Finding, failed, ok, textOf, warning } from "./finding.ts";

/** Certificates that end earlier should be renewed. */
const SOON_MS = 14 * 86_400_000;
const DAY_MS = 86_400_000;

interface TlsFiles {
  caFile: string;
  certificateFile: string;
  keyFile: string;
}

interface Authority {
  certificateFile: string;
  keyFile: string;
  passphraseFile: string;
}

/** What callers see, as they will see it. */
export function checkServerCertificate({ caFile, certificateFile, keyFile }: TlsFiles, nowMs: number): Finding[] {
  const authorities = read(caFile);
  const own = read(certificateFile);
  if (typeof authorities === "string") return [failed(`tls.ca_file: ${authorities}`)];
  if (typeof own === "string") return [failed(`tls.certificate_file: ${own}`)];
  const [first] = own;
  if (first === undefined) return [failed(`tls.certificate_file: ${certificateFile} has no certificate in it (PEM)`)];
  const findings = serverCertificateProblems(own, authorities, nowMs).map((problem) =>
    failed(`tls.certificate_file: ${problem}; callers will refuse it (hosttrail-collector ca server makes one)`),
  );
  const keyProblem = keyProblemOf(first, keyFile);
  if (keyProblem !== undefined) findings.push(failed(`tls.key_file: ${keyProblem}`));
  if (findings.length > 0) return findings;
  const names = (first.subjectAltName ?? "").replaceAll("DNS:", "").replaceAll("IP Address:", "");
  return [...ages("tls.certificate_file", own, nowMs, `callers may ask for ${names}`), ...trusted(authorities, nowMs)];
}

/** Who signs certificates of hosts, where this process does. */
export function checkAuthority(
  { certificateFile, keyFile, passphraseFile }: Authority,
  caFile: string,
  nowMs: number,
): Finding[] {
  if (certificateFile === "") return [];
  const chain = read(certificateFile);
  if (typeof chain === "string") return [failed(`ca.certificate_file: ${chain}`)];
  const [authority] = chain;
  if (authority === undefined)
    return [failed(`ca.certificate_file: ${certificateFile} has no certificate in it (PEM)`)];
  const findings: Finding[] = [];
  if (!authority.ca)
    findings.push(failed(`ca.certificate_file: ${nameOfCertificate(authority)} is not one of an authority`));
  // A key with a passphrase is opened when the collector starts.
  const keyProblem = keyFile === "" || passphraseFile !== "" ? undefined : keyProblemOf(authority, keyFile);
  if (keyProblem !== undefined) findings.push(failed(`ca.key_file: ${keyProblem}`));
  const trust = read(caFile);
  if (typeof trust !== "string" && !trust.some((each) => each.raw.equals(authority.raw) || authority.checkIssued(each)))
    findings.push(
      failed(
        `ca.certificate_file: ${nameOfCertificate(authority)} is not among tls.ca_file: hosts that it lets in would be refused`,
      ),
    );
  return [...findings, ...ages("ca.certificate_file", [authority], nowMs, "it lets hosts in")];
}

/** Certificates of a file, or why there are none. */
function read(file: string): X509Certificate[] | string {
  try {
    return certificatesOf(readFileSync(file, "utf8"));
  } catch (error) {
    return `${file} cannot be read as PEM (${textOf(error)})`;
  }
}

function keyProblemOf(certificate: X509Certificate, keyFile: string): string | undefined {
  try {
    if (certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile)))) return undefined;
    return `${keyFile} is not the key of ${nameOfCertificate(certificate)}`;
  } catch (error) {
    return `${keyFile} cannot be read as a key (${textOf(error)})`;
  }
}

function ages(key: string, certificates: readonly X509Certificate[], nowMs: number, what: string): Finding[] {
  return certificates.map((certificate) => {
    const leftMs = Date.parse(certificate.validTo) - nowMs;
    const until = `until ${new Date(certificate.validTo).toISOString().slice(0, 10)} (${Math.floor(leftMs / DAY_MS)} days)`;
    const name = nameOfCertificate(certificate);
    const problem = validityProblem(certificate, nowMs);
    if (problem !== undefined) return failed(`${key}: ${name} ${problem}`);
    if (leftMs < SOON_MS)
      return warning(`${key}: ${name} is valid only ${until}: renew it; the file is read again by itself`);
    return ok(`${key}: ${name} is valid ${until}; ${what}`);
  });
}

function trusted(authorities: readonly X509Certificate[], nowMs: number): Finding[] {
  if (authorities.length === 0) return [failed("tls.ca_file has no certificate in it (PEM): no agent is let in")];
  const over = authorities.filter((each) => validityProblem(each, nowMs) !== undefined);
  if (over.length === authorities.length)
    return [failed("tls.ca_file: none of its authorities is valid now: no agent is let in")];
  return over.length === 0
    ? [ok(`tls.ca_file: ${authorities.length} authorities are trusted`)]
    : over.map((each) =>
        warning(`tls.ca_file: ${nameOfCertificate(each)} ${validityProblem(each, nowMs) ?? ""}: take it out`),
      );
}
