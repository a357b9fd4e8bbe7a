import assert from "node:assert/strict";
import { webcrypto, X509Certificate } from "node:crypto";
import { before, describe, it } from "node:test";
import { rootCertificates } from "node:tls";
// @peculiar/x509 wants this first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { chainProblem } from "@hosttrail/lib/tls";
import { serverCertificateProblems } from "./certificate.ts";

const EC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
const NOW_MS = Date.now();

interface Made {
  certificate: X509Certificate;
  key: webcrypto.CryptoKey;
}

interface Wish {
  issuer?: Made;
  fromDays?: number;
  toDays?: number;
  isAuthority?: boolean;
  names?: boolean;
  usage?: "clientAuth" | "serverAuth";
}

async function make(name: string, wish: Wish = {}): Promise<Made> {
  const { issuer, fromDays = -1, toDays = 1, isAuthority = false, names = true, usage = "serverAuth" } = wish;
  const keys = await webcrypto.subtle.generateKey(EC, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: Math.floor(Math.random() * 1e12)
      .toString(16)
      .padStart(12, "1"),
    subject: `CN=${name}`,
    issuer: issuer === undefined ? `CN=${name}` : issuer.certificate.subject.split("\n").join(", "),
    notBefore: new Date(NOW_MS + fromDays * DAY_MS),
    notAfter: new Date(NOW_MS + toDays * DAY_MS),
    signingAlgorithm: EC,
    publicKey: keys.publicKey as never,
    signingKey: (issuer?.key ?? keys.privateKey) as never,
    extensions: [
      new x509.BasicConstraintsExtension(isAuthority, undefined, true),
      ...(isAuthority ? [] : [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[usage]])]),
      ...(names && !isAuthority
        ? [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: `${name}.example` }])]
        : []),
    ],
  });
  return { certificate: new X509Certificate(Buffer.from(certificate.rawData)), key: keys.privateKey };
}

let [root, between, leaf, impostor]: (Made | undefined)[] = [];

before(async () => {
  x509.cryptoProvider.set(webcrypto as never);
  root = await make("root", { isAuthority: true });
  between = await make("between", { isAuthority: true, issuer: root });
  leaf = await make("leaf", { issuer: between });
  impostor = await make("root", { isAuthority: true });
});

function certificates(...made: (Made | undefined)[]): X509Certificate[] {
  return made.map((each) => (each as Made).certificate);
}

describe("a server's own certificate", () => {
  const problems = (own: readonly X509Certificate[], authorities: readonly X509Certificate[] = []): string =>
    serverCertificateProblems(own, authorities, NOW_MS).join("\n");

  it("is fine with all that is above it, but for the root", () => {
    assert.equal(problems(certificates(leaf, between)), "");
    assert.equal(problems(certificates(leaf, between, root)), "");
    assert.equal(problems(certificates(leaf), certificates(between)), "", "TLS sends an authority that it knows along");
  });

  it("lacks the authority between", () => {
    assert.match(
      problems(certificates(leaf), certificates(root)),
      /^CN=leaf \(DNS:leaf\.example\) was issued by CN=between, whose/,
    );
  });

  it("of a public root needs nothing behind it", () => {
    // One that stands in Node's bundle and is signed by another one there, or by itself.
    const [publicRoot = ""] = rootCertificates;
    assert.doesNotMatch(problems([new X509Certificate(publicRoot)]), /was issued by/);
  });

  it("stands in the wrong order, or beside what is not above it", () => {
    assert.match(problems(certificates(leaf, root, between)), /CN=root stands behind CN=leaf and did not issue it/);
  });

  it("has expired, or is to come, as may one above it", async () => {
    const [over, toCome] = [
      await make("over", { issuer: root as Made, fromDays: -3, toDays: -2 }),
      await make("to-come", { issuer: root as Made, fromDays: 2, toDays: 3 }),
    ];
    assert.match(problems(certificates(over), certificates(root)), /^CN=over .*has expired at \d{4}-/);
    assert.match(problems(certificates(toCome), certificates(root)), /^CN=to-come .*is not valid before \d{4}-/);
    const late = await make("late", { isAuthority: true, issuer: root as Made, fromDays: -3, toDays: -2 });
    const below = await make("below", { issuer: late });
    assert.match(problems(certificates(below, late)), /^CN=late has expired at/);
  });

  it("names nothing that callers ask for, or is for clients", async () => {
    const nameless = await make("nameless", { issuer: root as Made, names: false });
    assert.match(
      problems(certificates(nameless), certificates(root)),
      /^CN=nameless has no DNS name and no IP address/,
    );
    const client = await make("client", { issuer: root as Made, usage: "clientAuth" });
    assert.match(problems(certificates(client), certificates(root)), /is not for servers \(serverAuth\)$/);
  });
});

describe("a client's certificate", () => {
  const problem = (sent: X509Certificate[], authorities: X509Certificate[]): string | undefined =>
    chainProblem(sent[0] as X509Certificate, sent.slice(1), authorities, NOW_MS);

  it("is fine with a way to a trusted root, in whatever order it was sent", () => {
    assert.equal(problem(certificates(leaf, between), certificates(root)), undefined);
    assert.equal(problem(certificates(leaf, root, between), certificates(root)), undefined);
    assert.equal(problem(certificates(leaf), certificates(root, between)), undefined);
  });

  it("tells what is missing on the way", () => {
    assert.match(
      problem(certificates(leaf), certificates(root)) ?? "",
      /^was issued by CN=between, which is none of .* not sent along/,
    );
    assert.match(
      problem(certificates(leaf, between), []) ?? "",
      /^hangs on CN=between, which was issued by CN=root, which is none/,
    );
    assert.match(
      problem(certificates(leaf), certificates(between)) ?? "",
      /^hangs on CN=between, which is trusted, but not .*CN=root/,
    );
    assert.match(
      problem(certificates(leaf, between, root), []) ?? "",
      /^hangs on CN=root, which is none of the trusted authorities$/,
    );
  });

  it("tells that an authority has only the name of the trusted one", () => {
    assert.match(
      problem(certificates(leaf, between), certificates(impostor)) ?? "",
      /names CN=root as its authority, but the known one of this name did not sign it$/,
    );
    assert.match(
      problem(certificates(leaf, between, root), certificates(impostor)) ?? "",
      /^hangs on CN=root, which is another one of this name than the trusted one$/,
    );
  });

  it("may be signed by itself alone", async () => {
    const own = await make("own", { isAuthority: true });
    assert.match(
      problem(certificates(own), certificates(root)) ?? "",
      /^is self-signed and none of the trusted authorities$/,
    );
  });
});
