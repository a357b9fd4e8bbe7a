/** Against another program: the Go toolchain brings the packages tlog and note with which it reads the checksum database. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ed25519BytesOf } from "../crypto/index.ts";
import {
  formatCheckpoint,
  formatNote,
  formatVerifierKey,
  GrowingTree,
  leafHash,
  proveConsistency,
  proveInclusion,
  rootOf,
  type ReadTile,
  signNote,
  tilePath,
  verifierKey,
} from "./index.ts";

const PACKAGES = "src/cmd/vendor/golang.org/x/mod/sumdb";
/** Checks what it reads from standard input; ends with an error where something does not hold, or a changed hash does. */
const CHECK = `package main

import (
	"encoding/json"
	"fmt"
	"os"

	"other/note"
	"other/tlog"
)

type input struct {
	Key, Note string
	Proofs    []struct {
		Size, Old, Index           int64
		Root, OldRoot, Leaf        []byte
		Inclusion, Consistency     [][]byte
	}
	Paths []struct {
		Level, Index, Width int
		Path                string
	}
}

func hash(bytes []byte) (h tlog.Hash) { copy(h[:], bytes); return }
func hashes(all [][]byte) (hs []tlog.Hash) {
	for _, each := range all { hs = append(hs, hash(each)) }
	return
}
func must(err error) {
	if err != nil { fmt.Println(err); os.Exit(1) }
}
func main() {
	var in input
	must(json.NewDecoder(os.Stdin).Decode(&in))
	verifier, err := note.NewVerifier(in.Key)
	must(err)
	opened, err := note.Open([]byte(in.Note), note.VerifierList(verifier))
	must(err)
	if len(opened.Sigs) != 1 { must(fmt.Errorf("no signature")) }
	for _, p := range in.Proofs {
		must(tlog.CheckRecord(hashes(p.Inclusion), p.Size, hash(p.Root), p.Index, hash(p.Leaf)))
		if tlog.CheckRecord(hashes(p.Inclusion), p.Size, hash(p.OldRoot), p.Index, hash(p.Leaf)) == nil && p.Old != p.Size {
			must(fmt.Errorf("another root holds"))
		}
		must(tlog.CheckTree(hashes(p.Consistency), p.Size, hash(p.Root), p.Old, hash(p.OldRoot)))
	}
	for _, p := range in.Paths {
		// Its tiles have the height in their path.
		path := tlog.Tile{H: 8, L: p.Level, N: int64(p.Index), W: p.Width}.Path()
		if path != "tile/8/" + p.Path[len("tile/"):] { must(fmt.Errorf("%s is not %s", p.Path, path)) }
	}
	fmt.Printf("%d proofs hold", len(in.Proofs))
}
`;

function goRoot(): string | undefined {
  for (const go of ["go", "/usr/local/go/bin/go"]) {
    try {
      const root = execFileSync(go, ["env", "GOROOT"], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }).trim();
      if (existsSync(join(root, PACKAGES, "tlog"))) return root;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

describe("another program", () => {
  const root = goRoot();
  it("finds our notes, proofs and paths right", {
    skip: root === undefined ? "no Go toolchain with its packages" : false,
  }, async () => {
    const tiles = new Map<string, Uint8Array>();
    const entries = Array.from({ length: 66_000 }, (_, at) => Buffer.from(`entry ${String(at)}`));
    for (const { level, index, bytes } of GrowingTree.empty().append(entries))
      tiles.set(`${String(level)}/${String(index)}`, bytes);
    const read: ReadTile = ({ level, index, width }) =>
      Promise.resolve((tiles.get(`${String(level)}/${String(index)}`) ?? new Uint8Array()).subarray(0, width * 32));
    const proofs = [];
    for (const [size, old, index] of [
      [1, 1, 0],
      [2, 1, 1],
      [7, 3, 6],
      [256, 255, 255],
      [257, 256, 256],
      [300, 7, 299],
      [65_536, 256, 65_535],
      [65_537, 65_536, 65_536],
      [66_000, 65_999, 1],
      [66_000, 1234, 40_000],
    ] as const) {
      proofs.push({
        size,
        old,
        index,
        root: base64(await rootOf(size, size, read)),
        oldRoot: base64(await rootOf(old, size, read)),
        leaf: base64(leafHash(entries[index] as Uint8Array)),
        inclusion: (await proveInclusion(size, index, read)).map(base64),
        consistency: (await proveConsistency(old, size, read)).map(base64),
      });
    }
    const { privateKey } = generateKeyPairSync("ed25519");
    const key = verifierKey("ed25519", "example.org/log", ed25519BytesOf(privateKey));
    const text = formatCheckpoint({ origin: key.name, size: 7, root: await rootOf(7, 7, read), extensions: [] });
    const signed = formatNote({
      text,
      signatures: [signNote(text, key, (message) => sign(null, message, privateKey))],
    });
    const paths = [
      { level: 0, index: 0, width: 256 },
      { level: 3, index: 1_234_067, width: 17 },
      { level: 1, index: 1000, width: 1 },
    ].map((name) => ({ ...name, path: tilePath(name) }));

    const go = join(root as string, "bin/go");
    const folder = mkdtempSync(join(tmpdir(), "hosttrail-go-"));
    try {
      for (const name of ["note", "tlog"])
        cpSync(join(root as string, PACKAGES, name), join(folder, name), { recursive: true });
      const version = execFileSync(go, ["env", "GOVERSION"], { encoding: "utf8" }).trim().slice("go".length);
      writeFileSync(join(folder, "go.mod"), `module other\n\ngo ${version}\n`);
      mkdirSync(join(folder, "check"));
      writeFileSync(join(folder, "check/main.go"), CHECK);
      const said = execFileSync(go, ["run", "./check"], {
        cwd: folder,
        encoding: "utf8",
        input: JSON.stringify({ key: formatVerifierKey(key), note: Buffer.from(signed).toString(), proofs, paths }),
        env: { ...process.env, GOFLAGS: "", GOPROXY: "off", GOTOOLCHAIN: "local", GOWORK: "off" },
      });
      assert.equal(said, `${String(proofs.length)} proofs hold`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
