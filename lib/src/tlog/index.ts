/**
 * Transparency logs: trees of entries that can only grow, as RFC 6962 has them, in the files and texts of C2SP. Pure; tiles are read
 * by whoever calls.
 */
export {
  type Checkpoint,
  formatCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  type SignedCheckpoint,
} from "./checkpoint.ts";
export { cosign, cosignedAt } from "./cosignature.ts";
export { TlogError, type TlogErrorCode } from "./error.ts";
export { GrowingTree, type ReadTile, type Tile } from "./grow.ts";
export { emptyRoot, HASH_BYTES, leafHash, nodeHash } from "./hash.ts";
export { formatVerifierKey, isKeyName, type KeyType, parseVerifierKey, verifierKey, type VerifierKey } from "./key.ts";
export {
  formatNote,
  formatSignature,
  isSignedBy,
  type Note,
  type NoteSignature,
  parseNote,
  parseSignature,
  signatureBy,
  signNote,
} from "./note.ts";
export {
  isQuorum,
  openWitnessed,
  parsePolicy,
  type Policy,
  type PolicyLog,
  type PolicyWitness,
  type Witnessed,
  witnessesOf,
} from "./policy.ts";
export { formatProofFile, parseProofFile, type ProofFile, verifyProofFile } from "./prooffile.ts";
export { proveConsistency, proveInclusion, rootOf } from "./prove.ts";
export {
  type AddCheckpoint,
  formatAddCheckpoint,
  parseAddCheckpoint,
  parseCosignatures,
  REQUEST_BYTES_MAX,
} from "./request.ts";
export {
  decodeBundle,
  decodeTile,
  encodeBundle,
  encodeTile,
  ENTRY_BYTES_MAX,
  levelWidth,
  parseTilePath,
  TILE_WIDTH,
  type TileName,
  tilePath,
  tileWidth,
} from "./tile.ts";
export { type TreeHead, verifyConsistency, verifyInclusion } from "./verify.ts";
