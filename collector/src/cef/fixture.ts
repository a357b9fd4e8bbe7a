/** For tests: a reader of CEF that knows nothing of the writer. */
import assert from "node:assert/strict";

export interface ReadLine {
  /** Vendor, product, version, signature, name, severity. */
  head: string[];
  pairs: Map<string, string>;
}

/** Seven fields between bars, then pairs; throws where there is anything else, an escape that there is not, or a key twice. */
export function readCef(text: string): ReadLine {
  assert.ok(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(text), `steers: ${JSON.stringify(text)}`);
  const head: string[] = [];
  let rest = /^CEF:0\|(.*)$/s.exec(text)?.[1];
  assert.ok(rest !== undefined, text);
  while (head.length < 6) {
    const field = /^((?:[^|\\]|\\[\\|])+)\|/.exec(rest);
    assert.ok(field !== null, rest);
    head.push((field[1] ?? "").replaceAll(/\\([\\|])/g, "$1"));
    rest = rest.slice(field[0].length);
  }
  assert.match(head[5] ?? "", /^(?:\d|10)$/);
  const pairs = new Map<string, string>();
  while (rest !== "") {
    const pair = /^([A-Za-z0-9]+)=((?:[^=\\]|\\[\\=])+?)(?= [A-Za-z0-9]+=|$)/.exec(rest);
    assert.ok(pair !== null, rest);
    const [whole, key = "", value = ""] = pair;
    assert.ok(!pairs.has(key), `${key} twice: ${text}`);
    pairs.set(key, value.replaceAll(/\\([\\=])/g, "$1"));
    rest = rest.slice(whole.length).replace(/^ /, "");
  }
  for (const key of pairs.keys()) if (key.endsWith("Label")) assert.ok(pairs.has(key.slice(0, -5)), `${key} alone`);
  return { head, pairs };
}
