// Copies secrets to where their owner alone can read them: Kubernetes gives files of a secret to a group as well, and the collector refuses that.
// usage: node secrets.mjs FROM TO
import { copyFileSync, chmodSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const [from = "", to = ""] = process.argv.slice(2);
mkdirSync(to, { recursive: true, mode: 0o700 });
for (const name of readdirSync(from)) {
  // Kubernetes' own links and folders begin so.
  if (name.startsWith("..") || !statSync(join(from, name)).isFile()) continue;
  copyFileSync(join(from, name), join(to, name));
  chmodSync(join(to, name), 0o400);
}
