/** Manual pages of configuration files, from their schemas: no key without its page, no page that tells another default. */
import { agentSchema } from "@hosttrail/agent/config";
import { collectorSchema } from "@hosttrail/collector/config";

interface Schema {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  properties?: Record<string, Schema>;
  items?: Schema;
}

const FILES: Readonly<Record<string, { file: string; path: string; schema: unknown; command: string }>> = {
  "hosttrail-agent": {
    file: "hosttrail-agent.yaml.5",
    path: "/etc/hosttrail-agent/agent.yaml",
    schema: agentSchema,
    command: "hosttrail-agent 8",
  },
  "hosttrail-collector": {
    file: "hosttrail-collector.yaml.5",
    path: "/etc/hosttrail/collector.yaml",
    schema: collectorSchema,
    command: "hosttrail-collector 8",
  },
};

/** The page of a product's configuration file, in mdoc. */
export function configManual(product: string): { file: string; text: string } {
  const about = FILES[product];
  if (about === undefined) throw new Error(`${product} has no configuration file`);
  const { file, path, schema, command } = about;
  const lines = [
    ".Dd $Mdocdate$",
    `.Dt ${file.replace(/\.5$/, "").toUpperCase()} 5`,
    ".Os Hosttrail",
    ".Sh NAME",
    `.Nm ${file.replace(/\.5$/, "")}`,
    `.Nd configuration of ${product}`,
    ".Sh DESCRIPTION",
    "One file in YAML. What is not given has its default; what is not known is an error.",
    ".Sh KEYS",
    ".Bl -tag -width Ds",
    ...keys("", schema as Schema),
    ".El",
    ".Sh FILES",
    `.Pa ${path}`,
    ".Sh SEE ALSO",
    `.Xr ${command}`,
  ];
  return { file, text: `${lines.join("\n")}\n` };
}

function keys(prefix: string, { properties = {} }: Schema): string[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    if (schema.properties !== undefined) return keys(path, schema);
    const { minimum, maximum } = schema;
    const type = schema.type === "array" ? `list of ${schema.items?.type ?? "values"}s` : (schema.type ?? "value");
    const facts = [
      schema.enum === undefined ? type : `one of ${schema.enum.join(", ")}`,
      ...(minimum !== undefined && maximum !== undefined ? [`${minimum} to ${maximum}`] : []),
      schema.default === undefined ? "required" : `default ${plain(schema.default)}`,
    ];
    const text = [
      ...(schema.description === undefined ? [] : [escape(schema.description)]),
      escape(`${facts.join("; ")}.`),
    ];
    // What each item of a list has.
    const inner = schema.items?.properties === undefined ? [] : keys(`${path}[]`, schema.items);
    return [`.It Ic ${path}`, ...text, ...inner];
  });
}

function plain(value: unknown): string {
  if (value === "") return "none";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(", ");
  if (typeof value === "object") return "none";
  return JSON.stringify(value).replaceAll('"', "");
}

/** A line that begins with a dot or a quote is a request to the formatter; a backslash begins an escape. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replace(/^([.'])/, "\\&$1");
}
