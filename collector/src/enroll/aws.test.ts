import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type AwsOptions, InstanceIdentityError, verifyInstance } from "./aws.ts";

const folder = mkdtempSync(join(tmpdir(), "hosttrail-aws-"));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"]);
    return true;
  } catch {
    return false;
  }
}

/** A key and certificate as AWS's are: RSA of 2,048 bits, signed by itself. */
function makeSigner(name: string): void {
  const words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", `/CN=${name}`, "-days", "2"];
  execFileSync("openssl", [...words, "-keyout", at(`${name}.key`), "-out", at(`${name}.crt`)], { stdio: "ignore" });
}

/** Signs as the metadata service does: content and signer's certificate inside, base64 in lines. */
function signed(document: unknown, signer: string): string {
  writeFileSync(at("document"), typeof document === "string" ? document : JSON.stringify(document));
  const words = ["smime", "-sign", "-nodetach", "-binary", "-md", "sha256", "-outform", "DER", "-in", at("document")];
  const der = execFileSync("openssl", [...words, "-signer", at(`${signer}.crt`), "-inkey", at(`${signer}.key`)]);
  return der.toString("base64").replaceAll(/(.{64})/g, "$1\n");
}

const NOW = Date.parse("2026-05-01T12:00:00Z");
const DOCUMENT = {
  accountId: "123456789012",
  instanceId: "i-0123456789abcdef0",
  region: "eu-central-1",
  pendingTime: "2026-05-01T11:59:00Z",
};

describe("an EC2 instance's identity", {
  skip: hasOpenssl() ? false : "openssl, which signs the documents here, is not installed",
}, () => {
  let options: AwsOptions;
  before(() => {
    makeSigner("aws");
    makeSigner("other");
    options = {
      certificates: [new X509Certificate(readFileSync(at("aws.crt")))],
      accounts: ["123456789012"],
      launchedWithinMs: 600_000,
      labels: {},
    };
  });

  const refused = (pkcs7: string, message: RegExp, nowMs = NOW): void =>
    assert.throws(
      () => verifyInstance(pkcs7, options, nowMs),
      (error) => error instanceof InstanceIdentityError && message.test(error.message),
    );

  it("lets in an instance of a known account soon after its launch", () => {
    assert.deepEqual(verifyInstance(signed(DOCUMENT, "aws"), options, NOW), {
      accountId: "123456789012",
      instanceId: "i-0123456789abcdef0",
      region: "eu-central-1",
    });
  });

  it("is refused from another signer, though that one's certificate is inside", () => {
    refused(signed(DOCUMENT, "other"), /none of the given certificates/);
  });

  it("is refused when a byte of it is another one", () => {
    const der = Buffer.from(signed(DOCUMENT, "aws"), "base64");
    const place = der.indexOf("123456789012");
    der.write("999999999999", place);
    refused(der.toString("base64"), /not what was signed|none of the given/);
    for (let byte = 0; byte < der.length; byte += 7) {
      const changed = Buffer.from(signed(DOCUMENT, "aws"), "base64").subarray(0, byte);
      refused(changed.toString("base64"), /not signed by AWS/);
    }
  });

  it("is refused for other accounts, long after the launch, before it, and without what it must tell", () => {
    refused(signed({ ...DOCUMENT, accountId: "999999999999" }, "aws"), /account 999999999999 may not/);
    refused(signed(DOCUMENT, "aws"), /launched too long ago/, NOW + 3_600_000);
    refused(signed(DOCUMENT, "aws"), /launched too long ago/, NOW - 3_600_000);
    refused(signed({ ...DOCUMENT, pendingTime: "soon" }, "aws"), /launched too long ago/);
    refused(signed({ ...DOCUMENT, instanceId: "i-../../x" }, "aws"), /lacks account, instance or region/);
    refused(signed({}, "aws"), /lacks account/);
    refused(signed("[]", "aws"), /lacks account/);
    refused(signed("no json", "aws"), /not signed by AWS/);
    refused("A".repeat(20_000), /too long/);
  });
});
