/** Whether proofs hold. Source: RFC 9162, sections 2.1.3.2 and 2.1.4.2, which are those of RFC 6962 as steps. */
import { TlogError } from "./error.ts";
import { emptyRoot, HASH_BYTES, nodeHash } from "./hash.ts";
import { isEqual } from "./text.ts";

/** A tree as somebody states it. */
export interface TreeHead {
  /** Entries, up to 2^53 - 1. */
  size: number;
  /** 32 bytes. */
  root: Uint8Array;
}

/** Throws a TlogError where `proof` does not lead from the leaf's hash, as entry `index`, to the root of `tree`. */
export function verifyInclusion(tree: TreeHead, index: number, leaf: Uint8Array, proof: readonly Uint8Array[]): void {
  const place = `entry ${String(index)} of ${String(tree.size)}`;
  const refuse = (detail: string): never => {
    throw new TlogError("PROOF_INVALID", place, detail);
  };
  if (!Number.isSafeInteger(index) || index < 0 || index >= tree.size) refuse("the tree has no such entry");
  requireHashes([leaf, tree.root, ...proof], place);
  let [node, last, hash] = [index, tree.size - 1, leaf];
  for (const sibling of proof) {
    if (last === 0) refuse("the proof is too long");
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  if (last !== 0) refuse("the proof is too short");
  if (!isEqual(hash, tree.root)) refuse("the proof leads to another root");
}

/** Throws a TlogError where `proof` does not show that `tree` begins with `old`. An empty tree is the beginning of all. */
export function verifyConsistency(old: TreeHead, tree: TreeHead, proof: readonly Uint8Array[]): void {
  const place = `sizes ${String(old.size)} and ${String(tree.size)}`;
  const refuse = (detail: string): never => {
    throw new TlogError("PROOF_INVALID", place, detail);
  };
  if (!Number.isSafeInteger(old.size) || !Number.isSafeInteger(tree.size) || old.size < 0 || old.size > tree.size) {
    refuse("the first must be at most the second");
  }
  requireHashes([old.root, tree.root, ...proof], place);
  if (old.size === 0 || old.size === tree.size) {
    if (proof.length > 0) refuse("the proof must be empty");
    if (old.size === 0 && !isEqual(old.root, emptyRoot())) refuse("the root is not the one of an empty tree");
    if (old.size === tree.size && !isEqual(old.root, tree.root)) refuse("the roots differ");
    return;
  }
  let [node, last] = [old.size - 1, tree.size - 1];
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  const path = [...proof];
  // Where the old tree is one whole node of the new one, its root is not in the proof.
  const first = node === 0 ? old.root : path.shift();
  if (first === undefined) return refuse("the proof is too short");
  let [oldHash, hash] = [first, first];
  for (const sibling of path) {
    if (last === 0) refuse("the proof is too long");
    if (node % 2 === 1 || node === last) {
      oldHash = nodeHash(sibling, oldHash);
      hash = nodeHash(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  if (last !== 0) refuse("the proof is too short");
  if (!isEqual(oldHash, old.root)) refuse("the proof does not lead to the root of the first");
  if (!isEqual(hash, tree.root)) refuse("the proof does not lead to the root of the second");
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function requireHashes(hashes: readonly Uint8Array[], place: string): void {
  if (hashes.some(({ length }) => length !== HASH_BYTES)) {
    throw new TlogError("PROOF_INVALID", place, `a hash does not have ${String(HASH_BYTES)} bytes`);
  }
}
