/** Privileges of MongoDB: what somebody may do with what, and whether that is enough. */

export type Action =
  | "find"
  | "insert"
  | "update"
  | "remove"
  | "createIndex"
  | "listIndexes"
  | "listCollections"
  | "dropCollection"
  | "dbStats"
  | "replSetGetConfig"
  | "serverStatus";

/** A collection, all collections of a database (`collection` is empty), or the whole cluster. */
type Resource = { db: string; collection: string } | { cluster: true };

export interface Privilege {
  resource: Resource;
  actions: readonly string[];
}

/** What of `needed` is not in `granted`, as `<action> on <resource>`. `granted` is as the command connectionStatus gives it. */
export function lacking(granted: readonly Privilege[], needed: readonly Privilege[]): string[] {
  return needed.flatMap(({ resource, actions }) =>
    actions
      .filter((action) => !granted.some((each) => covers(each.resource, resource) && each.actions.includes(action)))
      .map((action) => `${action} on ${resourceText(resource)}`),
  );
}

function resourceText(resource: Resource): string {
  if ("cluster" in resource) return "the cluster";
  const { db, collection } = resource;
  if (collection === "") return db === "" ? "every database" : `all of ${db}`;
  return `${db}.${collection}`;
}

/** An empty name is any name. */
function covers(granted: Resource & { anyResource?: unknown }, needed: Resource): boolean {
  if (granted.anyResource === true) return true;
  if ("cluster" in granted || "cluster" in needed) return "cluster" in granted && "cluster" in needed;
  const isDatabase = granted.db === "" || granted.db === needed.db;
  return isDatabase && (granted.collection === "" || granted.collection === needed.collection);
}

/** One privilege for each resource, with what others have for the same one. */
export function joined(privileges: readonly Privilege[]): Privilege[] {
  const found = new Map<string, { resource: Resource; actions: Set<string> }>();
  for (const { resource, actions } of privileges) {
    const key = resourceText(resource);
    const before = found.get(key) ?? { resource, actions: new Set() };
    for (const action of actions) before.actions.add(action);
    found.set(key, before);
  }
  return Array.from(found.values(), ({ resource, actions }) => ({ resource, actions: [...actions] }));
}
