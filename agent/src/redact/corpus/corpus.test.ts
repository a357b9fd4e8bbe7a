import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, it } from "node:test";
import { Redactor } from "../index.ts";
import { measure } from "./measure.ts";

const key = Buffer.alloc(32, 7);
const redactor = new Redactor({ enabled: true, patterns: [], key });
const redaction = {
  command: (text: string) => redactor.command(text),
  arguments: (args: readonly string[]) => redactor.arguments(args),
  markerOf: (secret: string) => `[redacted:${createHmac("sha256", key).update(secret).digest("hex").slice(0, 12)}]`,
};
/** What is reached; it may only become better. */
const RECALL_MIN = 0.995;
const PRECISION_MIN = 0.995;

describe("redaction of the committed command lines", () => {
  for (const way of ["arguments", "command"] as const) {
    it(`hides secrets and keeps the rest, as ${way}`, () => {
      const all = { lines: 0, secrets: 0, hidden: 0, replaced: 0, right: 0 };
      for (const figures of measure(redaction, way)) {
        for (const name of ["lines", "secrets", "hidden", "replaced", "right"] as const) all[name] += figures[name];
      }
      assert.ok(all.lines >= 1200, `${all.lines} lines`);
      assert.ok(all.hidden >= all.secrets * RECALL_MIN, `recall ${all.hidden} of ${all.secrets}`);
      assert.ok(all.right >= all.replaced * PRECISION_MIN, `precision ${all.right} of ${all.replaced}`);
    });
  }
});

const X = "h7unter22X";

describe("a secret of a command line is hidden", () => {
  for (const line of [
    // Inside of another assignment.
    `mount -t cifs -o username=bob,password=${X} //s/x /mnt`,
    `docker run --env=DB_PASSWORD=${X} app`,
    `docker build --build-arg=NPM_TOKEN=${X} .`,
    `kubectl create secret generic s --from-literal=password=${X}`,
    `helm install x ./y --set a=b,db.password=${X}`,
    `terraform apply -var=db_password=${X}`,
    `systemd-run --setenv=API_TOKEN=${X} app`,
    `JAVA_OPTS="-Da=b -Ddb.Password=${X}" app`,
    // Beside a shell's operators.
    `gh auth login --with-token <<< ${X}`,
    `docker login --password-stdin <<< ${X}`,
    `echo 'root:${X}' | chpasswd`,
    // Names, wrappers, short flags.
    `sqlcmd "Server=x;Pwd=${X}"`,
    `app --pwd ${X}`,
    `plink -pw ${X} host`,
    `app --bind-pw ${X}`,
    `docker exec c mysql -p${X}`,
    `kubectl exec p -- mysql -p${X}`,
    `curl -sSu a:${X} https://example.org/`,
    `curl --oauth2-bearer ${X} https://example.org/`,
    `curl -E c.pem:${X} https://example.org/`,
    `skopeo copy --src-creds u:${X} docker://a docker://b`,
    `keytool -list -keystore k -storepass ${X}`,
    `sqlplus u/${X}@db`,
    `aws configure set aws_secret_access_key ${X}`,
    `git clone https://ghp_${"a1".repeat(18)}@example.org/x.git`,
    `app "{'password': '${X}'}"`,
    `app '<password>${X}</password>'`,
  ]) {
    it(line.replaceAll(X, "…"), () => {
      for (const left of [redactor.command(line), redactor.arguments(["sh", "-c", line]).join(" ")]) {
        assert.ok(!left.includes(X) && !left.includes("ghp_"), left);
      }
    });
  }
});

describe("what is no secret stays", () => {
  for (const line of [
    "pg_dump --no-password salaries",
    "mysql --skip-password salaries",
    "chage --reset-password bob",
    "SSH_ASKPASS=/tmp/evil ssh host",
    "app --token 2>/dev/null",
    "app --generate-password user",
  ]) {
    it(line, () => assert.equal(redactor.command(line), line));
  }
});

describe("where no arguments are kept", () => {
  const none = new Redactor({ enabled: false, arguments: "none", patterns: [], key });

  it("the program is all that is left of a list and of a line", () => {
    assert.deepEqual(none.arguments(["mysql", "-u", "root"]), ["mysql", "[omitted]", "[omitted]"]);
    assert.deepEqual(none.arguments(["true"]), ["true"]);
    assert.equal(none.command("mysql -u root -p"), "mysql [omitted]");
    assert.equal(none.command("true"), "true");
    assert.equal(none.command("PASSWORD=x mysql db"), "[omitted]");
    assert.equal(none.command("'/opt/my program' secret"), "[omitted]");
  });
});
