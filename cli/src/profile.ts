/** How to reach the collector: a small YAML file, so that no secret stands on the command line. */
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import {
  absolutePath,
  address,
  ConfigError,
  type ConfigSchema,
  loadConfig,
  mapOf,
  optionalPath,
} from "@hosttrail/lib/config";

export interface Profile {
  endpoint: string;
  caFile: string;
  /** A client certificate; empty where a token says who calls. */
  certificateFile: string;
  keyFile: string;
  /** A bearer token of `hosttrail api-token create`. */
  tokenFile: string;
  /** An OpenID Connect provider for `hosttrail login`. */
  oidc: { issuer: string; clientId: string; scope: string };
  /** The transparency log's key, as "<name>+<id>+<base64>", or a policy with it and its witnesses; empty where they are not known. */
  logKey: string;
  policyFile: string;
  /** Where `hosttrail verify` keeps the newest checkpoints that it saw. */
  seenFile: string;
  /** Where `hosttrail login` keeps what it got. */
  sessionFile: string;
}

const schema: ConfigSchema = mapOf(
  {
    endpoint: address,
    ca_file: absolutePath,
    certificate_file: optionalPath,
    key_file: optionalPath,
    token_file: optionalPath,
    log_key: { type: "string", pattern: "^(?:[^\\s+]+\\+[0-9a-f]{8}\\+[A-Za-z0-9+/=]+)?$", default: "" },
    policy_file: optionalPath,
    oidc: mapOf({
      issuer: { type: "string", pattern: "^(?:https?://\\S+)?$", default: "" },
      client_id: { type: "string", default: "hosttrail" },
      scope: { type: "string", default: "openid offline_access" },
    }),
  },
  ["endpoint", "ca_file"],
);

/** The profile's file: --profile, else $HOSTTRAIL_PROFILE, else the one in the user's config folder. */
export function profilePath(option: string | undefined): string {
  const fallback = join(process.env["XDG_CONFIG_HOME"] ?? join(homedir(), ".config"), "hosttrail", "profile.yaml");
  return option ?? process.env["HOSTTRAIL_PROFILE"] ?? fallback;
}

/** Reads a profile; throws a ConfigError that says what is wrong. */
export function loadProfile(file: string): Profile {
  const profile = loadConfig<Omit<Profile, "sessionFile" | "seenFile">>(file, schema);
  if ((profile.certificateFile === "") !== (profile.keyFile === "")) {
    throw new ConfigError([`${file}: certificate_file and key_file belong together`]);
  }
  if (profile.certificateFile === "" && profile.tokenFile === "" && profile.oidc.issuer === "") {
    throw new ConfigError([`${file}: who calls? give certificate_file and key_file, or token_file, or oidc.issuer`]);
  }
  const beside = (what: string): string => join(dirname(file), `.${file.split("/").at(-1) ?? ""}.${what}`);
  return { ...profile, sessionFile: beside("session"), seenFile: beside("checkpoints") };
}
