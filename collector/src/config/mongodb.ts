/** The section `mongodb` of collector.yaml. */
import { ConfigError, type ConfigSchema, mapOf, optionalPath } from "@hosttrail/lib/config";

export interface MongodbConfig {
  url: string;
  urlFile: string;
  user: string;
  passwordFile: string;
  database: string;
  /** Empty: the same as `database`. */
  historyDatabase: string;
  tls: { enabled: boolean; caFile: string; certificateFile: string; keyFile: string };
  manage: boolean;
}

const NAME = "[A-Za-z0-9_-]{1,63}";

export const mongodbSchema: ConfigSchema = mapOf({
  url: { type: "string", default: "" },
  url_file: {
    ...optionalPath,
    description: "The URL stands in this file, of mode 0600, since it may hold a password.",
  },
  user: {
    type: "string",
    maxLength: 256,
    default: "",
    description: "Who logs in, with the password of password_file; empty: whom the URL names, or nobody.",
  },
  password_file: { ...optionalPath, description: "The password and nothing else, mode 0600." },
  database: { type: "string", pattern: `^${NAME}$`, default: "hosttrail" },
  history_database: {
    type: "string",
    pattern: `^(?:${NAME})?$`,
    default: "",
    description:
      "Database of the collections that are made for each day; empty: the same. One of their own lets logins have rights to these alone.",
  },
  tls: mapOf({
    enabled: { type: "boolean", default: false, description: "Nothing is said to a server without TLS." },
    ca_file: optionalPath,
    certificate_file: optionalPath,
    key_file: optionalPath,
  }),
  manage: {
    type: "boolean",
    default: true,
    description: "Indexes that are missing are made. false: hosttrail-collector mongodb apply makes them.",
  },
});

/** What only shows where several settings are seen together; throws a ConfigError that names every problem. */
export function checkMongodb(file: string, { url, urlFile, user, passwordFile, tls }: MongodbConfig): void {
  const problems: string[] = [];
  if (url !== "" && urlFile !== "") problems.push("mongodb.url and url_file are both set; allowed is one of them");
  if (user !== "" && passwordFile === "")
    problems.push("mongodb.user is set, so mongodb.password_file must be set, too");
  if (user === "" && passwordFile !== "")
    problems.push("mongodb.password_file is set, so mongodb.user must be set, too");
  if ((tls.certificateFile === "") !== (tls.keyFile === ""))
    problems.push("mongodb.tls has one of certificate_file and key_file; allowed are both or none");
  const named = (["caFile", "certificateFile", "keyFile"] as const).filter((key) => tls[key] !== "");
  if (!tls.enabled && named.length > 0)
    problems.push("mongodb.tls names files, and mongodb.tls.enabled is not true: it would be plain text");
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${file}: ${problem}`));
}
