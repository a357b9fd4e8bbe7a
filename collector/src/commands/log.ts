/** `hosttrail-collector log-key …` and `hosttrail-witness key …`: keys of transparency logs and of those who cosign them. */
import { formatVerifierKey, type KeyType } from "@hosttrail/lib/tlog";
import { makeSigner, openSigner } from "../signer/index.ts";

/** Makes a key in a file, or says what is public of one; throws where it is no command. */
export function logKey(type: KeyType, words: readonly string[]): void {
  const [program = "", command = "", name = "", file = "", ...more] = words;
  const act = command === "make" ? makeSigner : command === "show" ? openSigner : undefined;
  if (act === undefined || file === "" || more.length > 0) {
    throw new Error(
      `${program}: "${words.slice(1).join(" ")}" is no command; allowed are make NAME FILE, show NAME FILE`,
    );
  }
  process.stdout.write(`${formatVerifierKey(act(type, name, file).key)}\n`);
}
