import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connectionFailure } from "./index.ts";

/** As grpc-js 1.14 on Node 22 wrote them; e2e/certificates.test.ts meets most of them anew. */
const RECORDED: readonly [string, RegExp][] = [
  ["Error: connect ECONNREFUSED 127.0.0.1:1", /^nothing listens at 127\.0\.0\.1:1 \(connection refused\)$/],
  ["Error: connect ETIMEDOUT 192.0.2.1:7444", /^192\.0\.2\.1:7444 cannot be reached \(ETIMEDOUT\)$/],
  ["Error: certificate has expired", /^the server's certificate, or one above it, has expired/],
  ["Error: certificate is not yet valid", /^the server's certificate, or one above it, is not valid yet/],
  [
    "Error: unable to verify the first certificate; if the root CA is installed locally, try running Node.js with --use-system-ca",
    /^the server's certificate is of none of the authorities in ca_file; or the server sends it without/,
  ],
  [
    "Error: self-signed certificate in certificate chain; if the root CA is installed locally, try running Node.js with --use-system-ca",
    /^the server's authority is none of those in ca_file$/,
  ],
  ["Error: certificate signature failure", /one of the same name has another key$/],
  [
    "Error: Hostname/IP does not match certificate's altnames: Host: other. is not in the cert's altnames: DNS:localhost",
    /^the server's certificate is for another name: Host: other\. is not in the cert's altnames: DNS:localhost$/,
  ],
  [
    "Error: 404D6C5A6E7F0000:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:../deps/openssl/openssl/ssl/record/methods/tlsany_meth.c:77:\n",
    /^what listens there does not speak TLS$/,
  ],
  [
    "404D6C5A6E7F0000:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:918:SSL alert number 116\n (2026-11-26T16:45:34.047Z)",
    /^the server wants a client certificate$/,
  ],
  [
    "404D6C5A6E7F0000:error:0A000415:SSL routines:ssl3_read_bytes:ssl/tls alert certificate expired:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:918:SSL alert number 45\n",
    /^the server refuses the client certificate \(certificate expired\)$/,
  ],
  [
    "404D6C5A6E7F0000:error:0A0000C7:SSL routines:some_function:peer did something new:../deps/openssl/x.c:1:\n",
    /^peer did something new$/,
  ],
  ["Failed to connect (2026-11-26T16:45:34.066Z)", /^the server hung up before the connection was established$/],
  [
    "Error: Client network socket disconnected before secure TLS connection was established",
    /^the server hung up before the connection was established$/,
  ],
  ["Error: what nobody has seen yet; if the root CA is installed locally, try X", /^what nobody has seen yet$/],
];

describe("a failed connection", () => {
  for (const [error, expected] of RECORDED) {
    it(`is told without what gRPC and Node put around it: ${error.slice(0, 60).trim()}`, () => {
      const failure = connectionFailure(`No connection established. Last error: ${error}. Resolution note: `);
      assert.match(failure, expected);
      assert.doesNotMatch(failure, /Resolution note|use-system-ca|Last error|\n/);
    });
  }

  it("names a name that is not found", () => {
    for (const scheme of ["", "dns:", "dns:///"]) {
      assert.equal(
        connectionFailure(`Name resolution failed for target ${scheme}nowhere.invalid:7444`),
        "the name nowhere.invalid is not found",
      );
    }
  });

  it("leaves alone what the other side answered", () => {
    for (const details of [
      "no event abc",
      "filter, column 1: unknown field",
      "",
      "certificate has expired",
      `No connection established. Last error: ${" ".repeat(100_000)}`,
    ]) {
      assert.equal(connectionFailure(details), details);
    }
  });
});
