/** What `hosttrail-collector mongodb …` does: its own connection, for as long as it takes. */
import { daysOf, type MongoOptions, openClient, reachProblem } from "./connect.ts";
import type { DatabaseLogin } from "./rights.ts";
import type { DatabaseFinding } from "./standing.ts";
import { DatabaseSurvey } from "./survey.ts";

/** Looks at the database as a process that is `logins`, without waiting for one that is not there; throws where it cannot be reached, with the setting that may be wrong. */
export async function surveyDatabase(
  options: MongoOptions,
  logins: readonly DatabaseLogin[],
): Promise<DatabaseFinding[]> {
  return await withSurvey(options, (survey) => survey.look(logins, options.isManaging === false));
}

/** Makes indexes as planned; what was done. */
export async function applyDatabase(options: MongoOptions): Promise<string[]> {
  return await withSurvey(options, (survey) => survey.apply());
}

async function withSurvey<Answer>(
  options: MongoOptions,
  ask: (survey: DatabaseSurvey) => Promise<Answer>,
): Promise<Answer> {
  const client = openClient(options);
  try {
    await client.connect();
    return await ask(new DatabaseSurvey(client.db(options.database), daysOf(client, options)));
  } catch (error) {
    throw new Error(`the database: ${reachProblem(error, options)}`, { cause: error });
  } finally {
    await client.close();
  }
}
