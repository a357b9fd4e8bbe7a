/** Questions that people keep under a name: for all callers of the same scope, and for nobody else. */
import { status } from "@grpc/grpc-js";
import { compileFilter, FIELDS } from "@hosttrail/lib/predicate";
import { nearest } from "@hosttrail/lib/spelling";
import {
  DeleteSavedQueryRequest,
  type DeleteSavedQueryResponse,
  GetSavedQueryRequest,
  ListSavedQueriesRequest,
  type ListSavedQueriesResponse,
  PutSavedQueryRequest,
  type QueryServiceServer,
  SavedQuery,
} from "@hosttrail/proto/query";
import { labelsKey } from "../access/index.ts";
import { orderOf, rangeOf } from "../ask/index.ts";
import type { SavedQueryDocument } from "../model/index.ts";
import {
  type Answers,
  checkText,
  type Gate,
  invalidField,
  type PageTokens,
  pageSizeOf,
  requestFingerprint,
  serviceError,
  timestampOf,
  type Visit,
} from "../serve/index.ts";
import { ownerOf } from "./question.ts";

const NAME = /^[a-z][a-z0-9-]{0,63}$/;
const DESCRIPTION_LENGTH_MAX = 512;
/** Those of one scope. */
const QUERIES_MAX = 1000;
const SINCE_SECONDS_MAX = 10n * 366n * 86_400n;
const GROUP_BY_MAX = 4;

/** What keeps them; each throws a RetryableError where the database is away. */
export interface SavedQueryArchive {
  putSavedQuery(query: SavedQueryDocument): Promise<void>;
  getSavedQuery(scope: string, name: string): Promise<SavedQueryDocument | undefined>;
  /** In the order of names, after one of them. */
  listSavedQueries(scope: string, afterName: string, limit: number): Promise<SavedQueryDocument[]>;
  deleteSavedQuery(scope: string, name: string): Promise<boolean>;
}

type Methods = Pick<QueryServiceServer, "listSavedQueries" | "getSavedQuery" | "putSavedQuery" | "deleteSavedQuery">;

export class SavedQueries {
  readonly #archive: SavedQueryArchive;
  readonly #tokens: PageTokens;

  constructor(archive: SavedQueryArchive, tokens: PageTokens) {
    this.#archive = archive;
    this.#tokens = tokens;
  }

  methods(gate: Gate): Methods {
    return {
      listSavedQueries: gate.unary(ListSavedQueriesRequest, (request, visit) => this.#list(request, visit)),
      getSavedQuery: gate.unary(GetSavedQueryRequest, (request, visit) => this.#get(request, visit)),
      putSavedQuery: gate.change(PutSavedQueryRequest, (request, visit) => this.#put(request, visit)),
      deleteSavedQuery: gate.change(DeleteSavedQueryRequest, (request, visit) => this.#delete(request, visit)),
    };
  }

  async #list(request: ListSavedQueriesRequest, visit: Visit): Promise<Answers<ListSavedQueriesResponse>> {
    const fingerprint = requestFingerprint(["saved queries", ...ownerOf(visit)]);
    const after = request.pageToken === "" ? "" : await this.#tokens.decode(request.pageToken, fingerprint);
    const pageSize = pageSizeOf(request.pageSize);
    const found = await this.#archive.listSavedQueries(scopeOf(visit), after, pageSize + 1);
    const page = found.slice(0, pageSize);
    const last = found.length > pageSize ? page.at(-1)?.name : undefined;
    const nextPageToken = last === undefined ? "" : await this.#tokens.encode(fingerprint, last);
    return {
      response: { queries: page.map(({ bytes }) => SavedQuery.decode(bytes)), nextPageToken },
      results: page.length,
    };
  }

  async #get({ name }: GetSavedQueryRequest, visit: Visit): Promise<Answers<SavedQuery>> {
    const found = await this.#archive.getSavedQuery(scopeOf(visit), checkName(name));
    if (found === undefined) throw notFound(name);
    return { response: SavedQuery.decode(found.bytes), results: 1 };
  }

  async #put({ query }: PutSavedQueryRequest, visit: Visit): Promise<Answers<SavedQuery>> {
    if (query === undefined) throw invalidField("query", "", "a question with its name");
    const scope = scopeOf(visit);
    const name = checkName(query.name);
    checkQuestion(query);
    if ((await this.#archive.getSavedQuery(scope, name)) === undefined) {
      const there = await this.#archive.listSavedQueries(scope, "", QUERIES_MAX);
      if (there.length >= QUERIES_MAX) {
        const message = `there are ${there.length} saved queries, as many as there may be: delete some`;
        throw serviceError(status.RESOURCE_EXHAUSTED, "SAVED_QUERIES_FULL", message);
      }
    }
    const saved: SavedQuery = { ...query, author: visit.caller.name, updateTime: timestampOf(Date.now()) };
    await this.#archive.putSavedQuery({ scope, name, bytes: SavedQuery.encode(saved).finish() });
    return { response: saved, results: 1 };
  }

  async #delete({ name }: DeleteSavedQueryRequest, visit: Visit): Promise<Answers<DeleteSavedQueryResponse>> {
    if (!(await this.#archive.deleteSavedQuery(scopeOf(visit), checkName(name)))) throw notFound(name);
    return { response: {}, results: 1 };
  }
}

function scopeOf({ caller }: Visit): string {
  return labelsKey(caller.scope);
}

function checkName(name: string): string {
  if (NAME.test(name)) return name;
  throw invalidField("name", name, 'a letter and up to 63 of "a" to "z", digits and "-"');
}

function notFound(name: string): Error {
  return serviceError(status.NOT_FOUND, "SAVED_QUERY_NOT_FOUND", `there is no saved query "${name}"`, { name });
}

/** Throws a FilterError or a ServiceError for what could never be asked. */
function checkQuestion({ description, sinceSeconds, question }: SavedQuery): void {
  checkText("description", description, { min: 0, max: DESCRIPTION_LENGTH_MAX });
  if (sinceSeconds < 0n || sinceSeconds > SINCE_SECONDS_MAX)
    throw invalidField("since_seconds", sinceSeconds, `0 to ${SINCE_SECONDS_MAX}`);
  if (question === undefined) throw invalidField("question", "", "one of search, aggregate and timeline");
  compileFilter(question.value.filter);
  rangeOf(question.value);
  if (question.$case === "search") {
    orderOf(question.value.orderBy);
    if (question.value.resumeToken !== "")
      throw invalidField("search.resume_token", question.value.resumeToken, "no token: it is another one's each time");
  }
  if (question.$case === "aggregate") checkGroups(question.value.groupBy);
}

function checkGroups(groupBy: readonly string[]): void {
  if (groupBy.length > GROUP_BY_MAX)
    throw invalidField("aggregate.group_by", groupBy.length, `up to ${GROUP_BY_MAX} fields`);
  for (const field of groupBy)
    if (!FIELDS.has(field))
      throw invalidField("aggregate.group_by", field, `fields by their ECS names${nearest(field, FIELDS.keys())}`);
}
