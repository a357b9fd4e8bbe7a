/** Software bill of materials in CycloneDX's format. */
import type { Component } from "./bundle.ts";

/** The document's text. `runtime` is Node's version. */
export function sbom(product: string, version: string, components: readonly Component[], runtime: string): string {
  const all = [...components, { name: "node", version: runtime, license: "MIT" }];
  const list = all.map(({ name, version: its, license }) => ({
    type: name === "node" ? "platform" : "library",
    name,
    version: its,
    purl: name === "node" ? `pkg:generic/node@${its}` : `pkg:npm/${name.replace("@", "%40")}@${its}`,
    licenses: [{ expression: license }],
  }));
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: { type: "application", name: product, version, licenses: [{ license: { id: "Apache-2.0" } }] },
    },
    components: list,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
