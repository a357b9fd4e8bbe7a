/** How to reach the collector: a small YAML file, so that no secret stands on the command line. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { absolutePath, address, type ConfigSchema, loadConfig, mapOf } from "@hosttrail/lib/config";
import { readSecretFile } from "@hosttrail/lib/files";
import { QueryServiceClient } from "@hosttrail/proto/query";

interface Profile {
  endpoint: string;
  caFile: string;
  certificateFile: string;
  keyFile: string;
}

const schema: ConfigSchema = mapOf(
  { endpoint: address, ca_file: absolutePath, certificate_file: absolutePath, key_file: absolutePath },
  ["endpoint", "ca_file", "certificate_file", "key_file"],
);

/** The profile's file: --profile, else $HOSTTRAIL_PROFILE, else the one in the user's config folder. */
export function profilePath(option: string | undefined): string {
  const fallback = join(process.env["XDG_CONFIG_HOME"] ?? join(homedir(), ".config"), "hosttrail", "profile.yaml");
  return option ?? process.env["HOSTTRAIL_PROFILE"] ?? fallback;
}

/** A client of the query API; throws a ConfigError where the profile is wrong. */
export function openClient(file: string): QueryServiceClient {
  const profile = loadConfig<Profile>(file, schema);
  return new QueryServiceClient(
    profile.endpoint,
    credentials.createSsl(
      readFileSync(profile.caFile),
      Buffer.from(readSecretFile(profile.keyFile)),
      readFileSync(profile.certificateFile),
    ),
    // No TXT record of the collector's name may configure us.
    { "grpc.max_receive_message_length": 256 * 1024 * 1024, "grpc.service_config_disable_resolution": 1 },
  );
}
