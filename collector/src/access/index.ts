/** Who may do what. */
export {
  Access,
  type Caller,
  UnknownCaller,
} from "./caller.ts";
export { isWithin, type Labels, labelProblem, labelsKey } from "./labels.ts";
export { includesRole, LEAST_ROLE, type Role } from "./role.ts";
export { fitsHash, idOfCode, makeCode, makeSecret, parseSecret } from "./secret.ts";
export { HostScopes, type HostSet } from "./scopes.ts";
export { openProvider, ProviderUnavailable, type ProviderUser } from "./provider.ts";
