/** Packages as a web server gives them: a folder, and a signed apt repository of the same. */
import { execFileSync } from "node:child_process";
import { createReadStream, cpSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { ARTIFACTS } from "./artifacts.ts";
import { CONTROLLER, CONTROLLER_NAME } from "./hosts.ts";
import { isOnPath } from "./tools.ts";

const PACKAGE = new URL("../../tools/package/main.ts", import.meta.url).pathname;
const SIGNER = "Hosttrail test <test@example.org>";

/** What is missing to make and sign it; undefined where nothing is. */
export function whyNoRepository(): string | undefined {
  const absent = ["gpg", "apt-ftparchive", "createrepo_c"].filter((command) => !isOnPath(command));
  return absent.length === 0 ? undefined : `not installed: ${absent.join(", ")}`;
}

/** Makes a key of gpg, which is there for `use` alone; returns its public part. */
export function withKey(use: (env: NodeJS.ProcessEnv) => void = () => undefined): string {
  const env = { ...process.env, GNUPGHOME: mkdtempSync(join(tmpdir(), "hosttrail-gnupg-")) };
  try {
    execFileSync("gpg", ["--batch", "--quiet", "--passphrase", "", "--quick-gen-key", SIGNER, "rsa2048"], { env });
    use(env);
    return execFileSync("gpg", ["--batch", "--armor", "--export", SIGNER], { env, encoding: "utf8" });
  } finally {
    execFileSync("gpgconf", ["--kill", "all"], { env });
    rmSync(env.GNUPGHOME, { recursive: true, force: true });
  }
}

export class PackageServer {
  /** The public key that signs the repository. */
  readonly key: string;
  readonly #folder: string;
  readonly #server: Server;

  private constructor(folder: string, key: string, server: Server) {
    this.#folder = folder;
    this.key = key;
    this.#server = server;
  }

  /** Makes the repository and serves it and the packages on the hosts' bridge. */
  static async open(): Promise<PackageServer> {
    const folder = mkdtempSync(join(tmpdir(), "hosttrail-packages-"));
    cpSync(ARTIFACTS, folder, { recursive: true });
    const key = withKey((env) => {
      execFileSync(process.execPath, [PACKAGE, "repository", "--out", folder, "--sign", SIGNER], {
        env,
        stdio: "pipe",
      });
    });
    const server = createServer((request, response) => {
      const path = join(folder, normalize(decodeURIComponent(request.url ?? "/")));
      if (!statSync(path, { throwIfNoEntry: false })?.isFile()) response.writeHead(404).end();
      else createReadStream(path).pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, CONTROLLER, resolve));
    return new PackageServer(folder, key, server);
  }

  /** Of the folder of packages. */
  get url(): string {
    return `http://${CONTROLLER_NAME}:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Of the folder that has apt/. */
  get repository(): string {
    return `${this.url}/repository`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
