/** Rights as a script for mongosh: roles, and users with these roles. It may be run again, and changes roles then. */
import { type DatabaseLogin, type Databases, privilegesOf } from "./rights.ts";

/** Name of a login, and of its role. */
function loginName(login: DatabaseLogin, { database }: Databases): string {
  return `${database}-${login}`;
}

const ONE_DATABASE = `// mongodb.history_database is not set, or is the same as mongodb.database: rights on the collections that are made for each
// day are rights on all collections then, since MongoDB has none for names that begin with something. Set it first.
`;

/** `byCertificate`: users are known by the subjects of their certificates, else by passwords, for which mongosh asks. */
export function databaseRightsText(
  logins: readonly DatabaseLogin[],
  databases: Databases,
  byCertificate: boolean,
): string {
  const isOne = databases.historyDatabase === "" || databases.historyDatabase === databases.database;
  const parts = logins.map((login) => partOf(login, databases, byCertificate));
  return `// mongosh URL --file THIS_FILE, as somebody who may make roles and users. Roles of two databases can only stand in admin.
${isOne ? ONE_DATABASE : ""}const roles = db.getSiblingDB("admin");
const users = db.getSiblingDB(${JSON.stringify(byCertificate ? "$external" : "admin")});

function putRole(role, privileges) {
  if (roles.getRole(role) === null) roles.createRole({ role, privileges, roles: [] });
  else roles.updateRole(role, { privileges, roles: [] });
}

function putUser(user, role, secret) {
  const granted = [{ role, db: "admin" }];
  if (users.getUser(user) === null) users.createUser({ user, ...secret(), roles: granted });
  else users.updateUser(user, { roles: granted });
}

${parts.join("\n")}`;
}

function partOf(login: DatabaseLogin, databases: Databases, byCertificate: boolean): string {
  const name = JSON.stringify(loginName(login, databases));
  const privileges = privilegesOf(login, databases)
    .map(({ resource, actions }) => `  { resource: ${inline(resource)}, actions: ${inline(actions)} },\n`)
    .join("");
  const user = byCertificate ? JSON.stringify(`CN=${loginName(login, databases)}`) : name;
  const secret = byCertificate ? "() => ({})" : "() => ({ pwd: passwordPrompt() })";
  const asks = byCertificate ? "" : `print("Password of " + ${name} + ", where it is new:");\n`;
  return `putRole(${name}, [\n${privileges}]);\n${asks}putUser(${user}, ${name}, ${secret});\n`;
}

function inline(value: object): string {
  return JSON.stringify(value).replaceAll('":', '": ').replaceAll(',"', ', "');
}
